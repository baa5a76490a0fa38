"""Real trees of the machine, torrents of them by other people's programs, and the comparison byte for byte."""
import os
import shutil
import stat
import subprocess

from tests.support import bencode
from tests.support.nodes import TestFailure, check

CAP_BYTES = 24 * 1000 * 1000
COMPARE_BYTES = 1 << 20
# Together: hundreds of small files, names outside ASCII, empty files, a few files of megabytes.
SOURCES = ("/usr/include/c++", "/usr/share/ca-certificates", "/usr/lib/python3/dist-packages", "/usr/share/doc")


def copy_real_tree(target, cap=CAP_BYTES):
    """Copies regular files (no links, no specials) of the machine until the cap; each source gets an equal share."""
    total = count = 0
    for number, source in enumerate(SOURCES):
        limit = cap * (number + 1) // len(SOURCES)
        for folder, folders, names in os.walk(source):
            folders.sort()
            # transmission-create leaves hidden files out; some packages bring one.
            for name in sorted(name for name in names if not name.startswith(".")):
                origin = os.path.join(folder, name)
                info = os.lstat(origin)
                if not stat.S_ISREG(info.st_mode) or total + info.st_size > limit:
                    continue
                copy = os.path.join(target, os.path.relpath(origin, os.path.dirname(source)))
                os.makedirs(os.path.dirname(copy), exist_ok=True)
                shutil.copyfile(origin, copy)
                total += info.st_size
                count += 1
    check(count >= 200 and total >= 5_000_000, f"the machine's trees give {count} files, {total} bytes: too little")
    return count, total


def make_torrent(maker, tree, torrent, announce, piece_kib=64):
    """maker: mktorrent or transmission-create (which leaves empty files out)."""
    if maker == "mktorrent":
        power = (piece_kib * 1024).bit_length() - 1
        argv = ["mktorrent", "-l", str(power), "-a", announce, "-o", torrent, tree]
    else:
        argv = ["transmission-create", "-s", str(piece_kib), "-t", announce, "-o", torrent, tree]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    check(done.returncode == 0 and os.path.exists(torrent), f"{maker} failed: {done.stdout.decode(errors='replace')}")


def files_below(root):
    root = os.fsencode(root)
    return {os.path.relpath(os.path.join(folder, name), root) for folder, _, names in os.walk(root) for name in names}


def same_content(a, b):
    with open(a, "rb") as left, open(b, "rb") as right:
        while True:
            x, y = left.read(COMPARE_BYTES), right.read(COMPARE_BYTES)
            if x != y:
                return False
            if not x:
                return True


def compare(torrent, original, copy):
    """The copy has exactly the torrent's files, and the torrent every file of the original that is not empty."""
    with open(torrent, "rb") as file:
        listed = {path for path, _ in bencode.file_list(file.read())}
    original, copy = os.fsencode(original), os.fsencode(copy)
    whole = {p for p in files_below(original) if os.path.getsize(os.path.join(original, p)) > 0}
    check(whole <= listed, f"the torrent misses files of the original: {sorted(whole - listed)[:5]}")
    found = files_below(copy)
    check(found == listed, f"missing {sorted(listed - found)[:5]}, unexpected {sorted(found - listed)[:5]}")
    for path in sorted(listed):
        if not same_content(os.path.join(original, path), os.path.join(copy, path)):
            raise TestFailure(f"differs from the original: {path!r}")
    return len(listed)
