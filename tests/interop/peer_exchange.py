"""Peer exchange with libtorrent: somebody whom only BEP 11 can have told of is connected, in a torrent without trackers.

    peer_exchange.py --hears swarm-client     libtorrent tells our client of a third
    peer_exchange.py --hears libtorrent       our client tells libtorrent of a third

It needs no shorter interval: both programs send the first message within seconds of a connection, and only the next
ones a minute apart. So whoever tells knows the third before the hearer comes.
"""
import argparse
import hashlib
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.interop import peers  # noqa: E402
from tests.support import bencode  # noqa: E402
from tests.support.nodes import Lab, check, program, run_test  # noqa: E402

PIECE, SIZE = 65536, 16 << 20
SLOW = ["--download-limit", "100k"]  # nobody completes while the test looks


def make_torrent(lab):
    content = random.Random(11).randbytes(SIZE)
    with open(os.path.join(lab.make_dir("origin"), "content"), "wb") as out:
        out.write(content)
    hashes = b"".join(hashlib.sha1(content[at:at + PIECE]).digest() for at in range(0, SIZE, PIECE))
    info = {"name": "content", "length": SIZE, "piece length": PIECE, "pieces": hashes}
    torrent = lab.path("content.torrent")
    with open(torrent, "wb") as out:
        out.write(bencode.encode({"info": info}))
    return torrent


class Client(peers.Client):
    """Our client, told of one peer and nobody else."""

    def download(self, dial, options=()):
        peers_file = self.lab.write(f"{self.name}.peers", f"{dial}\n")
        self.node = self.lab.start(self.name, [
            program("swarm-client"), "-t", self.torrent, "--outdir", self.lab.make_dir(self.name), "--bind", self.ip,
            "--peers", peers_file, "--events", self.lab.path(f"{self.name}.events"), *SLOW, *options])
        self.lab.wait_until(lambda: self.node.listen_endpoint(), "our client listens", [self.node])
        self.ip, self.port = self.node.listen_endpoint()


def is_connected(node, endpoint, outgoing):
    """Outgoing: at exactly this endpoint; incoming: from its address."""
    met = [e for e in node.events("peer_connected") if e["outgoing"] == outgoing]
    return any(e["address"] == endpoint if outgoing else e["address"].startswith(endpoint.split(":")[0] + ":")
               for e in met)


def our_client_hears(lab, torrent):
    teller = peers.Libtorrent(lab, "teller", torrent)
    teller.seed(lab.path("origin"))
    third = Client(lab, "third", torrent)
    third.download(teller.endpoint(), ["--no-pex"])  # dials nobody but the teller, whatever it is told
    lab.wait_until(lambda: is_connected(third.node, teller.endpoint(), True), "the third knows the teller",
                   [teller.node, third.node])
    hearer = Client(lab, "hearer", torrent)
    hearer.download(teller.endpoint())
    lab.wait_until(lambda: is_connected(hearer.node, third.endpoint(), True), "the hearer has dialled the third",
                   [teller.node, third.node, hearer.node])
    lab.wait_until(lambda: is_connected(third.node, hearer.endpoint(), False), "the third was dialled", [third.node])


def libtorrent_hears(lab, torrent):
    third = peers.SwarmSeeder(lab, "third", torrent)  # dials nobody by itself
    third.seed(lab.path("origin"))
    teller = Client(lab, "teller", torrent)
    teller.download(third.endpoint())
    lab.wait_until(lambda: is_connected(teller.node, third.endpoint(), True), "the teller knows the third",
                   [teller.node, third.node])
    hearer = peers.Libtorrent(lab, "hearer", torrent)
    hearer.download(lab.make_dir("hearer"), dial=[teller.endpoint()])
    lab.wait_until(lambda: is_connected(third.node, hearer.endpoint(), False), "libtorrent has dialled the third",
                   [teller.node, third.node])


def exchange(args):
    missing = peers.missing_programs(["libtorrent"])
    check(not missing, "install the packages " + " ".join(missing))
    with Lab("peer-exchange", args.timeout) as lab:
        torrent = make_torrent(lab)
        (our_client_hears if args.hears == "swarm-client" else libtorrent_hears)(lab, torrent)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hears", required=True, choices=["swarm-client", "libtorrent"])
    parser.add_argument("--timeout", type=float, default=90, help="seconds for everything")
    run_test(exchange, parser.parse_args())


if __name__ == "__main__":
    main()
