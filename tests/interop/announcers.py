"""Clients of all makes announce to swarm-tracker over HTTP: aria2, transmission, libtorrent, rtorrent, and npm's
bittorrent-tracker where it is installed. Each is seen by its peer id and counted, and taken out when it says that it stops."""
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.interop import peers  # noqa: E402
from tests.interop.udp_tracker import announced, npm_client  # noqa: E402
from tests.support import bencode  # noqa: E402
from tests.support.nodes import Lab, check, run_test  # noqa: E402

MAKES = {"aria2": (peers.Aria2, b"A2-1-"), "transmission": (peers.Transmission, b"-TR3000-"),
         "libtorrent": (peers.Libtorrent, b"-LT20"), "rtorrent": (peers.Rtorrent, b"-lt0D80-")}
STOPPERS = ("aria2", "libtorrent", "rtorrent")


def announcers():
    missing = peers.missing_programs(list(MAKES))
    check(not missing, "install the packages " + " ".join(missing))
    with Lab("announcers", 150) as lab:
        data = b"x" * 100_000
        tracker = peers.SwarmTracker(lab)
        raw = bencode.single_file_torrent("data.bin", data, 16384, tracker.url)
        info_hash = bencode.info_hash(raw)
        torrent = lab.write("data.torrent", raw)
        tracker.start(torrent)
        running = []
        for number, (name, (make, prefix)) in enumerate(MAKES.items(), 1):
            folder = lab.make_dir(f"origin-{name}")
            lab.write(f"origin-{name}/data.bin", data)
            client = make(lab, name, torrent)
            client.seed(folder)
            lab.wait_until(lambda: tracker.count(info_hash, b"complete") == number,  # noqa: B023
                           f"{name} is counted", [client.node, tracker.node], timeout_s=40)
            # The events come a moment later than the answer.
            lab.wait_until(lambda: any(bytes.fromhex(e["peer_id"]).startswith(prefix)  # noqa: B023
                                       and e["announce_event"] == "started" and e["door"] == "http"
                                       and e["peer"] == client.endpoint() for e in announced(tracker)),  # noqa: B023
                           f"{name} is seen by its peer id", timeout_s=10)
            running.append((name, client))
        if os.path.exists(os.path.join(peers.NpmTracker.folder(), "node_modules")):
            heard = npm_client(tracker, info_hash)
            told = {line["peer"] for line in heard if line["what"] == "peer"}
            check(told == {client.endpoint() for _, client in running}, f"npm's client was told about {told}")
            counts = {line["what"]: (line["complete"], line["incomplete"]) for line in heard if line["what"] != "peer"}
            wanted = {"start": (4, 1), "complete": (5, 0), "scrape": (5, 0), "stop": (4, 0)}
            check(counts == wanted, f"npm's client heard {counts}, not {wanted}")
        else:
            print("npm's bittorrent-tracker is not installed: not tried")
        # transmission does not say so within half a minute of its end.
        for name, client in [(name, client) for name, client in running if name in STOPPERS]:
            before = tracker.count(info_hash, b"complete")
            os.kill(client.node.process.pid, signal.SIGINT)
            lab.wait_until(lambda: tracker.count(info_hash, b"complete") == before - 1,  # noqa: B023
                           f"{name} is taken out", [tracker.node], timeout_s=30)


if __name__ == "__main__":
    run_test(announcers)
