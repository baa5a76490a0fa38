"""BEP 3 peers written for tests, honest or not: a second reading of the protocol on plain sockets and threads."""
import os
import socket
import struct
import threading
import time

CHOKE, UNCHOKE, INTERESTED, NOT_INTERESTED, HAVE, BITFIELD, REQUEST, PIECE, CANCEL = range(9)
PROTOCOL = b"\x13BitTorrent protocol"
BLOCK = 16 * 1024


class Gone(Exception):
    """The other side closed the connection."""


class Connection:
    def __init__(self, stream):
        self.stream = stream
        self.buffer = b""
        self.closed = threading.Event()  # the other side hung up on us

    def read_exactly(self, count):
        while len(self.buffer) < count:
            try:
                bytes_ = self.stream.recv(1 << 16)
            except ConnectionError:
                bytes_ = b""
            if not bytes_:
                self.closed.set()
                raise Gone()
            self.buffer += bytes_
        out, self.buffer = self.buffer[:count], self.buffer[count:]
        return out

    def starts_plain(self):
        """Waits for the first 20 bytes and leaves them to be read."""
        start = self.read_exactly(len(PROTOCOL))
        self.buffer = start + self.buffer
        return start == PROTOCOL

    def send(self, data):
        try:
            self.stream.sendall(data)
        except ConnectionError:
            self.closed.set()
            raise Gone() from None

    def send_handshake(self, info_hash, peer_id=None):
        self.send(PROTOCOL + bytes(8) + info_hash + (peer_id or b"-PY0001-" + os.urandom(12)))

    def read_handshake(self):
        """The info_hash of the other side."""
        return self.read_exactly(68)[28:48]

    def send_message(self, kind, payload=b""):
        self.send(struct.pack(">IB", len(payload) + 1, kind) + payload)

    def read_message(self):
        """(kind, payload); keep-alives are skipped."""
        while True:
            length, = struct.unpack(">I", self.read_exactly(4))
            if length:
                body = self.read_exactly(length)
                return body[0], body[1:]

    def wait_closed(self):
        """Reads and forgets until the other side hangs up."""
        try:
            while True:
                self.buffer = b""
                self.read_exactly(1)
        except Gone:
            pass

    def close(self):
        self.stream.close()


class Torrent:
    """A single file in memory: what the peers of a test share."""

    def __init__(self, data, piece_length, info_hash):
        self.data, self.piece_length, self.info_hash = data, piece_length, info_hash
        self.piece_count = -(-len(data) // piece_length)

    def block(self, piece, begin, length):
        at = piece * self.piece_length + begin
        return self.data[at:at + length]

    def bitfield(self):
        bits = bytearray(-(-self.piece_count // 8))
        for piece in range(self.piece_count):
            bits[piece // 8] |= 0x80 >> piece % 8
        return bytes(bits)

    def requests(self):
        for piece in range(self.piece_count):
            size = min(self.piece_length, len(self.data) - piece * self.piece_length)
            for begin in range(0, size, BLOCK):
                yield piece, begin, min(BLOCK, size - begin)


class ListeningPeer:
    """Accepts connections on an address of its own and runs `script(connection)` on each, in a thread. It speaks only
    plain: whoever starts with anything but the plain handshake is hung up on, as by other peers that know no
    encryption, and tries again."""

    def __init__(self, lab, script):
        self.listener = socket.create_server((lab.address(), 0))
        self.ip, self.port = self.listener.getsockname()
        self.script = script
        self.connections = []
        self.errors = []
        threading.Thread(target=self._accept, daemon=True).start()
        lab.on_close(self.close)

    def endpoint(self):
        return f"{self.ip}:{self.port}"

    def _accept(self):
        while True:
            try:
                stream, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._run, args=(Connection(stream),), daemon=True).start()

    def _run(self, connection):
        try:
            if not connection.starts_plain():
                return
            self.connections.append(connection)
            self.script(connection)
        except Gone:
            pass
        except OSError as error:
            self.errors.append(error)
        finally:
            connection.close()

    def was_hung_up_on(self):
        return any(connection.closed.is_set() for connection in self.connections)

    def close(self):
        self.listener.close()
        for connection in self.connections:
            connection.close()


class Seed:
    """A peer with every piece. `alter(number, piece, begin, block)` may change, hold back (by waiting) or refuse
    (None) each answer; number counts the blocks asked of this seed. It unchokes once `unchoke_when` is set."""

    def __init__(self, lab, torrent, alter=None, unchoke_when=None):
        self.torrent, self.alter, self.unchoke_when = torrent, alter, unchoke_when
        self.asked = 0
        self.peer = ListeningPeer(lab, self._serve)
        self.endpoint = self.peer.endpoint
        self.ip = self.peer.ip

    def _serve(self, connection):
        connection.read_handshake()
        connection.send_handshake(self.torrent.info_hash)
        connection.send_message(BITFIELD, self.torrent.bitfield())
        while True:
            kind, payload = connection.read_message()
            if kind == INTERESTED:
                if self.unchoke_when:
                    self.unchoke_when.wait()
                connection.send_message(UNCHOKE)
            elif kind == REQUEST:
                piece, begin, length = struct.unpack(">III", payload)
                block = self.torrent.block(piece, begin, length)
                self.asked += 1
                if self.alter:
                    block = self.alter(self.asked, piece, begin, block)
                if block is not None:
                    connection.send_message(PIECE, struct.pack(">II", piece, begin) + block)


def dial(endpoint, source_ip, timeout_s=30):
    ip, port = endpoint
    return Connection(socket.create_connection((ip, port), timeout=timeout_s, source_address=(source_ip, 0)))


def fetch_all(endpoint, source_ip, torrent, depth=32, timeout_s=30):
    """Downloads everything from a seeder that has everything; the bytes."""
    connection = dial(endpoint, source_ip, timeout_s)
    connection.send_handshake(torrent.info_hash)
    connection.read_handshake()
    connection.send_message(INTERESTED)
    while connection.read_message()[0] != UNCHOKE:
        pass
    wanted = list(torrent.requests())
    data, open_requests, limit = bytearray(len(torrent.data)), 0, time.monotonic() + timeout_s
    left = len(wanted)
    while left:
        while wanted and open_requests < depth:
            connection.send_message(REQUEST, struct.pack(">III", *wanted.pop(0)))
            open_requests += 1
        kind, payload = connection.read_message()
        if kind == PIECE:
            piece, begin = struct.unpack(">II", payload[:8])
            at = piece * torrent.piece_length + begin
            data[at:at + len(payload) - 8] = payload[8:]
            open_requests -= 1
            left -= 1
        if time.monotonic() > limit:
            raise TimeoutError(f"{left} blocks are missing")
    connection.close()
    return bytes(data)
