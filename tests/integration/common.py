"""What the command-line tests share: a small torrent, our programs on it, and how they must end."""
import os
import random
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.support import bencode, wire_peer  # noqa: E402
from tests.support.nodes import Lab, TestFailure, check, program, run_test  # noqa: E402, F401

KIB = 1024
EXIT_OK, EXIT_TORRENT, EXIT_TRACKERS, EXIT_NO_PROGRESS, EXIT_DISK_FULL, EXIT_DISK, EXIT_VERIFY, EXIT_LISTEN = (
    0, 3, 4, 5, 6, 7, 8, 9)
EXIT_FOLDER, EXIT_INTERRUPTED = 11, 130
# A port of loopback where nothing ever listens (discard is not started by anything any more).
DEAD_TRACKER = "http://127.255.0.1:9/announce"


class Payload:
    """One file of random bytes, its .torrent, and the same for wire peers."""

    def __init__(self, lab, size=512 * KIB, piece_length=64 * KIB, announce=None, name="payload.bin"):
        self.name = name
        self.data = random.Random(size).randbytes(size)
        torrent = bencode.single_file_torrent(name, self.data, piece_length, announce)
        self.torrent_path = lab.write(f"{name}.torrent", torrent)
        self.shared = wire_peer.Torrent(self.data, piece_length, bencode.info_hash(torrent))

    def write_original(self, lab, change=lambda data: data):
        return lab.write(self.name, change(self.data))

    def is_in(self, folder):
        path = os.path.join(folder, self.name)
        if not os.path.exists(path):
            return False
        with open(path, "rb") as file:
            return file.read() == self.data


def peers_file(lab, *endpoints, name="peers.txt"):
    return lab.write(name, "".join(f"{endpoint}\n" for endpoint in endpoints))


def start_client(lab, payload, outdir, *options, name="client", ip=None, **node_options):
    return lab.start(name, [program("swarm-client"), "-t", payload.torrent_path, "--outdir", outdir,
                            "--bind", ip or lab.address(), "--events", lab.path(f"{name}.events"),
                            "--stats-interval", "0.1", *options], **node_options)


def start_seeder(lab, payload, original, *options, name="seeder", **node_options):
    return lab.start(name, [program("swarm-seeder"), "-t", payload.torrent_path, "-s", original,
                            "--bind", lab.address(), "--events", lab.path(f"{name}.events"), *options], **node_options)


def ends_with(lab, node, code, timeout_s=20):
    lab.wait_exit(node, timeout_s)
    check(node.exit_code == code, f"{node.name}: exit code {node.exit_code} instead of {code}")


def says(node, pattern):
    """A line on stderr matches."""
    lines = node.stderr_lines()
    check(any(re.search(pattern, line, re.IGNORECASE) for line in lines),
          f"{node.name}: no line matches {pattern!r} in {lines}")


def says_one_line(node, pattern):
    lines = node.stderr_lines()
    check(len(lines) == 1, f"{node.name}: {len(lines)} lines instead of one: {lines}")
    says(node, pattern)


def downloaded(lab, node, payload, outdir):
    """The client ends in order and the file is right."""
    ends_with(lab, node, EXIT_OK, 40)
    check(payload.is_in(outdir), "the downloaded file differs from the original")


def main(cases):
    """A program with one test a case, chosen by name; a case is a function of no argument."""
    names = sys.argv[1:]
    if len(names) != 1 or names[0] not in cases:
        sys.exit("one of: " + " ".join(cases))
    run_test(cases[names[0]])
