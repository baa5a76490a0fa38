"""The commands of swarm-client that go on the network: exact output in both spellings and exit codes by cause, against
a strict scripted peer and tracker (tests/support/strict.py), our own tracker and seeder, and libtorrent."""
import os
import random
import signal
import socket
import subprocess
import sys

from common import (DEAD_TRACKER, EXIT_INTERRUPTED, EXIT_NO_PROGRESS, EXIT_OK, EXIT_TORRENT, EXIT_TRACKERS, Lab,
                    Payload, bencode, check, main, program, start_seeder, wire_peer)
from tests.support.strict import EXTENDED, METADATA_ID, PLAIN, StrictPeer, StrictTracker

EXIT_ARGUMENTS, EXIT_DISK = 2, 7
PIECE_LENGTH = 32 * 1024


def run(*arguments):
    return subprocess.run([program("swarm-client"), *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=60, check=False)


def spellings(command):
    return (command, command.replace("_", "-")) if "_" in command else (command,)


def prints(expected, command, *arguments):
    """Exactly this on standard output and nothing on standard error, in both spellings."""
    for name in spellings(command):
        result = run(name, *arguments)
        check((result.returncode, result.stdout.decode(), result.stderr) == (EXIT_OK, expected, b""),
              f"{name} {arguments}: {result} instead of {expected!r}")


def fails(code, *arguments, words=()):
    """Nothing on standard output, and the last line of standard error says why."""
    result = run(*arguments)
    lines = result.stderr.decode().splitlines()
    check(result.returncode == code and result.stdout == b"" and lines, f"{arguments}: {result} instead of {code}")
    for word in words:
        check(any(word in line for line in lines), f"{arguments}: {word!r} is not in {lines}")


def brings(content, lab, command, *arguments):
    """OUT has exactly these bytes, nothing is printed, and nothing else is left in the folder."""
    for name in spellings(command):
        folder = lab.make_dir(f"out-{name}")
        out = os.path.join(folder, "out")
        if os.path.exists(out):
            os.remove(out)
        prints_nothing = run(name, "-o", out, *arguments)
        check((prints_nothing.returncode, prints_nothing.stdout, prints_nothing.stderr) == (EXIT_OK, b"", b""),
              f"{name} {arguments}: {prints_nothing}")
        with open(out, "rb") as file:
            check(file.read() == content, f"{name} {arguments}: other bytes")
        check(os.listdir(folder) == ["out"], f"{name}: {os.listdir(folder)}")


class Swarm:
    """A torrent of four pieces (the last is short), a strict tracker and strict peers for its file and its magnet."""

    def __init__(self, lab):
        self.lab = lab
        self.data = random.Random(3).randbytes(3 * PIECE_LENGTH + 20000)
        torrent = bencode.single_file_torrent("sample.bin", self.data, PIECE_LENGTH, None)
        self.info = torrent[torrent.index(b"4:info") + 6:-1]
        self.info_hash = bencode.info_hash(torrent)
        self.shared = wire_peer.Torrent(self.data, PIECE_LENGTH, self.info_hash)
        self.plain = StrictPeer(lab, self.shared)
        self.magnetic = StrictPeer(lab, self.shared, self.info)
        self.tracker = StrictTracker(lab, self.info_hash, (1, len(self.data)), [self.plain.endpoint])
        self.magnet_tracker = StrictTracker(lab, self.info_hash, (1, len(self.data)), [self.magnetic.endpoint])
        self.file = self.torrent_file("sample.torrent", self.tracker.url)
        self.magnet = self.magnet_of(self.magnet_tracker.url)

    def torrent_file(self, name, announce):
        return self.lab.write(name, bencode.single_file_torrent("sample.bin", self.data, PIECE_LENGTH, announce))

    def magnet_of(self, *trackers):
        return "&".join([f"magnet:?xt=urn:btih:{self.info_hash.hex()}", *(f"tr={url}" for url in trackers)])

    def piece(self, index):
        return self.data[index * PIECE_LENGTH:(index + 1) * PIECE_LENGTH]

    def info_lines(self, announce):
        hashes = bencode.piece_hashes(self.data, PIECE_LENGTH)
        return "".join(line + "\n" for line in (
            f"Tracker URL: {announce}", f"Length: {len(self.data)}", f"Info Hash: {self.info_hash.hex()}",
            f"Piece Length: {PIECE_LENGTH}", "Piece Hashes:",
            *(hashes[at:at + 20].hex() for at in range(0, len(hashes), 20))))

    def is_content(self):
        for side in (self.plain, self.magnetic, self.tracker, self.magnet_tracker):
            check(side.faults == [], f"{type(side).__name__}: {side.faults}")


def dead_endpoint(lab):
    """Nothing listens there."""
    with socket.create_server((lab.address(), 0)) as gone:
        return "{}:{}".format(*gone.getsockname())


def peers():
    with Lab("wire") as lab:
        swarm = Swarm(lab)
        swarm.tracker.peers += ["127.0.0.9:6881", "10.1.2.3:51413"]
        expected = f"{swarm.plain.endpoint}\n127.0.0.9:6881\n10.1.2.3:51413\n"
        prints(expected, "peers", swarm.file)
        prints(expected, "peers", "--port", "7000", "--bind", lab.address(), swarm.file)
        check(swarm.tracker.asked == 2, "one announce a run")
        prints(expected, "peers", swarm.torrent_file("moved.torrent", swarm.tracker.base + "/redirect"))
        swarm.tracker.peers.clear()
        prints("", "peers", swarm.file)
        swarm.is_content()


def bad_peers():
    with Lab("wire") as lab:
        swarm = Swarm(lab)
        fails(EXIT_TRACKERS, "peers", swarm.torrent_file("dead.torrent", DEAD_TRACKER), words=[DEAD_TRACKER])
        fails(EXIT_TRACKERS, "peers", swarm.torrent_file("none.torrent", None), words=["no tracker"])
        swarm.tracker.left = (1, 1)
        fails(EXIT_TRACKERS, "peers", swarm.file, words=["says: uploaded"])
        fails(EXIT_TORRENT, "peers", lab.path("nowhere.torrent"), words=["nowhere.torrent"])
        fails(EXIT_TORRENT, "peers", lab.write("bad.torrent", b"d4:info"), words=["bad.torrent"])
        fails(EXIT_ARGUMENTS, "peers", swarm.file, "--ca-file", lab.path("nowhere.pem"))


def handshake():
    with Lab("wire") as lab:
        swarm = Swarm(lab)
        prints(f"Peer ID: {swarm.plain.peer_id.hex()}\n", "handshake", swarm.file, swarm.plain.endpoint)
        prints(f"Peer ID: {swarm.plain.peer_id.hex()}\n", "handshake", "--bind", lab.address(), swarm.file,
               swarm.plain.endpoint)
        check(swarm.plain.heard == [] and swarm.tracker.asked == 0, "a handshake and nothing else")
        swarm.is_content()


def bad_handshake():
    with Lab("wire") as lab:
        swarm = Swarm(lab)
        fails(EXIT_TRACKERS, "handshake", swarm.file, dead_endpoint(lab), words=["refused"])
        other = StrictPeer(lab, swarm.shared, info_hash=b"x" * 20)
        fails(EXIT_TRACKERS, "handshake", swarm.file, other.endpoint, words=["another info_hash"])
        fails(EXIT_TRACKERS, "magnet_handshake", swarm.magnet_of(), StrictPeer(lab, swarm.shared, swarm.info,
              info_hash=b"x" * 20).endpoint, words=["another info_hash"])
        silent = wire_peer.ListeningPeer(lab, lambda connection: connection.wait_closed())
        fails(EXIT_NO_PROGRESS, "handshake", "--timeout", "1", swarm.file, silent.endpoint())
        fails(EXIT_ARGUMENTS, "handshake", swarm.file, "127.0.0.1", words=["ip:port"])
        fails(EXIT_ARGUMENTS, "handshake", swarm.file, words=["ip:port"])


def download():
    with Lab("wire") as lab:
        swarm = Swarm(lab)
        brings(swarm.piece(0), lab, "download_piece", swarm.file, "0")
        brings(swarm.piece(3), lab, "download_piece", swarm.file, "3")
        brings(swarm.piece(2), lab, "download_piece", "--peer", swarm.plain.endpoint, swarm.file, "2")
        brings(swarm.data, lab, "download", swarm.file)
        asked = swarm.tracker.asked
        brings(swarm.data, lab, "download", "--peer", swarm.plain.endpoint, swarm.file)
        check(swarm.tracker.asked == asked, "with --peer no tracker is asked")
        swarm.is_content()


def bad_download():
    with Lab("wire") as lab:
        swarm = Swarm(lab)
        out = lab.path("out")
        fails(EXIT_ARGUMENTS, "download_piece", "-o", out, swarm.file, "4", words=["no piece 4", "has 4"])
        fails(EXIT_ARGUMENTS, "download_piece", "-o", out, swarm.file, "-1")
        fails(EXIT_ARGUMENTS, "download_piece", swarm.file, "0", words=["-o OUT"])
        dead = swarm.torrent_file("dead.torrent", DEAD_TRACKER)
        fails(EXIT_TRACKERS, "download_piece", "--timeout", "2", "-o", out, dead, "0", words=[DEAD_TRACKER])
        fails(EXIT_NO_PROGRESS, "download_piece", "--timeout", "2", "--peer", dead_endpoint(lab), "-o", out, swarm.file,
              "0", words=["refused"])
        other = StrictPeer(lab, swarm.shared, info_hash=b"x" * 20)
        fails(EXIT_NO_PROGRESS, "download_piece", "--timeout", "2", "--peer", other.endpoint, "-o", out, swarm.file, "0",
              words=["another info_hash"])
        check(not os.path.exists(out), "nothing is written for a piece that did not come")
        fails(EXIT_DISK, "download_piece", "-o", lab.path("sample.torrent", "x"), swarm.file, "0")
        liar = wire_peer.Seed(lab, swarm.shared, alter=lambda number, piece, begin, block: bytes(len(block)))
        fails(EXIT_NO_PROGRESS, "download_piece", "--timeout", "2", "--peer", liar.endpoint(), "-o", out, swarm.file, "1",
              words=["corrupt data in piece 1"])
        check(not os.path.exists(out), "a wrong piece is not written")


def magnet_handshake():
    with Lab("wire") as lab:
        swarm = Swarm(lab)
        expected = f"Peer ID: {swarm.magnetic.peer_id.hex()}\nPeer Metadata Extension ID: {METADATA_ID}\n"
        prints(expected, "magnet_handshake", swarm.magnet, swarm.magnetic.endpoint)
        check(swarm.magnet_tracker.asked == 0, "the peer is named")
        prints(expected, "magnet_handshake", swarm.magnet)
        check(swarm.magnet_tracker.asked == 2, "the tracker is asked")
        prints(expected, "magnet_handshake", swarm.magnet_of() + "&x.pe=" + swarm.magnetic.endpoint)
        check(set(swarm.magnetic.heard) == {(EXTENDED, 0)}, f"the extension handshake alone: {swarm.magnetic.heard}")
        old = StrictPeer(lab, swarm.shared, swarm.info, reserved=PLAIN)
        prints(f"Peer ID: {old.peer_id.hex()}\n", "magnet_handshake", swarm.magnet, old.endpoint)
        check(old.faults == [] and old.heard == [], "who speaks no extensions is sent none")
        swarm.is_content()


def magnet_info():
    with Lab("wire") as lab:
        swarm = Swarm(lab)
        prints(swarm.info_lines(swarm.magnet_tracker.url), "magnet_info", swarm.magnet)
        check(swarm.magnetic.heard[:2] == [(EXTENDED, 0), (EXTENDED, METADATA_ID)], str(swarm.magnetic.heard))
        prints(swarm.info_lines(""), "magnet_info", "--peer", swarm.magnetic.endpoint, swarm.magnet_of())
        same = swarm.torrent_file("same.torrent", swarm.magnet_tracker.url)
        for form in ("--json", "--full"):
            prints(run("info", form, same).stdout.decode(), "magnet_info", form, swarm.magnet)
        check(set(swarm.magnetic.heard) == {(EXTENDED, 0), (EXTENDED, METADATA_ID)}, str(swarm.magnetic.heard))
        swarm.is_content()


def magnet_download():
    with Lab("wire") as lab:
        swarm = Swarm(lab)
        brings(swarm.piece(1), lab, "magnet_download_piece", swarm.magnet, "1")
        brings(swarm.piece(3), lab, "magnet_download_piece", "--peer", swarm.magnetic.endpoint, swarm.magnet_of(), "3")
        brings(swarm.data, lab, "magnet_download", swarm.magnet)
        swarm.is_content()


def interrupted():
    """Ctrl-C ends each of them at once."""
    with Lab("wire") as lab:
        swarm = Swarm(lab)
        silent = wire_peer.ListeningPeer(lab, lambda connection: connection.wait_closed())
        magnet = swarm.magnet_of()
        for number, words in enumerate((["handshake", swarm.file, silent.endpoint()],
                                        ["download", "-o", lab.path("out"), "--peer", silent.endpoint(), swarm.file],
                                        ["magnet_info", "--peer", silent.endpoint(), magnet])):
            before = len(silent.connections)
            node = lab.start(f"client-{number}", [program("swarm-client"), *words])
            lab.wait_until(lambda: len(silent.connections) > before, "it has shaken hands", [node])
            node.process.send_signal(signal.SIGINT)
            check(lab.wait_exit(node, 10) == EXIT_INTERRUPTED, f"{words}: exit code {node.exit_code}")


def bad_magnet():
    with Lab("wire") as lab:
        swarm = Swarm(lab)
        out = lab.path("out")
        for command in (["magnet_handshake"], ["magnet_info"], ["magnet_download", "-o", out]):
            fails(EXIT_TORRENT, *command, "magnet:?dn=x", words=["xt=urn:btih"])
            fails(EXIT_TRACKERS, *command, swarm.magnet_of(DEAD_TRACKER), words=[DEAD_TRACKER])
        fails(EXIT_TORRENT, "magnet_download_piece", "-o", out, "http://x/", "0")
        fails(EXIT_ARGUMENTS, "magnet_download_piece", "-o", out, swarm.magnet, "4", words=["no piece 4", "has 4"])
        check(not os.path.exists(out), "nothing is written")
        swarm.is_content()


def bad_metadata():
    """Who sends metadata of another hash is banned, and another peer is asked."""
    with Lab("wire") as lab:
        swarm = Swarm(lab)
        lie = swarm.info.replace(b"sample.bin", b"elpmas.bin")
        liar = StrictPeer(lab, swarm.shared, lie)
        fails(EXIT_NO_PROGRESS, "magnet_info", "--timeout", "2", "--peer", liar.endpoint, swarm.magnet_of(),
              words=["sent metadata that does not have the info_hash"])
        swarm.magnet_tracker.peers = [liar.endpoint]
        uri = swarm.magnet + "&x.pe=" + swarm.magnetic.endpoint
        result = run("magnet_info", uri)
        check(result.returncode == EXIT_OK and result.stdout.decode() == swarm.info_lines(swarm.magnet_tracker.url),
              str(result))
        swarm.is_content()


def folder():
    """A torrent of several files: OUT is the folder."""
    with Lab("wire") as lab:
        files = [("a.bin", random.Random(1).randbytes(50000)), ("sub/b.bin", random.Random(2).randbytes(40000)),
                 ("c.bin", b"x")]
        data = b"".join(content for _, content in files)
        torrent = bencode.multi_file_torrent("tree", files, PIECE_LENGTH, None)
        peer = StrictPeer(lab, wire_peer.Torrent(data, PIECE_LENGTH, bencode.info_hash(torrent)))
        path = lab.write("tree.torrent", torrent)
        out = lab.path("here", "it", "is")
        for _ in range(2):  # the second time everything is there
            prints("", "download", "--peer", peer.endpoint, "-o", out, path)
            found = {os.path.relpath(os.path.join(at, name), out): open(os.path.join(at, name), "rb").read()
                     for at, _, names in os.walk(lab.path("here")) for name in names}
            check(found == dict(files), f"{list(found)}")
        brings(data[PIECE_LENGTH:2 * PIECE_LENGTH], lab, "download_piece", "--peer", peer.endpoint, path, "1")
        check(peer.faults == [], str(peer.faults))


def own_swarm():
    """Our tracker and our seeder, by file and by magnet."""
    with Lab("wire") as lab:
        ip = lab.address()
        plain = Payload(lab)

        def argv(port):
            config = lab.write("tracker.toml", f'port = {port}\ntorrentFile = "{plain.torrent_path}"\n')
            return [program("swarm-tracker"), config, "--bind", ip]

        _, port = lab.start_listening("tracker", argv, ip)
        payload = Payload(lab, announce=f"http://{ip}:{port}/announce")
        seeder = start_seeder(lab, payload, payload.write_original(lab))
        lab.wait_until(lambda: seeder.has_event("announce_answered"), "the tracker knows the seeder", [seeder])
        every_row(lab, payload, "{}:{}".format(*seeder.listen_endpoint()), f"http://{ip}:{port}/announce")


def every_row(lab, payload, endpoint, announce):
    magnet = f"magnet:?xt=urn:btih:{payload.shared.info_hash.hex()}&tr={announce}"
    listed = run("peers", "--bind", lab.address(), payload.torrent_path)
    check(endpoint in listed.stdout.decode().splitlines() and listed.returncode == EXIT_OK, str(listed))
    greeting = run("handshake", payload.torrent_path, endpoint).stdout.decode()
    check(greeting.startswith("Peer ID: ") and len(greeting) == 50, greeting)
    greeting = run("magnet_handshake", magnet, endpoint).stdout.decode().splitlines()
    check(len(greeting) == 2 and greeting[1].startswith("Peer Metadata Extension ID: "), str(greeting))
    prints(run("info", payload.torrent_path).stdout.decode(), "magnet_info", "--peer", endpoint, magnet)
    piece = payload.data[64 * 1024:128 * 1024]
    brings(piece, lab, "download_piece", "--peer", endpoint, payload.torrent_path, "1")
    brings(payload.data, lab, "download", "--bind", lab.address(), "--peer", endpoint, payload.torrent_path)
    brings(piece, lab, "magnet_download_piece", "--peer", endpoint, magnet, "1")
    brings(payload.data, lab, "magnet_download", "--peer", endpoint, magnet)


def libtorrent_seed():
    script = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "interop", "libtorrent_peer.py")
    if subprocess.run([sys.executable, "-c", "import libtorrent"], capture_output=True, check=False).returncode != 0:
        sys.exit(77)
    with Lab("wire") as lab:
        payload = Payload(lab)
        seeded = lab.write("seeded.torrent", open(payload.torrent_path, "rb").read())  # with no tracker
        tracker = StrictTracker(lab, payload.shared.info_hash, (1, len(payload.data)))
        announced = Payload(lab, announce=tracker.url)
        announced.write_original(lab)
        ip = lab.address()
        seed, port = lab.start_listening("libtorrent", lambda port: [
            sys.executable, script, "--torrent", seeded, "--dir", lab.folder, "--ip", ip, "--port",
            str(port), "--seed"], ip)
        lab.wait_until(lambda: "finished" in open(seed.log_path, encoding="utf-8").read(), "libtorrent seeds", [seed])
        tracker.peers.append(f"{ip}:{port}")
        every_row(lab, announced, f"{ip}:{port}", tracker.url)
        check(tracker.faults == [], str(tracker.faults))


main({"peers": peers, "bad_peers": bad_peers, "handshake": handshake, "bad_handshake": bad_handshake,
      "download": download, "bad_download": bad_download, "magnet_handshake": magnet_handshake,
      "magnet_info": magnet_info, "magnet_download": magnet_download, "interrupted": interrupted, "bad_magnet": bad_magnet,
      "bad_metadata": bad_metadata, "folder": folder, "own_swarm": own_swarm, "libtorrent_seed": libtorrent_seed})
