"""Names on the disk while a download runs and behind it: .part, the hidden file of shared pieces, no stray files."""
import os
import random
import signal
import threading

from common import DEAD_TRACKER, EXIT_INTERRUPTED, EXIT_OK, KIB, Lab, check, ends_with, main, peers_file, start_client
from common import wire_peer
from tests.support import bencode

PIECE = 64 * KIB
# Pieces 0 to 5. a and b share piece 1; b, c and d share piece 3.
FILES = {"a": 100_000, "sub/b": 120_000, "c": 0, "d": 150_000}


class Tree:
    def __init__(self, lab):
        data = random.Random(5).randbytes(sum(FILES.values()))
        self.files, at = {}, 0
        for name, length in FILES.items():
            self.files[name] = data[at:at + length]
            at += length
        torrent = bencode.multi_file_torrent("tree", self.files.items(), PIECE, DEAD_TRACKER)
        self.torrent_path = lab.write("tree.torrent", torrent)
        self.shared = wire_peer.Torrent(data, PIECE, bencode.info_hash(torrent))
        self.outdir = lab.make_dir("out")

    def on_disk(self):
        """Names in the output folder, those of the tree relative to it."""
        found = set()
        for folder, _, names in os.walk(self.outdir):
            found |= {os.path.relpath(os.path.join(folder, name), self.outdir) for name in names}
        return found

    def check_disk(self, *names):
        check(self.on_disk() == set(names), f"on the disk: {sorted(self.on_disk())} instead of {sorted(names)}")

    def check_content(self, *names):
        for name in names:
            with open(os.path.join(self.outdir, "tree", name), "rb") as file:
                check(file.read() == self.files[name], f"{name} differs from the original")


class Stalling:
    """A seed that gives these pieces alone until go_on()."""

    def __init__(self, lab, tree, pieces=None):
        self.gate = threading.Event()

        def answer(_, piece, _begin, block):
            if pieces is not None and piece not in pieces:
                self.gate.wait()
            return block

        self.seed = wire_peer.Seed(lab, tree.shared, alter=answer)
        self.peers = peers_file(lab, self.seed.endpoint())

    def go_on(self):
        self.gate.set()


def verified(node):
    return {event["piece"] for event in node.events("piece_verified")}


def run(lab, tree, seed, *options, name="client"):
    return start_client(lab, tree, tree.outdir, "--peers", seed.peers, "--events-level", "decision", *options, name=name)


def names_while_it_runs():
    with Lab("part") as lab:
        tree = Tree(lab)
        seed = Stalling(lab, tree, {0, 1, 2})
        client = run(lab, tree, seed, "--sequential")
        lab.wait_until(lambda: verified(client) == {0, 1, 2}, "three pieces are verified", [client])
        lab.wait_until(lambda: "tree/a" in tree.on_disk(), "a has its name", [client])
        tree.check_disk("tree/a", "tree/sub/b.part", "tree/c", ".tree.swarm-lock")
        tree.check_content("a", "c")
        seed.go_on()
        ends_with(lab, client, EXIT_OK)
        tree.check_disk(*(f"tree/{name}" for name in FILES))
        tree.check_content(*FILES)


def selection_leaves_no_stray_files():
    with Lab("part") as lab:
        tree = Tree(lab)
        seed = Stalling(lab, tree)
        client = run(lab, tree, seed, "--select", "2", "--seed-time", "-1")
        lab.wait_until(lambda: client.has_event("completed"), "b is complete", [client])
        lab.wait_until(lambda: "tree/sub/b" in tree.on_disk(), "b has its name", [client])
        tree.check_disk("tree/sub/b", ".tree.swarm-parts", ".tree.swarm-lock")
        tree.check_content("sub/b")
        # Pieces 1 and 3 lie in two files: both halves are served.
        peer = wire_peer.dial(client.listen_endpoint(), lab.address())
        peer.send_handshake(tree.shared.info_hash)
        peer.read_handshake()
        peer.send_message(wire_peer.INTERESTED)
        while peer.read_message()[0] != wire_peer.UNCHOKE:
            pass
        for piece in (1, 2, 3):
            begin = PIECE - 2 * wire_peer.BLOCK if piece == 1 else 0
            for at in range(begin, begin + 2 * wire_peer.BLOCK, wire_peer.BLOCK):
                peer.send_message(wire_peer.REQUEST, wire_peer.struct.pack(">III", piece, at, wire_peer.BLOCK))
                kind, payload = peer.read_message()
                while kind != wire_peer.PIECE:
                    kind, payload = peer.read_message()
                check(payload[8:] == tree.shared.block(piece, at, wire_peer.BLOCK), f"piece {piece} is served wrong")
        peer.close()
        client.process.send_signal(signal.SIGINT)
        ends_with(lab, client, EXIT_OK)
        tree.check_disk("tree/sub/b")


def shared_pieces_are_taken_over():
    """Interrupted with one file selected, then everything: what was there is not fetched again."""
    with Lab("part") as lab:
        tree = Tree(lab)
        tree.shared.bitfield = lambda: bytes([0b01010000])
        seed = Stalling(lab, tree)
        client = run(lab, tree, seed, "--select", "sub/b")
        lab.wait_until(lambda: verified(client) == {1, 3}, "the shared pieces are verified", [client])
        client.process.send_signal(signal.SIGINT)
        ends_with(lab, client, EXIT_INTERRUPTED)
        tree.check_disk("tree/sub/b.part", ".tree.swarm-parts", ".tree.swarm-resume")
        del tree.shared.bitfield
        client = run(lab, tree, seed, name="all")
        ends_with(lab, client, EXIT_OK)
        check(client.events("checked")[0]["have"] == 2, "the shared pieces were not found")
        check(verified(client) == {0, 2, 4, 5}, f"fetched: {sorted(verified(client))}")
        tree.check_disk(*(f"tree/{name}" for name in FILES))
        tree.check_content(*FILES)


def finished_files_are_used_in_place():
    with Lab("part") as lab:
        tree = Tree(lab)
        seed = Stalling(lab, tree)
        for name in ("a", "d"):
            lab.make_dir("out", "tree")
            with open(os.path.join(tree.outdir, "tree", name), "wb") as file:
                file.write(tree.files[name])
        client = run(lab, tree, seed)
        ends_with(lab, client, EXIT_OK)
        check(verified(client) == {1, 2, 3}, f"fetched: {sorted(verified(client))}")
        tree.check_disk(*(f"tree/{name}" for name in FILES))
        tree.check_content(*FILES)


main({
    "names_while_it_runs": names_while_it_runs,
    "selection_leaves_no_stray_files": selection_leaves_no_stray_files,
    "shared_pieces_are_taken_over": shared_pieces_are_taken_over,
    "finished_files_are_used_in_place": finished_files_are_used_in_place,
})
