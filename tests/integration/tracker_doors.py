"""swarm-tracker from the outside: ports, HTTPS, reload, proxies and the examples, over real sockets."""
import json
import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tomllib
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from common import Lab, check, main, program  # noqa: E402
from tests.support import bencode  # noqa: E402
from tests.support.tls_front import Authority  # noqa: E402

EXAMPLES = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "tracker", "examples")
HASH = bytes(range(20))


class Tracker:
    """A running tracker; `ports` is the line it prints for scripts."""

    def __init__(self, lab, text, *options, name="tracker.toml"):
        self.lab, self.config = lab, lab.write(name, text)
        self.node = lab.start(f"tracker-{len(lab.nodes)}", [program("swarm-tracker"), self.config, "--events", lab.path(f"tracker-{len(lab.nodes)}.events"),
                                          *options])
        lab.wait_until(lambda: self._lines()[1:], "the tracker is ready", [self.node])
        self.ports = json.loads(self._lines()[0])

    def _lines(self):
        with open(self.node.log_path, encoding="utf-8") as log:
            return log.read().splitlines()

    def reload(self, text, word):
        self.lab.write(os.path.basename(self.config), text)
        seen = sum(word in line for line in self.node.stderr_lines())
        os.kill(self.node.process.pid, signal.SIGHUP)
        self.lab.wait_until(lambda: sum(word in line for line in self.node.stderr_lines()) > seen, word, [self.node],
                            timeout_s=10)


def query(at=6881, peer=b"p" * 20, info_hash=HASH, **more):
    words = {"info_hash": info_hash, "peer_id": peer, "port": at, "uploaded": 0, "downloaded": 0, "left": 5, **more}
    return urllib.parse.urlencode(words, quote_via=urllib.parse.quote)


def get(ip, port, target, *, headers="", before=b"", tls=None):
    """(status, body) of one request on a connection of its own."""
    with socket.create_connection((ip, port), timeout=10) as plain:
        stream = tls.wrap_socket(plain, server_hostname=ip) if tls else plain
        stream.sendall(before + f"GET {target} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n{headers}\r\n".encode())
        raw = b""
        while chunk := stream.recv(65536):
            raw += chunk
    head, _, body = raw.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def announce(ip, port, *, path="/announce", tls=None, headers="", before=b"", **words):
    status, body = get(ip, port, f"{path}?{query(**words)}", tls=tls, headers=headers, before=before)
    check(status == 200, f"status {status}")
    reply = bencode.decode(body)
    check(bencode.encode(reply) == body, f"not canonical: {body!r}")
    return reply


def udp_announce(ip, port):
    """(interval, leechers, seeds) as a peer of that address hears them."""
    with socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(10)
        asker.connect((ip, port))
        asker.send((0x41727101980).to_bytes(8, "big") + bytes(4) + b"conn")
        connection_id = asker.recv(64)[8:16]
        asker.send(connection_id + (1).to_bytes(4, "big") + b"anno" + HASH + b"u" * 20 + struct.pack(
            ">QQQIIIiH", 0, 5, 0, 0, 0, 0, -1, 7777))
        return struct.unpack(">III", asker.recv(2048)[8:20])


def ports():
    with Lab("tracker-ports") as lab:
        tracker = Tracker(lab, "port = 0\n")
        port = tracker.ports["http"]
        check(port == tracker.ports["udp"] and port > 0, f"{tracker.ports}")
        check(f"http://0.0.0.0:{port}" in tracker.ports["listen"], f"{tracker.ports}")
        check(announce("127.0.0.1", port)[b"incomplete"] == 1, "the first announcer is not counted")
        check(udp_announce("127.0.0.1", port) == (30, 2, 0), "UDP is another swarm")
        if f"http://[::]:{port}" in tracker.ports["listen"]:
            reply = announce("::1", port, at=9)
            check(reply[b"incomplete"] == 3 and len(reply[b"peers"]) == 12, f"{reply}")
            check(announce("127.0.0.1", port)[b"peers6"] == bytes(15) + b"\x01\x00\x09", "the IPv6 peer is not told")
            check(udp_announce("::1", port)[1] == 4, "UDP over IPv6 is another swarm")
        check(tracker.node.listen_endpoint()[1] == port, "the ready event names another port")
        tracker.node.stop()
        check(tracker.node.exit_code == 0, f"exit code {tracker.node.exit_code}")


def https():
    with Lab("tracker-https") as lab:
        ip, authority = lab.address(), Authority(lab, "Test CA")

        def config(certificate, interval):
            return (f'port = 0\nbind = "{ip}"\ninterval = {interval}\n[https]\nport = 0\n'
                    f'certificate = "{certificate[0]}"\nkey = "{certificate[1]}"\n')

        def trust(ca):
            return ssl.create_default_context(cafile=ca.path)

        tracker = Tracker(lab, config(authority.issue(f"IP:{ip}"), 30))
        port = tracker.ports["https"]
        check(announce(ip, port, tls=trust(authority), at=7)[b"incomplete"] == 1, "no announce over HTTPS")
        check(announce(ip, tracker.ports["http"], at=8)[b"incomplete"] == 2, "HTTPS is another swarm")
        lab.wait_until(lambda: {e["door"] for e in tracker.node.events("announced")} == {"http", "https"},
                       "the events name both doors", timeout_s=10)
        # A new certificate from another authority, on the same port.
        other = Authority(lab, "Another CA")
        tracker.reload(config(other.issue(f"IP:{ip}"), 31), "was read again")
        check(announce(ip, port, tls=trust(other), at=7)[b"interval"] == 31, "the new certificate does not count")
        try:
            announce(ip, port, tls=trust(authority))
            check(False, "the old certificate is still shown")
        except ssl.SSLCertVerificationError:
            pass
        # Not TLS: closed, and everybody else is served.
        with socket.create_connection((ip, port), timeout=10) as plain:
            plain.sendall(b"GET /announce HTTP/1.1\r\n\r\n")
            while plain.recv(4096):
                pass
        check(announce(ip, port, tls=trust(other))[b"interval"] == 31, "plain HTTP to the HTTPS port did harm")


def reload():
    with Lab("tracker-reload") as lab:
        ip = lab.address()
        start = f'port = 0\nbind = "{ip}"\n'
        tracker = Tracker(lab, start)
        port = tracker.ports["http"]
        announce(ip, port, at=1)
        tracker.reload(start + 'interval = 11\nwarning = "soon"\n', "was read again")
        reply = announce(ip, port, at=2)
        check((reply[b"interval"], reply[b"warning message"], reply[b"incomplete"]) == (11, b"soon", 2), f"{reply}")
        tracker.reload(start + "intervall = 12\n", "configuration stays as it is: ")
        check(any("tracker.toml:3: unknown key intervall; did you mean interval?" in line
                  for line in tracker.node.stderr_lines()), "it does not name the mistake")
        check(announce(ip, port, at=2)[b"interval"] == 11, "a mistake changed something")
        lab.wait_until(lambda: tracker.node.events("reload_refused"), "an event says so", timeout_s=10)
        # A port that somebody else has: nothing changes; a free one: the door moves, who was known stays known.
        with socket.socket() as taken:
            taken.bind((ip, 0))
            taken.listen()
            tracker.reload(f'port = {taken.getsockname()[1]}\nbind = "{ip}"\n', "configuration stays as it is: ")
            check(announce(ip, port, at=2)[b"interval"] == 11, "a port in use changed something")
            free = taken.getsockname()[1]
        tracker.reload(f'port = {free}\nbind = "{ip}"\n', "was read again")
        check(announce(ip, free, at=3)[b"incomplete"] == 3, "peers were forgotten")
        check(udp_announce(ip, free)[1] == 4, "UDP did not move")
        with socket.socket() as probe:
            check(probe.connect_ex((ip, port)) != 0, "the old port is still open")
        tracker.reload(f'port = {free}\nbind = "{ip}"\ndeny = ["{HASH.hex()}"]\n', "was read again")
        reply = announce(ip, free, at=3)
        check(reply.get(b"failure reason", b"").startswith(b"info_hash: "), f"{reply}")


def proxies():
    with Lab("tracker-proxies") as lab:
        ip = lab.address()
        common = f'port = 0\nbind = "{ip}"\nexternalIp = true\n[http]\nproxies = ["{ip}"]\n'
        tracker = Tracker(lab, common)
        port = tracker.ports["http"]

        def seen(**how):
            """As who it counts that asks from the proxy's address."""
            with socket.create_connection((ip, port), timeout=10, source_address=(ip, 0)) as stream:
                stream.sendall(how.get("before", b"") + f"GET /announce?{query()} HTTP/1.1\r\nHost: t\r\nConnection: close"
                               f"\r\n{how.get('headers', '')}\r\n".encode())
                raw = b""
                while chunk := stream.recv(65536):
                    raw += chunk
            return bencode.decode(raw.partition(b"\r\n\r\n")[2])[b"external ip"] if raw else None

        check(seen(headers="X-Forwarded-For: 6.6.6.6, 192.0.2.1\r\n") == bytes([192, 0, 2, 1]), "X-Forwarded-For")
        stranger = announce(ip, port, headers="X-Forwarded-For: 192.0.2.1\r\n")[b"external ip"]
        check(stranger == bytes([127, 0, 0, 1]), f"a stranger's X-Forwarded-For counts: {stranger}")
        tracker.reload(common + "proxyProtocol = true\n", "was read again")
        check(seen(before=b"PROXY TCP4 192.0.2.2 127.0.0.1 5 80\r\n") == bytes([192, 0, 2, 2]), "PROXY, version 1")
        header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes([192, 0, 2, 3, 127, 0, 0, 1, 0, 5, 0, 80])
        check(seen(before=header) == bytes([192, 0, 2, 3]), "PROXY, version 2")
        check(seen() is None, "a proxy's connection without its header is served")
        check(announce(ip, port)[b"external ip"] == bytes([127, 0, 0, 1]), "others are not served any more")


def examples():
    with Lab("tracker-examples") as lab:
        folder = lab.path("examples")
        shutil.copytree(EXAMPLES, folder)
        for name in ("smallest.toml", "smallest.json", "full.toml", "full.json"):
            argv = [program("swarm-tracker"), os.path.join(folder, name), "--check"]
            result = subprocess.run(argv, capture_output=True, timeout=30, check=False, text=True)
            check(result.returncode == 0 and result.stdout.endswith("good\n"), f"{name}: {result}")
        with open(os.path.join(folder, "full.toml"), "rb") as toml, open(os.path.join(folder, "full.json"),
                                                                        encoding="utf-8") as text:
            check(tomllib.load(toml) == json.load(text), "full.toml and full.json differ")
        printed = subprocess.run([program("swarm-tracker"), "--print-config"], capture_output=True, timeout=30, check=True)
        config = lab.write("printed.toml", printed.stdout)
        checked = subprocess.run([program("swarm-tracker"), config, "--check"], timeout=30, check=False)
        check(checked.returncode == 0, "the printed configuration is refused")
        ip = lab.address()
        for name in ("smallest.toml", "smallest.json"):
            with open(os.path.join(folder, name), encoding="utf-8") as text:
                tracker = Tracker(lab, text.read(), "--bind", ip, "--port", "0", name=f"examples/{name}")
            reply = announce(ip, tracker.ports["http"], info_hash=torrent_hash(folder))
            check(reply[b"peers"] == bytes([127, 0, 0, 5]) + (7001).to_bytes(2, "big"), f"{name}: {reply}")
            tracker.node.stop()
        with open(os.path.join(folder, "full.toml"), encoding="utf-8") as text:
            tracker = Tracker(lab, text.read(), "--bind", ip, "--port", "0", name="examples/full.toml")
        reply = announce(ip, tracker.ports["http"], path="/sesame/announce", info_hash=torrent_hash(folder))
        check(reply[b"peers"] == bytes([127, 0, 0, 5]) + (7001).to_bytes(2, "big"), f"{reply}")
        check(18 <= reply[b"interval"] <= 22 and reply[b"tracker id"] == b"lab-1", f"{reply}")
        check(reply[b"external ip"] == bytes([192, 0, 2, 1]), f"{reply}")
        refused = announce(ip, tracker.ports["http"], path="/other/announce", info_hash=torrent_hash(folder))
        check(refused[b"failure reason"].startswith(b"passkey: ") and refused[b"retry in"] == 10, f"{refused}")


def torrent_hash(folder):
    with open(os.path.join(folder, "example.torrent"), "rb") as file:
        return bencode.info_hash(file.read())


if __name__ == "__main__":
    main({"ports": ports, "https": https, "reload": reload, "proxies": proxies, "examples": examples})
