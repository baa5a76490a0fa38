"""One class for each program that a test can put into a swarm: other people's clients and trackers, and ours.

A client class is made with (lab, name, torrent) and has
  encryption           before the start: "require" or, where the program can be told, "rc4" or "plaintext" behind the
                       encrypted handshake; nothing: as the program likes
  magnet               where it is set, download() is given this link in place of the torrent file
  seed(folder)         folder holds the torrent's root; returns when it listens; dial=[endpoint...]: the downloaders
                       that it shall connect to by itself, where the program can be told
  download(folder)     into folder
  is_complete()        the download is done
  can_dial             as a downloader it connects to the loopback peers that the tracker names
  ip, port, node       its listening endpoint and its process
"""
import base64
import json
import os
import pwd
import socket
import struct
import sys
import urllib.error
import urllib.request

from tests.support import bencode
from tests.support.nodes import check, free_port, is_listening, program

HERE = os.path.dirname(os.path.abspath(__file__))
SKIPPED = 77  # what ctest takes for a skipped test
SYSTEM_PYTHON = "/usr/bin/python3"  # the one that Debian's python3-libtorrent belongs to


class Client:
    def __init__(self, lab, name, torrent):
        self.lab, self.name, self.torrent = lab, name, torrent
        self.ip, self.port, self.node = lab.address(), None, None
        self.magnet = self.encryption = None

    def endpoint(self):
        return f"{self.ip}:{self.port}"

    def is_complete(self):
        return self.node.exit_code == 0


class Aria2(Client):
    """Tries the encrypted handshake first and the plain one a second later; its only source of peers is the tracker."""
    can_dial = True
    ENCRYPTION = {None: [], "require": ["--bt-require-crypto=true"],
                  "rc4": ["--bt-require-crypto=true", "--bt-min-crypto-level=arc4"]}

    def _start(self, folder, extra):
        self.node, self.port = self.lab.start_listening(self.name, lambda port: [
            "aria2c", "--no-conf=true", "--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false",
            "--disable-ipv6=true", f"--interface={self.ip}", f"--listen-port={port}", f"--dir={folder}",
            "--file-allocation=none", "--summary-interval=0", "--show-console-readout=false", "--enable-color=false",
            "--console-log-level=notice", f"--log={self.lab.path(self.name)}.aria2", "--log-level=debug",
            *self.ENCRYPTION[self.encryption], *extra,
            self.magnet or self.torrent], self.ip)

    def seed(self, folder):
        self._start(folder, ["--check-integrity=true", "--seed-ratio=0.0"])

    def download(self, folder):
        self._start(folder, ["--seed-time=0"])


class Libtorrent(Client):
    can_dial = True

    def _start(self, folder, extra):
        self.node, self.port = self.lab.start_listening(self.name, lambda port: [
            SYSTEM_PYTHON, os.path.join(HERE, "libtorrent_peer.py"),
            *(["--magnet", self.magnet] if self.magnet else ["--torrent", self.torrent]), "--dir", folder,
            "--ip", self.ip, "--port", str(port), *(["--encryption", self.encryption] if self.encryption else []),
            *extra], self.ip)

    def seed(self, folder, dial=()):
        self._start(folder, ["--seed", "--dial", *dial])

    def download(self, folder, dial=()):
        self._start(folder, ["--dial", *dial])


class Transmission(Client):
    """Never dials a 127.x peer that a tracker gave it: the other side must dial. Driven over its RPC."""
    can_dial = False

    def _settings(self, port):
        self.rpc_port = free_port(self.ip)
        config = self.lab.make_dir(f"{self.name}-config-{port}")
        settings = {
            "bind-address-ipv4": self.ip, "bind-address-ipv6": "::1", "peer-port": port,
            "peer-port-random-on-start": False, "port-forwarding-enabled": False, "dht-enabled": False,
            "lpd-enabled": False, "utp-enabled": False, "rpc-enabled": True, "rpc-bind-address": self.ip,
            "rpc-port": self.rpc_port, "rpc-whitelist-enabled": False, "rpc-host-whitelist-enabled": False,
            "download-queue-enabled": False, "seed-queue-enabled": False, "ratio-limit-enabled": False,
            "message-level": 3, "encryption": 2 if self.encryption else 1}
        with open(os.path.join(config, "settings.json"), "w", encoding="utf-8") as out:
            json.dump(settings, out)
        return config

    def _rpc(self, method, **arguments):
        body = json.dumps({"method": method, "arguments": arguments}).encode()
        request = urllib.request.Request(f"http://{self.ip}:{self.rpc_port}/transmission/rpc", body)
        for _ in range(2):
            request.add_header("X-Transmission-Session-Id", getattr(self, "_session", ""))
            try:
                with urllib.request.urlopen(request, timeout=5) as reply:
                    answer = json.load(reply)
                check(answer["result"] == "success", f"{self.name}: {method}: {answer['result']}")
                return answer["arguments"]
            except urllib.error.HTTPError as error:
                check(error.code == 409, f"{self.name}: {method}: HTTP {error.code}")
                self._session = error.headers["X-Transmission-Session-Id"]
        raise AssertionError("unreachable: the second request has the session id")

    def _start(self, folder):
        self.node, self.port = self.lab.start_listening(self.name, lambda port: [
            "transmission-daemon", "--foreground", "--config-dir", self._settings(port)], self.ip)
        self.lab.wait_until(lambda: is_listening(self.ip, self.rpc_port), "transmission answers its RPC", [self.node])
        if self.magnet:
            what = {"filename": self.magnet}
        else:
            with open(self.torrent, "rb") as file:
                what = {"metainfo": base64.b64encode(file.read()).decode()}
        self._rpc("torrent-add", **what, **{"download-dir": folder, "paused": False})

    def _state(self):
        return self._rpc("torrent-get", fields=["percentDone", "leftUntilDone", "status", "error", "errorString"]
                         )["torrents"][0]

    def seed(self, folder):
        self._start(folder)
        self.lab.wait_until(self.is_complete, "transmission has checked its files", [self.node])

    def download(self, folder):
        self._start(folder)

    def is_complete(self):
        try:
            state = self._state()
        except (TimeoutError, urllib.error.URLError):
            return False  # one thread does its RPC and its disk: while it writes it does not answer
        check(state["error"] != 3, f"transmission: {state['errorString']}")
        return state["percentDone"] == 1 and state["status"] == 6  # 6: seeding


class Rtorrent(Client):
    """Without its screen. It announces as soon as it has hashed what it finds."""

    def seed(self, folder):
        def argv(port):
            rc = self.lab.write(f"{self.name}.rc", f"""network.bind_address.set = {self.ip}
network.port_range.set = {port}-{port}
network.port_random.set = no
directory.default.set = {folder}
system.daemon.set = true
dht.mode.set = disable
protocol.pex.set = no
pieces.hash.on_completion.set = no
""")
            return ["rtorrent", "-n", "-o", f"import={rc}", self.torrent]

        self.node, self.port = self.lab.start_listening(self.name, argv, self.ip)


class SwarmClient(Client):
    """Our client; learns its peers from the tracker."""
    can_dial = True

    def download(self, folder):
        events = self.lab.path(f"{self.name}.events")
        self.node = self.lab.start(self.name, [
            program("swarm-client"), "-t", self.magnet or self.torrent, "--outdir", folder, "--bind", self.ip,
            "--events", events, "--interval-floor", "1", "--timeout", "60",
            *(["--encryption", self.encryption] if self.encryption else [])])
        self.lab.wait_until(lambda: self.node.listen_endpoint(), "our client listens", [self.node])
        self.ip, self.port = self.node.listen_endpoint()


class SwarmSeeder(Client):
    """Our seeder; it only seeds."""

    def seed(self, folder, dial=()):
        events = self.lab.path(f"{self.name}.events")
        with open(self.torrent, "rb") as file:
            root = os.fsdecode(bencode.decode(file.read())[b"info"][b"name"])
        argv = [program("swarm-seeder"), "-t", self.torrent, "-s", os.path.join(folder, root), "--bind", self.ip,
                "--events", events, *(["--encryption", self.encryption] if self.encryption else [])]
        if dial:
            argv += ["--peers", self.lab.write(f"{self.name}.peers", "".join(f"{e}\n" for e in dial))]
        self.node = self.lab.start(self.name, argv)
        self.lab.wait_until(lambda: self.node.listen_endpoint(), "our seeder is ready", [self.node])
        self.ip, self.port = self.node.listen_endpoint()


class Tracker:
    """Has an announce URL before it runs, because the torrent is made with it."""
    completed = 0  # what it counts when a seed comes that was none before

    def __init__(self, lab):
        self.lab, self.ip, self.node = lab, lab.address(), None
        self.port = free_port(self.ip)
        self.url = f"http://{self.ip}:{self.port}/announce"

    def _wait(self):
        self.lab.wait_until(lambda: is_listening(self.ip, self.port), "the tracker listens", [self.node])

    def count(self, info_hash, key):
        """complete or incomplete peers of the torrent as a scrape says."""
        quoted = "".join(f"%{byte:02x}" for byte in info_hash)
        with urllib.request.urlopen(f"http://{self.ip}:{self.port}/scrape?info_hash={quoted}", timeout=5) as reply:
            return bencode.decode(reply.read()).get(b"files", {}).get(info_hash, {}).get(key, 0)


class OpenTracker(Tracker):
    """Debian's build serves only the torrents of its allow list."""

    def start(self, torrent):
        with open(torrent, "rb") as file:
            self.start_listed(bencode.info_hash(file.read()).hex() + "\n")

    def start_listed(self, allowed):
        """allowed: info_hashes in hex, one a line."""
        folder = self.lab.make_dir("opentracker")
        with open(os.path.join(folder, "allowed"), "w", encoding="ascii") as out:
            out.write(allowed)
        # It refuses to be root and would become nobody by itself, but that would also drop the kernel's promise to
        # end it with this process: it starts as nobody.
        user = pwd.getpwnam("nobody").pw_uid if os.getuid() == 0 else None
        self.node = self.lab.start("opentracker", ["opentracker", "-i", self.ip, "-p", str(self.port), "-P",
                                                   str(self.port), "-d", ".", "-w", "allowed"], cwd=folder, user=user)
        self._wait()


class OpenTrackerUdp(OpenTracker):
    """The same, announced to over UDP; asked for its counts over HTTP."""

    def __init__(self, lab):
        super().__init__(lab)
        self.url = f"udp://{self.ip}:{self.port}/announce"


class NpmTracker(Tracker):
    """npm's bittorrent-tracker, over HTTP and UDP on one port; tests/interop/npm/install puts it into the build folder."""
    completed = 1

    @staticmethod
    def folder():
        return os.path.join(os.environ.get("BT_BUILD_DIR", ""), "npm")

    def start(self, torrent):
        self.node = self.lab.start("bittorrent-tracker", ["node", os.path.join(HERE, "npm", "tracker.mjs"),
                                                          self.folder(), self.ip, str(self.port)])
        self._wait()


    def count(self, info_hash, key):
        """Over UDP: its HTTP scrape writes an info_hash as UTF-8."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            asker.settimeout(5)
            asker.connect((self.ip, self.port))
            asker.send((0x41727101980).to_bytes(8, "big") + bytes(4) + b"conn")
            connection_id = asker.recv(64)[8:16]
            asker.send(connection_id + (2).to_bytes(4, "big") + b"scrp" + info_hash)
            complete, _, incomplete = struct.unpack(">III", asker.recv(64)[8:20])
        return complete if key == b"complete" else incomplete


class NpmTrackerUdp(NpmTracker):
    def __init__(self, lab):
        super().__init__(lab)
        self.url = f"udp://{self.ip}:{self.port}/announce"


class SwarmTracker(Tracker):
    """Ours, over HTTP and UDP on one port."""

    def start(self, torrent):
        config = self.lab.write("tracker.toml", f'port = {self.port}\ntorrentFile = "{torrent}"\n')
        self.events = self.lab.path("swarm-tracker.events")
        self.node = self.lab.start("swarm-tracker", [program("swarm-tracker"), config, "--bind", self.ip,
                                                     "--events", self.events])
        self._wait()


class SwarmTrackerUdp(SwarmTracker):
    """The same, announced to over UDP; asked for its counts over HTTP."""

    def __init__(self, lab):
        super().__init__(lab)
        self.url = f"udp://{self.ip}:{self.port}/announce"


CLIENTS = {"aria2": Aria2, "transmission": Transmission, "libtorrent": Libtorrent, "swarm-client": SwarmClient,
           "swarm-seeder": SwarmSeeder}
TRACKERS = {"opentracker": OpenTracker, "opentracker-udp": OpenTrackerUdp, "swarm-tracker": SwarmTracker, "swarm-tracker-udp": SwarmTrackerUdp,
            "npm": NpmTracker, "npm-udp": NpmTrackerUdp}


def missing_programs(names):
    """What of other people's programs a test needs and the machine lacks, as Debian packages."""
    from shutil import which
    needs = {"aria2": [("aria2c", "aria2")], "transmission": [("transmission-daemon", "transmission-daemon")],
             "transmission-create": [("transmission-create", "transmission-cli")],
             "mktorrent": [("mktorrent", "mktorrent")], "rtorrent": [("rtorrent", "rtorrent")], "opentracker": [("opentracker", "opentracker")],
             "opentracker-udp": [("opentracker", "opentracker")]}
    missing = [package for name in names for tool, package in needs.get(name, []) if not which(tool)]
    if "libtorrent" in names:
        import subprocess
        if subprocess.run([SYSTEM_PYTHON, "-c", "import libtorrent"], stderr=subprocess.DEVNULL,
                          check=False).returncode != 0:
            missing.append("python3-libtorrent")
    return missing
