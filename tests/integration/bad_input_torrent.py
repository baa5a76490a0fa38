"""A damaged or hostile .torrent: one line with what and at which offset, exit code 3, nothing written."""
import os
import resource

from common import (EXIT_TORRENT, Lab, bencode, check, ends_with, main, program, says_one_line)

CLAIM = 100_000_000
LEVELS = 100_000
MEMORY_KIB = 80 * 1024
HASH = b"h" * 20


def info(**changes):
    base = {"name": "x", "piece length": 16384, "length": 16384, "pieces": HASH}
    base.update({key.replace("_", " "): value for key, value in changes.items()})
    return {key: value for key, value in base.items() if value is not None}


def single(**changes):
    return bencode.encode({"announce": "http://127.0.0.1:9/announce", "info": info(**changes)})


def multi(*files, **changes):
    return single(length=None, files=list(files), **changes)


def with_path(*elements):
    return multi({"length": 16384, "path": list(elements)})


# Name of the case: the file and what the line must say about it.
CASES = {
    "empty": (b"", "torrent|bencode|empty|end"),
    "truncated": (single()[:-30], "end|are left|missing"),
    "not_bencode": (b"<html>404 not found</html>", "bencode|byte|expected|value"),
    "trailing_bytes": (single() + b"junk", "trailing|behind|after|more"),
    "info_missing": (bencode.encode({"announce": "http://x/"}), '"?info"? is missing'),
    "info_is_a_string": (bencode.encode({"info": "x"}), "not a dictionary"),
    "name_is_a_number": (single(name=7), '"name"'),
    "length_is_a_string": (single(length="16384"), '"length"'),
    "pieces_is_a_list": (single(pieces=[HASH]), '"pieces"'),
    "path_is_a_string": (multi({"length": 16384, "path": "a"}), '"path"'),
    "path_with_dot_dot": (with_path("..", "..", "escaped"), r"path|\.\."),
    "name_is_dot_dot": (single(name=".."), '"name"'),
    "absolute_name": (single(name="/tmp/swarm-escaped"), '"name"'),
    "absolute_path": (with_path("/tmp", "swarm-escaped"), "path"),
    "path_with_separator": (with_path("../../escaped"), "path"),
    "empty_path_element": (with_path("a", "", "b"), "path"),
    "same_path_twice": (multi({"length": 1, "path": ["a"]}, {"length": 1, "path": ["a"]}), "path|twice|same"),
    "zero_length": (single(length=0, pieces=b""), "no byte|length|empty"),
    "zero_piece_length": (single(piece_length=0), "piece length"),
    "negative_length": (single(length=-1), "negative|length"),
    "negative_piece_length": (single(piece_length=-16384), "piece length"),
    "pieces_not_a_multiple_of_20": (single(pieces=HASH[:19]), '"pieces"'),
    "too_few_pieces": (single(length=16385), '"pieces"|hash'),
    "too_many_pieces": (single(pieces=HASH * 2), '"pieces"|hash'),
    "sum_of_lengths_overflows": (multi({"length": 2**62, "path": ["a"]}, {"length": 2**62, "path": ["b"]},
                                       {"length": 2**62, "path": ["c"]}, {"length": 2**62 + 16384, "path": ["d"]}),
                                 "length|add up|overflow"),
    "number_over_64_bits": (single().replace(b"i16384e", b"i" + b"9" * 30 + b"e", 1), "integer|number|range|large"),
    "nested_100000_levels": (b"d4:info" + b"l" * LEVELS + b"e" * LEVELS + b"e", "depth|deep|nest|level"),
    "string_claims_100_mb": (b"d4:info%d:abc" % CLAIM, "string|end|past|long"),
}


def refuses(data, pattern):
    with Lab("bad-torrent", 40) as lab:
        torrent = lab.write("bad.torrent", data)
        inside = lab.make_dir("cwd", "deep")
        original = lab.write("original", b"x" * 16384)
        outdir = os.path.join(inside, "out")
        before = {name for _, folders, names in os.walk(lab.path("cwd")) for name in folders + names}
        client = lab.start("client", [program("swarm-client"), "-t", torrent, "--outdir", outdir, "--bind",
                                      lab.address(), "--timeout", "5"], cwd=inside)
        ends_with(lab, client, EXIT_TORRENT)
        seeder = lab.start("seeder", [program("swarm-seeder"), "-t", torrent, "-s", original, "--bind",
                                      lab.address()], cwd=inside)
        ends_with(lab, seeder, EXIT_TORRENT)
        for node in (client, seeder):
            says_one_line(node, pattern)
            says_one_line(node, r"byte \d+")
            says_one_line(node, r"bad\.torrent")
        after = {name for _, folders, names in os.walk(lab.path("cwd")) for name in folders + names}
        check(after == before, f"written: {after - before}")
        check(not os.path.exists("/tmp/swarm-escaped") and not os.path.exists(lab.path("escaped")), "written outside")
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        check(peak < MEMORY_KIB, f"{peak} KiB of memory for a file of {len(data)} bytes")


main({name: (lambda data=data, pattern=pattern: refuses(data, pattern)) for name, (data, pattern) in CASES.items()})
