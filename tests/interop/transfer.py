"""One direction: a downloader fetches a real tree of this machine from a seeder through a tracker, bit for bit.

    transfer.py --downloader swarm-client --seeder aria2 --tracker swarm-tracker --torrent-by mktorrent [--magnet]
                [--downloader-encryption require] [--seeder-encryption rc4]
"""
import argparse
import os
import sys
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.interop import peers, trees  # noqa: E402
from tests.support import bencode  # noqa: E402
from tests.support.nodes import Lab, check, run_test  # noqa: E402


def check_encryption(args, ours):
    """What our programs say of their connections. Where ours requires encryption it is RC4."""
    words = {args.seeder_encryption, args.downloader_encryption}
    exact = "plaintext" if "plaintext" in words else "rc4" if "rc4" in words or any(p.encryption for p in ours) else ""
    for peer in ours:
        seen = {event["encryption"] for event in peer.node.events("peer_connected")}
        check(seen and seen <= ({exact} if exact else {"rc4", "plaintext"}), f"{peer.name}: connections are {sorted(seen)}")
        print(f"{peer.name}: {', '.join(sorted(seen))}")


def transfer(args):
    missing = peers.missing_programs([args.downloader, args.seeder, args.tracker, args.torrent_by])
    check(not missing, "install the packages " + " ".join(missing))
    if args.tracker.startswith("npm") and not os.path.exists(os.path.join(peers.NpmTracker.folder(), "node_modules")):
        print("skipped: no bittorrent-tracker; `bash tests/interop/npm/install build/…` brings it, from npm's registry")
        sys.exit(peers.SKIPPED)
    with Lab("interop", args.timeout) as lab:
        origin, target = lab.make_dir("origin"), lab.make_dir("target")
        tree = lab.make_dir("origin", "tree")
        count, total = trees.copy_real_tree(tree)
        tracker = peers.TRACKERS[args.tracker](lab)
        torrent = lab.path("tree.torrent")
        trees.make_torrent(args.torrent_by, tree, torrent, tracker.url)
        tracker.start(torrent)
        with open(torrent, "rb") as file:
            info_hash = bencode.info_hash(file.read())

        seeder = peers.CLIENTS[args.seeder](lab, "seeder", torrent)
        downloader = peers.CLIENTS[args.downloader](lab, "downloader", torrent)
        seeder.encryption, downloader.encryption = args.seeder_encryption, args.downloader_encryption
        if args.magnet:
            quoted = urllib.parse.quote(tracker.url, safe="")
            downloader.magnet = f"magnet:?xt=urn:btih:{info_hash.hex()}&dn=tree&tr={quoted}"

        def seed(**options):
            seeder.seed(origin, **options)
            lab.wait_until(lambda: tracker.count(info_hash, b"complete") == 1, "the tracker knows the seeder",
                           [seeder.node, tracker.node], timeout_s=30)

        if downloader.can_dial:
            seed()
            downloader.download(target)
        else:
            # The downloader must be dialled, so it is there first.
            downloader.download(target)
            lab.wait_until(lambda: tracker.count(info_hash, b"incomplete") == 1, "the tracker knows the downloader",
                           [downloader.node, tracker.node], timeout_s=30)
            seed(dial=[downloader.endpoint()])
        lab.wait_until(downloader.is_complete, "the download is complete", [seeder.node, tracker.node])
        if args.seeder_encryption or args.downloader_encryption:
            check_encryption(args, [peer for peer in (seeder, downloader) if type(peer).__name__.startswith("Swarm")])
        compared = trees.compare(torrent, tree, os.path.join(target, "tree"))
        print(f"{compared} of {count} files, {total} bytes: identical")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--downloader", required=True, choices=peers.CLIENTS)
    parser.add_argument("--seeder", required=True, choices=peers.CLIENTS)
    parser.add_argument("--tracker", required=True, choices=peers.TRACKERS)
    parser.add_argument("--torrent-by", required=True, choices=["mktorrent", "transmission-create"])
    parser.add_argument("--magnet", action="store_true", help="the downloader gets a magnet, not the torrent file")
    for side in ("downloader", "seeder"):
        parser.add_argument(f"--{side}-encryption", choices=["require", "rc4", "plaintext"],
                            help="it takes encrypted connections only, with this behind the handshake")
    parser.add_argument("--timeout", type=float, default=150, help="seconds for everything")
    run_test(transfer, parser.parse_args())


if __name__ == "__main__":
    main()
