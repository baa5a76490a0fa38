"""swarm-tracker among people who do not mean well: while each of them is at work, others are answered as fast as ever,
and the tracker's memory stays where it was."""
import os
import random
import resource
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from common import Lab, check, main  # noqa: E402
from tracker_doors import Tracker, query  # noqa: E402

MEMORY = 48 << 20  # beyond what it has when it is ready
ANSWERS = 300
# Every answer of the good client takes less, on a machine that has a core for it: a loaded one gets some grace.
SLOWEST_S = 1.0


def memory(node):
    with open(f"/proc/{node.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) << 10


class Scene:
    def __init__(self, lab, text=""):
        self.ip = lab.address()
        self.tracker = Tracker(lab, f'port = 0\nbind = "{self.ip}"\n{text}', "--events-level", "summary")
        self.node, self.port = self.tracker.node, self.tracker.ports["http"]
        self.before = memory(self.node)

    def connect(self, source=None):
        return socket.create_connection((self.ip, self.port), timeout=20, source_address=source)

    def others_are_served(self):
        """A client that behaves: many announces, each answered at once."""
        request = f"GET /announce?{query()} HTTP/1.1\r\nHost: t\r\n\r\n".encode()
        with self.connect() as stream:
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            slowest = 0
            for _ in range(ANSWERS):
                start = time.monotonic()
                stream.sendall(request)
                check(b"8:completei0e" in stream.recv(4096), "an announce was not answered")
                slowest = max(slowest, time.monotonic() - start)
        check(slowest < SLOWEST_S, f"the slowest of {ANSWERS} answers took {slowest:.2f} s")

    def is_unharmed(self):
        self.others_are_served()
        grown = memory(self.node) - self.before
        check(grown < MEMORY, f"its memory grew by {grown >> 20} MiB")
        check(self.node.running, "the tracker has ended")


def answer(stream):
    raw = b""
    try:
        while chunk := stream.recv(65536):
            raw += chunk
    except (ConnectionResetError, TimeoutError):
        pass
    return raw


def half_requests():
    with Lab("hostile-half") as lab:
        scene = Scene(lab)
        halves = [scene.connect() for _ in range(200)]
        for stream in halves:
            stream.sendall(b"GET /announce?info_hash=")
        scene.is_unharmed()
        for stream in halves:
            check(answer(stream).startswith(b"HTTP/1.1 408"), "half a request is not given up")
            stream.close()
        scene.is_unharmed()


def one_byte_a_second():
    with Lab("hostile-slow") as lab:
        scene = Scene(lab)
        slow = [scene.connect() for _ in range(100)]
        start = time.monotonic()
        for byte in b"GET /ann":
            for stream in slow:
                try:
                    stream.sendall(bytes([byte]))
                except (BrokenPipeError, ConnectionResetError):
                    pass
            scene.others_are_served()
            time.sleep(max(0, 1 - (time.monotonic() - start) % 1))
        check(answer(slow[0]).startswith(b"HTTP/1.1 408"), "a request of one byte a second is not given up")
        scene.is_unharmed()


def idle_connections():
    with Lab("hostile-idle", 110) as lab:
        scene = Scene(lab)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        check(hard >= 10_500, f"this test needs 10,500 descriptors, the machine gives {hard}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 10_500), hard))
        idle = []
        for i in range(10_000):
            idle.append(scene.connect((f"127.0.{1 + i // 2000}.1", 0)))
            if i % 1000 == 999:
                scene.others_are_served()
        scene.is_unharmed()
        lab.wait_until(lambda: scene.node.events("stats"), "it says how it does", timeout_s=10)
        check(scene.node.events("stats")[-1]["connections"] <= 4000, "more connections than are allowed")
        for stream in idle:
            stream.close()


def large_headers():
    with Lab("hostile-headers") as lab:
        scene = Scene(lab)
        start = f"GET /announce?{query()} HTTP/1.1\r\nHost: t\r\n".encode()
        for name, request, status in (
                ("70 KB of headers", start + b"X-Long: " + b"x" * 70_000 + b"\r\n\r\n", b"431"),
                ("1,000 headers", start + b"X-Many: x\r\n" * 1000 + b"\r\n", b"431"),
                ("an URL of 9 KB", b"GET /announce?" + b"x" * 9_000 + b" HTTP/1.1\r\n\r\n", b"414"),
                ("a name without end", b"GET / HTTP/1.1\r\n" + b"x" * 20_000, b"431")):
            for _ in range(20):
                with scene.connect() as stream:
                    try:
                        stream.sendall(request)
                    except (BrokenPipeError, ConnectionResetError):
                        pass
                    reply = stream.recv(60)
                    check(reply.startswith(b"HTTP/1.1 " + status), f"{name}: {reply!r}")
        scene.is_unharmed()
        # A header that never ends, until the tracker has closed.
        with scene.connect() as stream:
            end = time.monotonic() + 10
            try:
                while time.monotonic() < end:
                    stream.sendall(b"X-More: more\r\n" * 1000)
                check(False, "a header without end is read without end")
            except (BrokenPipeError, ConnectionResetError):
                pass
        scene.is_unharmed()


def garbage():
    with Lab("hostile-garbage") as lab:
        scene = Scene(lab)
        dice = random.Random(5)
        good = f"GET /announce?{query()} HTTP/1.1\r\nHost: t\r\n\r\n".encode()
        for i in range(300):
            with scene.connect() as stream:
                try:
                    stream.sendall((good if i % 3 else b"") + dice.randbytes(dice.randrange(1, 5000)) + good)
                    stream.shutdown(socket.SHUT_WR)
                except (BrokenPipeError, ConnectionResetError, OSError):
                    pass
                reply = answer(stream)
                check(not reply or reply.startswith(b"HTTP/1.1 "), f"{reply[:60]!r}")
        scene.is_unharmed()
        # Requests without end by somebody who reads no answer.
        with scene.connect() as stream:
            stream.settimeout(0.2)
            sent = 0
            try:
                while sent < 64 << 20:
                    sent += stream.send(good * 200)
            except (TimeoutError, ConnectionResetError, BrokenPipeError):
                pass
            check(sent < 64 << 20, "it reads without end from who reads nothing")
            scene.is_unharmed()


def udp_garbage():
    with Lab("hostile-udp") as lab:
        scene = Scene(lab)
        dice = random.Random(6)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            asker.connect((scene.ip, scene.tracker.ports["udp"]))
            asker.settimeout(0.2)
            for size in [*range(0, 120), 1000, 2000, 60_000] * 20:
                try:
                    asker.send(dice.randbytes(size))
                except ConnectionRefusedError:
                    check(False, "the UDP door is closed")
            try:
                check(not asker.recv(2048), "garbage was answered")
            except TimeoutError:
                pass
            asker.send(struct.pack(">QII", 0x41727101980, 0, 7))
            asker.settimeout(10)
            check(asker.recv(64)[:8] == struct.pack(">II", 0, 7), "no connect reply behind the garbage")
        scene.is_unharmed()


def missing_torrent():
    with Lab("hostile-config") as lab:
        peers = '[[peers]]\npeerId = "-XX0001-abcdefghijkl"\nip = "127.0.0.5"\nport = 7001\n'
        config = lab.write("tracker.toml", 'port = 0\ntorrentFile = "gone.torrent"\n' + peers)
        from common import program
        node = lab.start("tracker", [program("swarm-tracker"), config])
        check(lab.wait_exit(node, 10) not in (0, None), "it starts without its torrent")
        lines = node.stderr_lines()
        check(len(lines) == 1 and "tracker.toml:2: torrentFile: " in lines[0] and "gone.torrent" in lines[0], f"{lines}")


if __name__ == "__main__":
    main({"half_requests": half_requests, "one_byte_a_second": one_byte_a_second, "idle_connections": idle_connections,
          "large_headers": large_headers, "garbage": garbage, "udp_garbage": udp_garbage,
          "missing_torrent": missing_torrent})
