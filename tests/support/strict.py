"""A peer and a tracker that take the protocol at its word, as the strictest teaching ones do: whatever is not exactly
what they expect is written down in `faults`, and the connection is closed."""
import http.server
import os
import select
import struct
import threading
import urllib.parse

from tests.support import bencode
from tests.support.wire_peer import (BITFIELD, BLOCK, INTERESTED, NOT_INTERESTED, PIECE, PROTOCOL, REQUEST,
                                     UNCHOKE, ListeningPeer)

EXTENDED = 20
METADATA_ID = 7  # what this peer calls ut_metadata
METADATA_BLOCK = 16 * 1024
PLAIN, EXTENSIONS = bytes(8), bytes.fromhex("0000000000100000")


class Refused(Exception):
    """The other side did what is not allowed."""


class StrictPeer:
    """Serves torrent (wire_peer.Torrent). info: the raw bytes of the metainfo's info, for magnets: then extensions are
    expected. answers: reserved bytes and info_hash of its handshake, where they are not as they should be."""

    def __init__(self, lab, torrent, info=None, reserved=None, info_hash=None):
        self.torrent, self.info, self.peer_id = torrent, info, b"-ST0001-" + os.urandom(12)
        self.expected = EXTENSIONS if info is not None else PLAIN
        self.reserved = self.expected if reserved is None else reserved
        self.info_hash = info_hash or torrent.info_hash
        self.faults, self.heard = [], []
        self.peer = ListeningPeer(lab, self._serve)
        self.endpoint = self.peer.endpoint()

    def _serve(self, connection):
        try:
            self._greet(connection)
            if self.info is not None and self.reserved == EXTENSIONS:
                self._give_metadata(connection)
            self._give_blocks(connection)
        except Refused as refused:
            self.faults.append(str(refused))

    def _require(self, condition, what):
        if not condition:
            raise Refused(what)

    def _greet(self, connection):
        handshake = connection.read_exactly(68)
        self._require(handshake[:20] == PROTOCOL, f"protocol: {handshake[:20]}")
        self._require(handshake[20:28] == self.expected, f"reserved bytes: {handshake[20:28].hex()}")
        self._require(handshake[28:48] == self.torrent.info_hash, "info_hash")
        connection.send(PROTOCOL + self.reserved + self.info_hash + self.peer_id)
        # Who speaks now speaks before the bitfield. (Magnets: the extension handshake may come at once.)
        if self.expected == PLAIN:
            early = select.select([connection.stream], [], [], 0.2)[0]
            self._require(not early or not connection.stream.recv(1, 2), "a message before the bitfield")
        connection.send_message(BITFIELD, self.torrent.bitfield())

    def _read(self, connection):
        kind, payload = connection.read_message()
        self.heard.append((kind, payload[0]) if kind == EXTENDED else (kind,))
        return kind, payload

    def _give_metadata(self, connection):
        kind, payload = self._read(connection)
        self._require(kind == EXTENDED and payload[0] == 0, f"first message {kind} is no extension handshake")
        told = bencode.decode(payload[1:])
        self._require(set(told) == {b"m"} and set(told[b"m"]) == {b"ut_metadata"}, f"extension handshake: {told}")
        their_id = told[b"m"][b"ut_metadata"]
        own = {b"m": {b"ut_metadata": METADATA_ID}, b"metadata_size": len(self.info)}
        connection.send_message(EXTENDED, b"\0" + bencode.encode(own))
        left = set(range(-(-len(self.info) // METADATA_BLOCK)))
        while left:
            kind, payload = self._read(connection)
            self._require(kind == EXTENDED and payload[0] == METADATA_ID, f"{kind} instead of a metadata request")
            asked = bencode.decode(payload[1:])
            self._require(set(asked) == {b"msg_type", b"piece"} and asked[b"msg_type"] == 0, f"request: {asked}")
            self._require(asked[b"piece"] in left, f"block {asked[b'piece']} is asked for again")
            left.remove(asked[b"piece"])
            at = asked[b"piece"] * METADATA_BLOCK
            answer = {b"msg_type": 1, b"piece": asked[b"piece"], b"total_size": len(self.info)}
            connection.send_message(EXTENDED, bytes([their_id]) + bencode.encode(answer)
                                    + self.info[at:at + METADATA_BLOCK])

    def _give_blocks(self, connection):
        unchoked, served = False, 0
        while True:
            kind, payload = self._read(connection)
            if kind == INTERESTED:
                self._require(not unchoked and not payload, "interested again")
                unchoked = True
                connection.send_message(UNCHOKE)
            elif kind == REQUEST:
                self._require(unchoked and len(payload) == 12, "a request while choked")
                piece, begin, length = struct.unpack(">III", payload)
                block = self.torrent.block(piece, begin, length)
                self._require(begin % BLOCK == 0 and length <= BLOCK and len(block) == length, f"request {payload}")
                served += 1
                connection.send_message(PIECE, payload[:8] + block)
            else:
                self._require(served and kind == NOT_INTERESTED, f"message {kind}")


class StrictTracker(http.server.ThreadingHTTPServer):
    """Answers announces for one info_hash with these peers. left: (least, most) that may be left. A redirect more is
    on the way where the path is /redirect."""
    daemon_threads = True
    KEYS = {"info_hash", "peer_id", "port", "uploaded", "downloaded", "left", "compact"}

    def __init__(self, lab, info_hash, left, peers=()):
        self.info_hash, self.left, self.peers = info_hash, left, list(peers)
        self.faults, self.asked = [], 0
        super().__init__((lab.address(), 0), _Announce)
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.base = f"http://{self.server_address[0]}:{self.server_port}"
        self.url = self.base + "/announce"
        lab.on_close(self.server_close)
        lab.on_close(self.shutdown)

    def fault_in(self, query):
        pairs = [pair.partition("=")[::2] for pair in query.split("&")]
        values = {key: urllib.parse.unquote_to_bytes(value) for key, value in pairs}
        if len(pairs) != len(values) or set(values) != self.KEYS:
            return f"parameters {sorted(key for key, _ in pairs)}"
        if values["info_hash"] != self.info_hash or len(values["peer_id"]) != 20:
            return "info_hash or peer_id"
        if values["compact"] != b"1" or not 1 <= int(values["port"]) <= 65535:
            return "compact or port"
        if int(values["uploaded"]) != 0 or not self.left[0] <= int(values["left"]) <= self.left[1]:
            return f"uploaded {values['uploaded']}, left {values['left']}"
        return None


class _Announce(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path, _, query = self.path.partition("?")
        if path == "/redirect":
            self.send_response(302)
            self.send_header("Location", f"{self.server.url}?{query}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.server.asked += 1
        fault = self.server.fault_in(query)
        if fault:
            self.server.faults.append(fault)
            body = bencode.encode({"failure reason": fault})
        else:
            packed = b"".join(bytes(map(int, ip.split("."))) + struct.pack(">H", int(port))
                              for ip, _, port in (peer.partition(":") for peer in self.server.peers))
            body = bencode.encode({"interval": 60, "peers": packed})
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass
