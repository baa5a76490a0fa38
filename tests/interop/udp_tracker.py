"""Clients of all makes announce to swarm-tracker over UDP, on the port that HTTP has too: ours, libtorrent, and npm's
bittorrent-tracker where it is installed. Each is counted and told about the others."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.interop import peers  # noqa: E402
from tests.support import bencode  # noqa: E402
from tests.support.nodes import Lab, check, run_test  # noqa: E402


def announced(tracker):
    with open(tracker.events, encoding="utf-8") as log:
        lines = [json.loads(line) for line in log if line.endswith("\n")]
    return [line for line in lines if line["event"] == "announced"]


def npm_client(tracker, info_hash):
    """What npm's client hears at each step."""
    argv = ["node", os.path.join(peers.HERE, "npm", "client.mjs"), peers.NpmTracker.folder(), tracker.url,
            info_hash.hex(), "4242"]
    result = subprocess.run(argv, capture_output=True, timeout=60, check=False, text=True)
    check(result.returncode == 0, f"npm's client: {result}")
    return [json.loads(line) for line in result.stdout.splitlines()]


def udp_tracker():
    missing = peers.missing_programs(["libtorrent"])
    check(not missing, "install the packages " + " ".join(missing))
    with Lab("udp-tracker") as lab:
        data = b"x" * 100_000
        folder = lab.make_dir("origin")
        lab.write("origin/data.bin", data)
        tracker = peers.SwarmTrackerUdp(lab)
        check(tracker.url.startswith("udp://"), tracker.url)
        raw = bencode.single_file_torrent("data.bin", data, 16384, tracker.url)
        info_hash = bencode.info_hash(raw)
        torrent = lab.write("data.torrent", raw)
        tracker.start(torrent)
        ours = peers.SwarmSeeder(lab, "ours", torrent)
        ours.seed(folder)
        lab.wait_until(lambda: tracker.count(info_hash, b"complete") == 1, "our seeder is counted",
                       [ours.node, tracker.node], timeout_s=30)
        theirs = peers.Libtorrent(lab, "theirs", torrent)
        theirs.seed(folder)
        lab.wait_until(lambda: tracker.count(info_hash, b"complete") == 2, "libtorrent is counted",
                       [theirs.node, tracker.node], timeout_s=30)
        doors = {event["door"] for event in announced(tracker)}
        check(doors == {"udp"}, f"announces came through {doors}")
        if not os.path.exists(os.path.join(peers.NpmTracker.folder(), "node_modules")):
            print("npm's bittorrent-tracker is not installed: not tried")
            return
        heard = npm_client(tracker, info_hash)
        told = {line["peer"] for line in heard if line["what"] == "peer"}
        check(told == {f"{ours.ip}:{ours.port}", f"{theirs.ip}:{theirs.port}"}, f"npm's client was told about {told}")
        counts = {line["what"]: (line["complete"], line["incomplete"]) for line in heard if line["what"] != "peer"}
        wanted = {"start": (2, 1), "complete": (3, 0), "scrape": (3, 0), "stop": (2, 0)}
        check(counts == wanted, f"npm's client heard {counts}, not {wanted}")


if __name__ == "__main__":
    run_test(udp_tracker)
