"""What the benches share: payload and torrent, a tracker inside this process, processes and what they cost."""
import ctypes
import hashlib
import http.server
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TICKS = os.sysconf("SC_CLK_TCK")
MIB = 1 << 20
_libc = ctypes.CDLL(None)


def parse_size(text):
    unit = {"K": 1 << 10, "M": MIB, "G": 1 << 30}.get(text[-1:].upper())
    return int(text[:-1]) * unit if unit else int(text)


class Tracker(http.server.ThreadingHTTPServer):
    """Answers with the one seeder whose turn it is; remembers who announced that it has everything."""
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Announce)
        self.shown = None
        self.ready_ports = set()
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server_port}/announce"

    def handle_error(self, request, client_address):
        pass  # a client that ends while it announces `stopped` hangs up first


class Announce(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query, encoding="latin-1")
        port, left = int(query["port"][0]), int(query.get("left", ["1"])[0])
        if left == 0 and query.get("event") != ["stopped"]:
            self.server.ready_ports.add(port)
        peers = b""
        if self.server.shown and left > 0:
            ip, shown_port = self.server.shown
            peers = socket.inet_aton(ip) + shown_port.to_bytes(2, "big")
        body = b"d8:completei1e10:incompletei1e8:intervali1800e5:peers%d:%se" % (len(peers), peers)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Bench:
    def __init__(self, args):
        self.args = args
        self.work = tempfile.mkdtemp(prefix="swarm-bench-", dir=args.dir)
        self.tracker = Tracker()
        self.processes = []
        self.ports = set()
        self.original = os.path.join(self.work, "original", "payload")
        self.torrent = os.path.join(self.work, "payload.torrent")
        self.gb = args.size / 1e9

    def make_data(self):
        os.makedirs(os.path.dirname(self.original))
        hashes, left = [], self.args.size
        with open(self.original, "wb") as out:
            while left > 0:
                piece = os.urandom(min(left, self.args.piece_length))
                hashes.append(hashlib.sha1(piece).digest())
                out.write(piece)
                left -= len(piece)
        url = self.tracker.url.encode()
        pieces = b"".join(hashes)
        with open(self.torrent, "wb") as out:
            out.write(b"d8:announce%d:%s4:infod6:lengthi%de4:name7:payload12:piece lengthi%de6:pieces%d:%see" % (
                len(url), url, self.args.size, self.args.piece_length, len(pieces), pieces))

    def free_port(self, ip):
        while True:
            with socket.socket() as probe:
                probe.bind((ip, 0))
                port = probe.getsockname()[1]
            if port not in self.ports:
                self.ports.add(port)
                return port

    def start(self, name, argv):
        def in_child():
            _libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG

        with open(os.path.join(self.work, name + ".log"), "ab") as log:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=in_child)
        self.processes.append(process)
        return process

    def log_size(self, name):
        path = os.path.join(self.work, name + ".log")
        return os.path.getsize(path) if os.path.exists(path) else 0

    def log_from(self, name, start):
        with open(os.path.join(self.work, name + ".log"), "rb") as log:
            log.seek(start)
            return log.read()

    def log_tail(self, name):
        return self.log_from(name, max(0, self.log_size(name) - 2000)).decode(errors="replace")

    def close(self):
        for process in self.processes:
            stop(process)
        shutil.rmtree(self.work, ignore_errors=True)


def stop(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mib(pid):
    """(peak RSS, anonymous RSS) now; zeros when it has just ended."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            fields = dict(line.split(":", 1) for line in file)
        return tuple(int(fields.get(key, "0 kB").split()[0]) / 1024 for key in ("VmHWM", "RssAnon"))
    except OSError:
        return 0.0, 0.0


def prepare(args):
    """Missing packages, our programs (release) and the libtorrent client, built where they are not up to date."""
    script = '. "$0/lab/setup.sh"; swarm_packages build bench'
    if not args.bin:
        script += "; swarm_build release swarm-client swarm-seeder"
        args.bin = os.path.join(ROOT, "build", "release", "bin")
    if subprocess.run(["bash", "-c", script, ROOT], check=False).returncode != 0:
        sys.exit(3)
    for name in ("swarm-client", "swarm-seeder"):
        if not os.access(os.path.join(args.bin, name), os.X_OK):
            sys.exit(f"{os.path.join(args.bin, name)} is missing")
    source = os.path.join(ROOT, "lab", "bench", "lt_client.cpp")
    args.lt_client = os.path.join(ROOT, "build", "bench", "lt_client")
    if not os.path.exists(args.lt_client) or os.path.getmtime(args.lt_client) < os.path.getmtime(source):
        os.makedirs(os.path.dirname(args.lt_client), exist_ok=True)
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "libtorrent-rasterbar"], check=True,
                               stdout=subprocess.PIPE, text=True).stdout.split()
        subprocess.run(["g++", "-std=c++17", "-O2", source, "-o", args.lt_client, *flags], check=True)
