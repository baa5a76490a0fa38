"""A student's client of one file: every command that swarm-lab grade asks for, in order, one peer at a time. With
--wrong NAME in front it makes one mistake, of those that students make; grade.py says which stage notices."""
import hashlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import urllib.parse

WRONG = ""
BLOCK = 16 * 1024
PEER_ID = b"-ST0001-" + os.urandom(12)


class Failed(Exception):
    pass


def decode(data, at=0):
    kind = data[at:at + 1]
    if kind == b"i":
        end = data.index(b"e", at)
        return int(data[at + 1:end]), end + 1
    if kind == b"l":
        items, at = [], at + 1
        while data[at:at + 1] != b"e":
            if at >= len(data):
                raise Failed("the list has no end")
            item, at = decode(data, at)
            items.append(item)
        return items, at + 1
    if kind == b"d":
        items, at = {}, at + 1
        while data[at:at + 1] != b"e":
            key, at = decode(data, at)
            items[key], at = decode(data, at)
        return items, at + 1
    colon = data.index(b":", at)
    end = colon + 1 + int(data[at:colon])
    if end > len(data) and WRONG != "takes_what_is_there":
        raise Failed("the string has no end")
    return data[colon + 1:end], end


def encode(value):
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, list):
        return b"l" + b"".join(map(encode, value)) + b"e"
    keys = sorted(value)
    return b"d" + b"".join(encode(key) + encode(value[key]) for key in keys) + b"e"


def plain(value):
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    return value


class Torrent:
    def __init__(self, info, tracker):
        self.info, self.tracker = info, tracker
        if WRONG == "known_keys_only":
            info = {key: info[key] for key in (b"files", b"length", b"name", b"piece length", b"pieces") if key in info}
        self.hash = hashlib.sha1(encode(info)).digest()
        if WRONG == "keys_unsorted" and b"source" in info:
            order = [b"name", b"source", *sorted(set(info) - {b"name", b"source"})]
            self.hash = hashlib.sha1(b"d" + b"".join(encode(k) + encode(info[k]) for k in order) + b"e").digest()
        self.files = [(b"", info[b"length"])] if b"length" in info else [
            (b"/".join(file[b"path"]), file[b"length"]) for file in info[b"files"]]
        self.length = sum(length for _, length in self.files)
        self.piece_length = info[b"piece length"]
        self.hashes = [info[b"pieces"][at:at + 20] for at in range(0, len(info[b"pieces"]), 20)]

    def size(self, piece):
        return min(self.piece_length, self.length - piece * self.piece_length)


def load(path):
    with open(path, "rb") as file:
        meta, _ = decode(file.read())
    return Torrent(meta[b"info"], meta[b"announce"].decode())


def parse_magnet(uri):
    query = urllib.parse.parse_qs(uri.partition("?")[2])
    return bytes.fromhex(query["xt"][0].rpartition(":")[2]), query["tr"][0]


def announce(url, info_hash, left):
    query = urllib.parse.urlencode({"info_hash": info_hash, "peer_id": PEER_ID, "port": 6881, "uploaded": 0,
                                    "downloaded": 0, "left": left, "compact": 1})
    if WRONG == "hash_as_hex" and left != 1:
        query = query.replace(urllib.parse.quote_plus(info_hash), info_hash.hex())
    parts = urllib.parse.urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), 5) as stream:
        stream.sendall(f"GET {parts.path}?{query} HTTP/1.0\r\nHost: {parts.netloc}\r\n\r\n".encode())
        answer = b""
        while part := stream.recv(65536):
            answer += part
    reply, _ = decode(answer.partition(b"\r\n\r\n")[2])
    if b"failure reason" in reply and WRONG != "ignores_failure":
        raise Failed(reply[b"failure reason"].decode())
    peers = reply.get(b"peers", b"")
    order = "<H" if WRONG == "ports_little_endian" else ">H"
    return [(socket.inet_ntoa(peers[at:at + 4]), struct.unpack(order, peers[at + 4:at + 6])[0])
            for at in range(0, len(peers), 6)]


class Peer:
    def __init__(self, address, info_hash, extensions=False):
        self.stream = socket.create_connection(address, 5)
        self.have, self.choked, self.metadata_id = set(), True, 0
        reserved = bytes.fromhex("0000000000100000") if extensions else bytes(8)
        self.stream.sendall(b"\x13BitTorrent protocol" + reserved + info_hash + PEER_ID)
        answer = self.stream.recv(68) if WRONG == "one_recv" else self.read(68)
        if answer[28:48] != info_hash:
            raise Failed("another torrent")
        self.peer_id = answer[48:68]

    def read(self, size):
        data = b""
        while len(data) < size:
            part = self.stream.recv(size - len(data))
            if not part:
                raise Failed("the peer hung up")
            data += part
        return data

    def send(self, kind, payload=b""):
        self.stream.sendall(struct.pack(">IB", len(payload) + 1, kind) + payload)

    def message(self):
        while True:
            size, = struct.unpack(">I", self.read(4))
            if size == 0 and WRONG != "no_keep_alive":
                continue
            body = self.read(size)
            kind, payload = body[0], body[1:]
            if kind in (0, 1) and not (kind == 0 and WRONG == "ignores_choke"):
                self.choked = kind == 0
            elif kind == 4:
                self.have.add(struct.unpack(">I", payload)[0])
            elif kind == 5:
                self.have |= {i for i in range(len(payload) * 8) if payload[i // 8] >> (7 - i % 8) & 1}
            elif kind == 20 and payload[0] == 0:
                names = decode(payload, 1)[0][b"m"]
                self.metadata_id = next(iter(names.values())) if WRONG == "first_extension" else names[b"ut_metadata"]
            return kind, payload

    def shake_extensions(self):
        self.send(20, b"\0" + encode({b"m": {b"ut_metadata": 3}}))
        while not self.metadata_id:
            self.message()

    def metadata(self, info_hash):
        self.shake_extensions()
        data, total = b"", 1
        while len(data) < total:
            self.send(20, bytes([self.metadata_id]) + encode({b"msg_type": 0, b"piece": len(data) // BLOCK}))
            kind = 0
            while kind != 20:
                kind, payload = self.message()
            head, end = decode(payload, 1)
            total = min(head[b"total_size"], BLOCK if WRONG == "one_metadata_block" else 1 << 30)
            data += payload[end:]
        if hashlib.sha1(data).digest() != info_hash:
            raise Failed("metadata of another torrent")
        return decode(data)[0]

    def piece(self, torrent, index):
        wanted = [(begin, min(BLOCK, torrent.size(index) - begin)) for begin in range(0, torrent.size(index), BLOCK)]
        if WRONG == "last_block_whole":
            wanted = [(begin, BLOCK) for begin, _ in wanted]
        if self.choked:
            self.send(2)
        blocks, asked = {}, False
        while len(blocks) < len(wanted):
            if not self.choked and not asked:
                for begin, length in wanted:
                    if begin not in blocks:
                        self.send(6, struct.pack(">III", index, begin, length))
                asked = True
            kind, payload = self.message()
            asked = asked and not self.choked
            if kind == 7:
                blocks[struct.unpack(">I", payload[4:8])[0]] = payload[8:]
        data = b"".join(blocks[begin] for begin in sorted(blocks))
        if hashlib.sha1(data).digest() != torrent.hashes[index] and WRONG != "ignores_hashes":
            raise Failed(f"piece {index} is corrupt")
        return data


def fetch(torrent, pieces, extensions=False):
    found = {}
    for address in announce(torrent.tracker, torrent.hash, torrent.length):
        try:
            peer = Peer(address, torrent.hash, extensions)
            kind = 0
            while not peer.have or kind == 4:
                if WRONG == "needs_bitfield":
                    while kind != 5:
                        kind, _ = peer.message()
                    break
                peer.stream.settimeout(0.3 if peer.have else 5)
                try:
                    kind, _ = peer.message()
                except socket.timeout:
                    break
            peer.stream.settimeout(None if WRONG == "ignores_choke" else 8)
            for index in pieces:
                if index not in found and (index in peer.have or WRONG == "ignores_bitfield"):
                    found[index] = peer.piece(torrent, index)
        except (Failed, OSError) as error:
            if WRONG == "first_peer_only":
                raise
            print(error, file=sys.stderr)
        if len(found) == len(pieces):
            return found
    raise Failed("nobody has all of it")


def show(torrent):
    print(f"Tracker URL: {torrent.tracker}\nLength: {torrent.length}\nInfo Hash: {torrent.hash.hex()}\n"
          f"Piece Length: {torrent.piece_length}\nPiece Hashes:")
    for digest in torrent.hashes:
        print(f"{int.from_bytes(digest, 'big'):x}" if WRONG == "no_leading_zeros" else digest.hex())


def write(path, data):
    if WRONG == "other_file":
        path += ".out"
    with open(path, "wb") as file:
        file.write(data)


def save(out, torrent, pieces):
    data = b"".join(pieces[index] for index in range(len(torrent.hashes)))
    if torrent.files[0][0] == b"" or WRONG == "one_big_file":
        return write(out, data)
    for path, length in torrent.files:
        whole = os.path.join(out, path.decode())
        os.makedirs(os.path.dirname(whole), exist_ok=True)
        write(whole, data[:length])
        data = data[length:]
    return None


def by_magnet(uri):
    info_hash, tracker = parse_magnet(uri)
    error = Failed("no peer")
    for address in announce(tracker, info_hash, 1):
        try:
            return Torrent(Peer(address, info_hash, True).metadata(info_hash), tracker)
        except (Failed, OSError) as failed:
            error = failed
    raise error


def greet(uri):
    info_hash, tracker = parse_magnet(uri)
    peer = Peer(announce(tracker, info_hash, 1)[0], info_hash, True)
    print("Peer ID:", peer.peer_id.hex(), flush=True)
    if WRONG == "no_extension_id":
        return
    peer.shake_extensions()
    print("Peer Metadata Extension ID:", peer.metadata_id)


def run(command, args):
    if command == "decode":
        if WRONG == "hangs" and args[0].startswith("l"):
            subprocess.Popen(["sleep", "1000"], start_new_session=True)
            signal.pause()
        if WRONG == "crashes" and args[0].startswith("d"):
            os.abort()
        if WRONG == "floods" and args[0].startswith("i"):
            while True:
                print("52" * 5000)
        value, end = decode(args[0].encode())
        if end != len(args[0].encode()) and WRONG != "takes_what_is_there":
            raise Failed("something stands behind the value")
        if WRONG == "prints_nothing" and isinstance(value, bytes):
            return
        print(json.dumps(plain(value)))
    elif command == "info":
        show(load(args[0]))
    elif command == "magnet_parse":
        info_hash, tracker = parse_magnet(args[0])
        print(f"Tracker URL: {urllib.parse.quote(tracker) if WRONG == 'tracker_encoded' else tracker}")
        print(f"Info Hash: {info_hash.hex()}")
    elif command == "peers":
        torrent = load(args[0])
        for ip, port in announce(torrent.tracker, torrent.hash, torrent.length):
            print(f"{ip}:{port}")
    elif command == "handshake":
        ip, _, port = args[1].partition(":")
        print("Peer ID:", Peer((ip, int(port)), load(args[0]).hash).peer_id.hex())
    elif command == "download_piece":
        write(args[1], fetch(load(args[2]), [int(args[3])])[int(args[3])])
    elif command == "download":
        torrent = load(args[2])
        save(args[1], torrent, fetch(torrent, range(len(torrent.hashes))))
    elif command == "magnet_handshake":
        greet(args[0])
    elif command == "magnet_info":
        show(by_magnet(args[0]))
    elif command == "magnet_download_piece":
        write(args[1], fetch(by_magnet(args[2]), [int(args[3])], True)[int(args[3])])
    elif command == "magnet_download":
        torrent = by_magnet(args[2])
        save(args[1], torrent, fetch(torrent, range(len(torrent.hashes)), True))
    else:
        raise Failed(f"unknown command {command}")


if __name__ == "__main__":
    ARGS = sys.argv[1:]
    if ARGS[:1] == ["--wrong"]:
        WRONG, ARGS = ARGS[1], ARGS[2:]
    try:
        run(ARGS[0], ARGS[1:])
    except (Failed, ValueError, OSError) as wrong:
        sys.exit(f"student: {wrong}")
