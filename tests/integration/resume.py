"""What a start believes: kill -9 at random moments, a disk that fills, two programs on one folder, --overwrite."""
import os
import random
import resource
import signal
import time

from common import (DEAD_TRACKER, EXIT_DISK, EXIT_DISK_FULL, EXIT_FOLDER, EXIT_INTERRUPTED, EXIT_OK, KIB, Lab, Payload,
                    check, ends_with, main, peers_file, says, says_one_line, start_client, start_seeder, wire_peer)
from tests.support import bencode

PIECE = 64 * KIB
KILLS = 20


def verified(node):
    return [event["piece"] for event in node.events("piece_verified")]


class Tree:
    """Three files whose pieces straddle their borders."""

    def __init__(self, lab, pieces, seed):
        rng = random.Random(seed)
        self.data = rng.randbytes(pieces * PIECE - 777)
        cuts = [0, len(self.data) // 3 + 11, len(self.data) // 2 + 5, len(self.data)]
        self.files = {name: self.data[cuts[i]:cuts[i + 1]] for i, name in enumerate(("one", "two", "three"))}
        torrent = bencode.multi_file_torrent("tree", self.files.items(), PIECE, DEAD_TRACKER)
        self.torrent_path = lab.write("tree.torrent", torrent)
        self.original = lab.make_dir("original", "tree")
        for name, content in self.files.items():
            lab.write(os.path.join("original", "tree", name), content)
        self.outdir = lab.make_dir("out")

    def check_result(self):
        found = sorted(os.listdir(self.outdir)), sorted(os.listdir(os.path.join(self.outdir, "tree")))
        check(found == (["tree"], ["one", "three", "two"]), f"on the disk: {found}")
        for name, content in self.files.items():
            with open(os.path.join(self.outdir, "tree", name), "rb") as file:
                check(file.read() == content, f"{name} differs from the original")


def killed_twenty_times():
    seed = int(os.environ.get("SWARM_TEST_SEED", time.time_ns() % 10**9))
    print(f"SWARM_TEST_SEED={seed}")
    rng = random.Random(seed)
    with Lab("kills", 100) as lab:
        tree = Tree(lab, 640, seed)
        seeder = start_seeder(lab, tree, os.path.join(tree.original))
        lab.wait_until(seeder.listen_endpoint, "the seeder listens", [seeder])
        ip, peers = lab.address(), peers_file(lab, "%s:%d" % seeder.listen_endpoint())
        fetched, recorded, twice, of_recorded, saves, lost = {}, set(), 0, 0, 0, 0

        def run(name, *options):
            return start_client(lab, tree, tree.outdir, "--peers", peers, "--events-level", "decision",
                                "--resume-interval", "0.15", *options, name=name, ip=ip)

        def count(client):
            nonlocal twice, of_recorded, saves
            order = []
            for event in client.events():
                if event["event"] == "piece_verified":
                    piece = event["piece"]
                    twice += piece in fetched
                    of_recorded += piece in recorded
                    fetched[piece] = fetched.get(piece, 0) + 1
                    order.append((event["have"], piece))
                elif event["event"] == "resume_saved":
                    saves += 1
                    recorded.update(piece for have, piece in order if have <= event["have"])

        for kill in range(KILLS):
            client = run(f"client-{kill}", "--download-limit", "1500k")
            began = len(fetched)
            lab.wait_until(lambda c=client: c.has_event("ready"), "it has started", [client], timeout_s=20)
            time.sleep(rng.uniform(0.0, 0.9))
            check(client.running, "it ended before it was killed: the download is too short")
            client.kill()
            count(client)
            lost += len(fetched) == began
        client = run("client-last")
        ends_with(lab, client, EXIT_OK, 60)
        count(client)
        tree.check_result()
        check(saves > 0, "nothing was recorded while it ran")
        check(of_recorded == 0, f"{of_recorded} recorded pieces were fetched again")
        print(f"{KILLS} kills, {lost} before anything came; {saves} records; {len(fetched)} pieces, "
              f"{twice} fetched twice, none of them recorded as flushed")
        check(twice <= KILLS, f"{twice} pieces were fetched twice")


def disk_full_then_room():
    """Files may only grow to 1 MiB: the download ends as on a full disk; with room, it goes on where it was."""
    def limits():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write fails instead of ending the process
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024 * KIB, 1024 * KIB))

    with Lab("full") as lab:
        tree = Tree(lab, 64, 3)
        shared = wire_peer.Torrent(tree.data, PIECE, bencode.info_hash(open(tree.torrent_path, "rb").read()))
        peers = peers_file(lab, wire_peer.Seed(lab, shared).endpoint())
        client = start_client(lab, tree, tree.outdir, "--peers", peers, "--events-level", "decision", "--sequential",
                              limits=limits)
        ends_with(lab, client, EXIT_DISK_FULL)
        before = set(verified(client))
        check(len(before) >= 8, f"only {len(before)} pieces before the disk was full")
        check(os.path.exists(os.path.join(tree.outdir, ".tree.swarm-resume")), "no resume record was left")
        again = start_client(lab, tree, tree.outdir, "--peers", peers, "--events-level", "decision", name="again")
        ends_with(lab, again, EXIT_OK)
        check(not before & set(verified(again)), f"fetched again: {sorted(before & set(verified(again)))}")
        check(again.events("checked")[0]["have"] >= len(before), "pieces were lost")
        tree.check_result()


class Waiting:
    """A download of one file that no peer has."""

    def __init__(self, lab):
        self.lab, self.payload, self.outdir = lab, Payload(lab, announce=DEAD_TRACKER), lab.make_dir("out")

    def start(self, name, *options):
        return start_client(self.lab, self.payload, self.outdir, *options, name=name)

    def names(self):
        return sorted(os.listdir(self.outdir))


def two_programs_on_one_folder():
    with Lab("lock") as lab:
        both = Waiting(lab)
        first = both.start("first")
        lab.wait_until(lambda: first.has_event("checked"), "the first runs", [first])
        second = both.start("second")
        ends_with(lab, second, EXIT_FOLDER)
        says_one_line(second, "another download .* same folder")
        check(first.running, "the first one ended too")
        first.process.send_signal(signal.SIGINT)
        ends_with(lab, first, EXIT_INTERRUPTED)
        check(".payload.bin.swarm-lock" not in both.names(), "the lock file is left")
        third = both.start("third")
        lab.wait_until(lambda: third.has_event("checked"), "the third runs", [third])
        third.kill()
        check(".payload.bin.swarm-lock" in both.names(), "kill -9 leaves the file")
        fourth = both.start("fourth")
        lab.wait_until(lambda: fourth.has_event("checked"), "the fourth runs all the same", [fourth])


def put(both, content):
    with open(os.path.join(both.outdir, both.payload.name), "wb") as file:
        file.write(content)


def overwrite_never():
    with Lab("never") as lab:
        both = Waiting(lab)
        put(both, b"mine")
        client = both.start("client", "--overwrite", "never")
        ends_with(lab, client, EXIT_DISK)
        says(client, "error: payload.bin is there already")
        check(both.names() == ["payload.bin"], f"left behind: {both.names()}")
        with open(os.path.join(both.outdir, "payload.bin"), "rb") as file:
            check(file.read() == b"mine", "the file was changed")
        # An interrupted download of ours is no obstacle.
        os.remove(os.path.join(both.outdir, "payload.bin"))
        first = both.start("first", "--overwrite", "never")
        lab.wait_until(lambda: first.has_event("checked"), "it starts", [first])
        first.process.send_signal(signal.SIGINT)
        ends_with(lab, first, EXIT_INTERRUPTED)
        again = both.start("again", "--overwrite", "never")
        lab.wait_until(lambda: again.has_event("checked"), "it starts again", [again])


def overwrite_always():
    with Lab("always") as lab:
        both = Waiting(lab)
        put(both, both.payload.data)
        peers = peers_file(lab, wire_peer.Seed(lab, both.payload.shared).endpoint())
        client = both.start("client", "--overwrite", "always", "--peers", peers, "--events-level", "decision")
        ends_with(lab, client, EXIT_OK)
        check(client.events("checked")[0]["have"] == 0, "something was taken over")
        check(len(verified(client)) == 8, "not everything was fetched")
        check(both.names() == ["payload.bin"] and both.payload.is_in(both.outdir), f"on the disk: {both.names()}")


def no_verify():
    with Lab("brave") as lab:
        both = Waiting(lab)
        put(both, bytes(len(both.payload.data)))  # right in length alone
        checked = both.start("checked", "--overwrite", "check")
        lab.wait_until(lambda: checked.has_event("checked"), "it has looked", [checked])
        check(checked.events("checked")[0]["have"] == 0, "zeros were taken for right")
        checked.process.send_signal(signal.SIGINT)
        ends_with(lab, checked, EXIT_INTERRUPTED)
        os.remove(os.path.join(both.outdir, ".payload.bin.swarm-resume"))
        brave = both.start("brave", "--no-verify")
        ends_with(lab, brave, EXIT_OK)
        check(brave.events("checked")[0]["have"] == 8, "it looked all the same")


main({
    "killed_twenty_times": killed_twenty_times,
    "disk_full_then_room": disk_full_then_room,
    "two_programs_on_one_folder": two_programs_on_one_folder,
    "overwrite_never": overwrite_never,
    "overwrite_always": overwrite_always,
    "no_verify": no_verify,
})
