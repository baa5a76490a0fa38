"""Processes of a test on loopback: each node has its own 127.x address, every wait is bounded, nothing is left behind.

    with Lab("name") as lab:
        node = lab.start("seeder", [program, ...])
        lab.wait_until(lambda: node.log_has("ready"), "the seeder is ready")

Leaving the block ends every process (and the kernel ends them when this one dies), removes the temporary
directory and, when the block was left by an error, first prints the tail of each node's log.
"""
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

POLL_S = 0.03
TAIL_BYTES = 3000
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class TestFailure(Exception):
    """What a test expected did not happen; the message says what."""


def check(condition, message):
    if not condition:
        raise TestFailure(message)


def bin_dir():
    """Where the programs under test are: ctest sets BT_BIN_DIR."""
    folder = os.environ.get("BT_BIN_DIR")
    if not folder:
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        folder = os.path.join(root, "build", "release", "bin")
    return folder


def program(name):
    path = os.path.join(bin_dir(), name)
    check(os.access(path, os.X_OK), f"{path} is not built")
    return path


def free_port(ip):
    """A port that nothing listens on now. Another process may take it first: starters retry with a new one."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((ip, 0))
        return probe.getsockname()[1]


def accepts(ip, port):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((ip, port)) == 0


def is_listening(ip, port):
    """Whether a TCP socket listens there, without connecting to it (a connection is an event for a peer). One of the
    other family that listens for IPv4 too counts."""
    wanted = f"{int.from_bytes(socket.inet_aton(ip), sys.byteorder):08X}:{port:04X}"
    any_ip = f"00000000:{port:04X}"
    mapped = f"{int.from_bytes(bytes([0, 0, 255, 255]), sys.byteorder):08X}".join(["0" * 16, wanted])
    for file, addresses in (("tcp", (wanted, any_ip)), ("tcp6", (mapped,))):
        try:
            with open(f"/proc/net/{file}", encoding="ascii") as table:
                if any(f[1] in addresses and f[3] == "0A" for f in (line.split() for line in table)):
                    return True
        except FileNotFoundError:
            pass  # a kernel without that family
    return False


class Node:
    """One running process; stdout, stderr and events go to files."""

    def __init__(self, name, argv, folder, *, env=None, limits=None, cwd=None, user=None):
        self.name = name
        self.argv = argv
        self.log_path = os.path.join(folder, name + ".log")
        self.err_path = os.path.join(folder, name + ".err")
        self.events_path = os.path.join(folder, name + ".events")

        def in_child():
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if limits:
                limits()

        with open(self.log_path, "ab") as log, open(self.err_path, "ab") as err:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=err,
                                            env=env, cwd=cwd or folder, user=user, group=user, extra_groups=user and [],
                                            preexec_fn=in_child)

    @property
    def running(self):
        return self.process.poll() is None

    @property
    def exit_code(self):
        """None while it runs."""
        return self.process.poll()

    def stderr_lines(self):
        with open(self.err_path, "rb") as log:
            return log.read().decode("utf-8", "replace").splitlines()

    def events(self, kind=None):
        """The events it has written so far, whole lines only, optionally of one kind."""
        if not os.path.exists(self.events_path):
            return []
        with open(self.events_path, "rb") as log:
            lines = log.read().split(b"\n")[:-1]
        events = [json.loads(line) for line in lines if line]
        return [e for e in events if kind is None or e["event"] == kind]

    def has_event(self, kind):
        return bool(self.events(kind))

    def listen_endpoint(self):
        """(ip, port) as its `ready` event says; None before."""
        for event in self.events("ready"):
            ip, _, port = event["listen"].rpartition(":")
            return ip, int(port)
        return None

    def kill(self):
        if self.running:
            self.process.kill()
        self.process.wait()

    def stop(self, grace_s=4):
        if self.running:
            self.process.terminate()
            try:
                self.process.wait(grace_s)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()

    def tail(self):
        parts = []
        for path in (self.log_path, self.err_path, self.events_path):
            if not os.path.exists(path):
                continue
            with open(path, "rb") as log:
                # The regular reports would push everything else out of sight.
                text = b"".join(line for line in log if b'"event":"stats"' not in line)
            if text.strip():
                parts.append(f"  {os.path.basename(path)}:\n" + text[-TAIL_BYTES:].decode("utf-8", "replace"))
        return "\n".join(parts)


class Lab:
    """The nodes and the temporary directory of one test."""

    def __init__(self, name, timeout_s=90):
        self.folder = tempfile.mkdtemp(prefix=f"swarm-{name}-")
        self.deadline = time.monotonic() + timeout_s
        self.nodes = []
        self.closers = []
        # A network of its own for every test that runs beside this one.
        pid = os.getpid()
        self._network = f"127.{64 + (pid >> 8) % 128}.{pid % 256}"
        self._addresses = 0
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    def address(self):
        self._addresses += 1
        check(self._addresses < 255, "a test has at most 254 addresses")
        return f"{self._network}.{self._addresses}"

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def make_dir(self, *parts):
        path = self.path(*parts)
        os.makedirs(path, exist_ok=True)
        return path

    def write(self, name, content):
        path = self.path(name)
        with open(path, "wb" if isinstance(content, bytes) else "w") as out:
            out.write(content)
        return path

    def start(self, name, argv, **options):
        """options: env, limits (called in the child), cwd, user (a numeric id)."""
        node = Node(name, argv, self.folder, **options)
        self.nodes.append(node)
        return node

    def start_listening(self, name, make_argv, ip, timeout_s=15, tries=3):
        """Starts a program that cannot be asked for its port: gives it a free one, and another when that was taken."""
        for attempt in range(tries):
            port = free_port(ip)
            node = self.start(name if attempt == 0 else f"{name}-{attempt}", make_argv(port))
            limit = time.monotonic() + timeout_s
            while node.running and time.monotonic() < limit:
                if is_listening(ip, port):
                    return node, port
                time.sleep(POLL_S)
            node.stop()
        raise TestFailure(f"{name} does not listen on {ip} after {tries} tries")

    def on_close(self, close):
        self.closers.append(close)

    def wait_until(self, condition, what, needs=(), timeout_s=None):
        """Returns when the condition holds; fails at the deadline or when a node that it needs has ended."""
        limit = self.deadline if timeout_s is None else min(self.deadline, time.monotonic() + timeout_s)
        while not condition():
            for node in needs:
                check(node.running or condition(), f"{node.name} ended with {node.exit_code} before {what}")
            check(time.monotonic() < limit, f"in time: {what}")
            time.sleep(POLL_S)

    def wait_exit(self, node, timeout_s=None):
        self.wait_until(lambda: not node.running, f"{node.name} has ended", timeout_s=timeout_s)
        return node.exit_code

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is not None:
            for node in self.nodes:
                print(f"--- {node.name}: exit code {node.exit_code}\n  {' '.join(node.argv)}\n{node.tail()}",
                      file=sys.stderr)
        for node in reversed(self.nodes):
            node.stop()
        for close in reversed(self.closers):
            close()
        shutil.rmtree(self.folder, ignore_errors=True)
        return False


def run_test(function, *args):
    """Runs a test function as a program: 0 and one line when it holds, 1 and the reason when not."""
    start = time.monotonic()
    try:
        function(*args)
    except TestFailure as failure:
        print(f"FAILED: {failure}", file=sys.stderr)
        sys.exit(1)
    print(f"passed in {time.monotonic() - start:.1f} s")
