"""swarm-client scrape asks swarm-tracker and, where it is installed, npm's bittorrent-tracker over HTTP, and opentracker
over UDP, each with a seed of ours."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.interop import peers  # noqa: E402
from tests.support import bencode  # noqa: E402
from tests.support.nodes import Lab, check, program, run_test  # noqa: E402


def scrape():
    missing = peers.missing_programs(["opentracker"])
    check(not missing, "install the packages " + " ".join(missing))
    with Lab("scrape") as lab:
        data = b"x" * 100_000
        folder = lab.make_dir("origin")
        lab.write("origin/data.bin", data)
        trackers = [peers.SwarmTracker(lab), peers.OpenTrackerUdp(lab)]
        if os.path.exists(os.path.join(peers.NpmTracker.folder(), "node_modules")):
            trackers.append(peers.NpmTracker(lab))
        for number, tracker in enumerate(trackers):
            raw = bencode.single_file_torrent("data.bin", data, 16384, tracker.url)
            torrent = lab.write(f"{number}.torrent", raw)
            tracker.start(torrent)
            seeder = peers.SwarmSeeder(lab, f"seeder-{number}", torrent)
            seeder.seed(folder)
            lab.wait_until(lambda: tracker.count(bencode.info_hash(raw), b"complete") == 1,  # noqa: B023
                           "the tracker knows the seeder", [seeder.node, tracker.node], timeout_s=30)
        magnet = f"magnet:?xt=urn:btih:{bencode.info_hash(raw).hex()}" + "".join(f"&tr={t.url}" for t in trackers)
        result = subprocess.run([program("swarm-client"), "scrape", magnet], capture_output=True, timeout=30,
                                check=False, text=True)
        wanted = "".join(f"{tracker.url}: seeds 1, leechers 0, completed {tracker.completed}\n" for tracker in trackers)
        check((result.returncode, result.stdout, result.stderr) == (0, wanted, ""), f"{result} instead of {wanted}")


run_test(scrape)
