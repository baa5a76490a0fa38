"""`swarm-client create` and `verify` as a user calls them: options, output, exit codes."""
import hashlib
import json
import os
import random
import subprocess

from common import EXIT_DISK, EXIT_OK, EXIT_TORRENT, EXIT_VERIFY, Lab, bencode, check, main, program

EXIT_ARGUMENTS = 2


def call(*argv, code=EXIT_OK, cwd=None):
    done = subprocess.run([program("swarm-client"), *argv], cwd=cwd, stdin=subprocess.DEVNULL, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    check(done.returncode == code, f"{argv}: exit code {done.returncode} instead of {code}: {done.stderr}")
    return done


def make_tree(lab):
    root = lab.make_dir("photos")
    lab.make_dir("photos", "day one")
    for seed, (name, size) in enumerate({"a.raw": 70_000, "day one/b.raw": 5, "day one/c.raw": 100_000}.items()):
        lab.write(os.path.join("photos", name), random.Random(seed).randbytes(size))
    return root


def read(path):
    with open(path, "rb") as file:
        return file.read()


def every_option_of_create():
    with Lab("create") as lab:
        root = make_tree(lab)
        lab.write("photos/x.tmp", b"left out")
        out = lab.path("photos", "out.torrent")
        options = ["-o", out, "--tracker", "http://a.test/announce,udp://b.test:7/announce", "--tracker",
                   "https://c.test/announce", "--web-seed", "http://w.test/", "--piece-length", "32KiB", "--comment",
                   "two words", "--source", "SITE", "--private", "--creation-date", "1700000000", "--threads", "2",
                   "--name", "Photos", "--exclude", "*.tmp"]
        done = call("create", root, *options)
        torrent = bencode.decode(read(out))
        info = torrent[b"info"]
        check(torrent[b"announce"] == b"http://a.test/announce", "announce")
        check(torrent[b"announce-list"] == [[b"http://a.test/announce", b"udp://b.test:7/announce"],
                                            [b"https://c.test/announce"]], f"tiers: {torrent[b'announce-list']}")
        check(torrent[b"url-list"] == [b"http://w.test/"], "web seeds")
        check(torrent[b"comment"] == b"two words" and torrent[b"creation date"] == 1700000000, "comment and date")
        check(info[b"private"] == 1 and info[b"source"] == b"SITE" and info[b"name"] == b"Photos", "info")
        check([f[b"path"] for f in info[b"files"]] == [[b"a.raw"], [b"day one", b"b.raw"], [b"day one", b"c.raw"]],
              "files in order, without x.tmp")
        content = b"".join(read(os.path.join(root, n)) for n in ("a.raw", "day one/b.raw", "day one/c.raw"))
        hashes = b"".join(hashlib.sha1(content[i:i + 32768]).digest() for i in range(0, len(content), 32768))
        check(info[b"piece length"] == 32768 and info[b"pieces"] == hashes, "pieces")
        check(hashlib.sha1(bencode.encode(info)).hexdigest() in done.stderr, f"info_hash is told: {done.stderr}")
        check(done.stdout == "", "nothing on standard output")
        # Again, with the torrent lying in the folder: the same bytes.
        first = read(out)
        quiet = call("create", root, *options, "--quiet")
        check(read(out) == first, "the same tree gives the same torrent")
        check(quiet.stderr == "", f"--quiet: {quiet.stderr}")
        check(sorted(os.listdir(root)) == ["a.raw", "day one", "out.torrent", "x.tmp"], "nothing else is left behind")


def refusals_of_create():
    with Lab("create") as lab:
        out = lab.path("x.torrent")
        check("nowhere" in call("create", lab.path("nowhere"), "-o", out, code=EXIT_DISK).stderr, "names the path")
        empty = lab.make_dir("empty")
        check("not even one byte" in call("create", empty, "-o", out, code=EXIT_ARGUMENTS).stderr, "says why")
        file = lab.write("file", b"x")
        for wrong in ("20000", "8192", "1GiB", "x"):
            call("create", file, "-o", out, "--piece-length", wrong, code=EXIT_ARGUMENTS)
        call("create", file, "-o", out, "--tracker", "nonsense", code=EXIT_ARGUMENTS)
        check(not os.path.exists(out), "nothing was written")
        call("create", file, "-o", lab.path("no", "such", "folder.torrent"), code=EXIT_DISK)


def verify_reports():
    with Lab("verify") as lab:
        root = make_tree(lab)
        torrent = lab.path("t.torrent")
        call("create", root, "-o", torrent, "--piece-length", "16KiB")
        for folder in (lab.folder, root):
            check(call("verify", torrent, folder).stdout.startswith("ok: photos, 3 file(s), 11 pieces"), "ok")
        report = json.loads(call("verify", torrent, root, "--json", "--threads", "1", "--quiet").stdout)
        check(report["ok"] and report["pieces"] == 11 and report["bad_pieces"] == [], f"{report}")
        with open(os.path.join(root, "day one", "c.raw"), "r+b") as file:
            file.write(b"wrong bytes")
        os.remove(os.path.join(root, "day one", "b.raw"))
        os.truncate(os.path.join(root, "a.raw"), 20_000)
        text = call("verify", torrent, root, code=EXIT_VERIFY).stdout.splitlines()
        check(text[:4] == ["short: photos/a.raw (20000 of 70000 bytes, 4 bad piece(s))",
                           "missing: photos/day one/b.raw (5 bytes)",
                           "unproven: photos/day one/c.raw (1 bad piece(s), shared with a file that is wrong)",
                           "bad pieces: 1-4"], f"{text}")
        check(text[4].startswith("7 of 11 pieces are right"), f"{text}")
        report = json.loads(call("verify", torrent, root, "--json", code=EXIT_VERIFY).stdout)
        check(not report["ok"] and report["bad_pieces"] == [1, 2, 3, 4], f"{report}")
        check([f["state"] for f in report["files"]] == ["short", "missing", "unproven"], f"{report}")
        call("verify", lab.path("t.torrent.not"), root, code=EXIT_TORRENT)
        call("verify", lab.write("bad.torrent", b"de"), root, code=EXIT_TORRENT)


main({"every_option_of_create": every_option_of_create, "refusals_of_create": refusals_of_create,
      "verify_reports": verify_reports})
