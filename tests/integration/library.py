"""Another project uses an installed Swarmlab: client/example is built against it and downloads from a real swarm.

BT_BUILD_DIR, BT_CXX and BT_CMAKE come from ctest.
"""
import os
import random
import re
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.integration.common import EXIT_OK, EXIT_TORRENT, KIB, Lab, check, ends_with, main, program, says  # noqa: E402
from tests.interop.peers import SwarmSeeder, SwarmTracker  # noqa: E402
from tests.support import bencode  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EXAMPLE = os.path.join(ROOT, "client", "example")
EXIT_INTERRUPTED = 130
FILES = {"a.bin": 300 * KIB, "empty": 0, "folder/b.bin": 123457, "folder/deeper/c.txt": 11}


def cmake(*arguments):
    done = subprocess.run([os.environ.get("BT_CMAKE", "cmake"), *arguments], capture_output=True, text=True, timeout=240,
                          check=False)
    check(done.returncode == 0, f"cmake {' '.join(arguments)}: {done.stdout}{done.stderr}")
    return done.stdout


def install(lab):
    prefix = lab.path("prefix")
    cmake("--install", os.environ["BT_BUILD_DIR"], "--prefix", prefix, "--component", "library")
    return prefix


def build_example(lab, prefix):
    build = lab.path("example")
    cmake("-S", EXAMPLE, "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}",
          f"-DCMAKE_CXX_COMPILER={os.environ.get('BT_CXX', 'c++')}",
          # Only that prefix may satisfy it, not another Swarmlab of the machine.
          "-DCMAKE_FIND_PACKAGE_NO_PACKAGE_REGISTRY=ON")
    cmake("--build", build)
    return os.path.join(build, "download")


def make_content(lab, tracker):
    for path, size in FILES.items():
        lab.make_dir("origin", "tree", os.path.dirname(path))
        lab.write(os.path.join("origin", "tree", path), random.Random(path).randbytes(size))
    torrent = lab.path("tree.torrent")
    subprocess.run([program("swarm-client"), "create", lab.path("origin", "tree"), "-o", torrent, "--tracker", tracker.url],
                   check=True, timeout=60, capture_output=True)
    return torrent


def example():
    with Lab("library", 300) as lab:
        download = build_example(lab, install(lab))
        tracker = SwarmTracker(lab)
        torrent = make_content(lab, tracker)
        with open(torrent, "rb") as file:
            info_hash = bencode.info_hash(file.read())
        tracker.start(torrent)
        seeder = SwarmSeeder(lab, "seeder", torrent)
        seeder.seed(lab.path("origin"))
        lab.wait_until(lambda: tracker.count(info_hash, b"complete") == 1, "the tracker knows the seeder",
                       [seeder.node, tracker.node], timeout_s=30)
        node = lab.start("download", [download, torrent, lab.path("target"), lab.address()])
        ends_with(lab, node, EXIT_OK, 60)
        total = sum(FILES.values())
        with open(node.log_path, encoding="utf-8") as log:
            lines = log.read().splitlines()
        check(re.fullmatch(rf"{info_hash.hex()} {total} bytes, (\d+) of \1 pieces", lines[0]), f"first line: {lines}")
        check(len(lines) == 1 + len(FILES), f"{len(FILES)} files in {lines}")
        for path, size in FILES.items():
            target = lab.path("target", "tree", path)
            check(f"{target} {size}" in lines, f"{target} in {lines}")
            with open(target, "rb") as file:
                check(file.read() == random.Random(path).randbytes(size), f"{path} differs")

        # Signals are the program's: Ctrl-C becomes stop().
        seeder.node.stop()
        stuck = lab.start("stuck", [download, torrent, lab.path("elsewhere"), lab.address()])
        lab.wait_until(lambda: any("0 of" in line for line in stuck.stderr_lines()), "it is under way", [stuck])
        stuck.process.send_signal(signal.SIGINT)
        ends_with(lab, stuck, EXIT_INTERRUPTED)
        says(stuck, "interrupted")

        broken = lab.start("broken", [download, lab.write("broken.torrent", b"no torrent"), lab.path("target")])
        ends_with(lab, broken, EXIT_TORRENT)
        says(broken, "broken.torrent")


def fixture():
    """Tests of another project with a real swarm in them: Catch2's and GoogleTest's."""
    with Lab("fixture", 300) as lab:
        prefix = install(lab)
        cmake("--install", os.environ["BT_BUILD_DIR"], "--prefix", prefix, "--component", "programs")
        build = lab.path("fixture")
        cmake("-S", os.path.join(ROOT, "lab", "examples", "fixture"), "-B", build, "-G", "Ninja",
              f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_CXX_COMPILER={os.environ.get('BT_CXX', 'c++')}",
              "-DCMAKE_FIND_PACKAGE_NO_PACKAGE_REGISTRY=ON")
        cmake("--build", build)
        for name in ("catch2_swarm", "gtest_swarm"):
            node = lab.start(name, [os.path.join(build, name)])
            ends_with(lab, node, EXIT_OK, 100)
            left = [folder for folder, _, files in os.walk(lab.path("lab-out")) if "lock" in files]
            check(not left, f"left behind: {left}")


def headers():
    """What is installed needs the standard library alone, and is not the whole tree."""
    with Lab("headers") as lab:
        include = os.path.join(install(lab), "include", "swarmlab")
        found = [os.path.relpath(os.path.join(folder, name), include)
                 for folder, _, names in os.walk(include) for name in names]
        check("client/client.h" in found and "lab/swarm_fixture.h" in found and len(found) <= 17, f"installed headers: {sorted(found)}")
        for name in found:
            with open(os.path.join(include, name), encoding="utf-8") as header:
                for included in re.findall(r"^\s*#\s*include\s+(\S+)", header.read(), re.MULTILINE):
                    standard = re.fullmatch(r"<[a-z0-9_]+>", included)
                    check(standard or included.strip('"') in found, f"{name} includes {included}")


main({"example": example, "headers": headers, "fixture": fixture})
