"""Bencoding for tests: an independent reading of BEP 3, so that the programs are not checked by themselves."""
import hashlib
import os


def encode(value):
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, list):
        return b"l" + b"".join(map(encode, value)) + b"e"
    if isinstance(value, dict):
        keyed = sorted((k.encode() if isinstance(k, str) else k, v) for k, v in value.items())
        return b"d" + b"".join(encode(k) + encode(v) for k, v in keyed) + b"e"
    raise TypeError(type(value))


def _decode(data, at, spans):
    lead = data[at:at + 1]
    if lead == b"i":
        end = data.index(b"e", at)
        return int(data[at + 1:end]), end + 1
    if lead == b"l":
        at, out = at + 1, []
        while data[at:at + 1] != b"e":
            item, at = _decode(data, at, spans)
            out.append(item)
        return out, at + 1
    if lead == b"d":
        at, out = at + 1, {}
        while data[at:at + 1] != b"e":
            key, at = _decode(data, at, spans)
            begin = at
            out[key], at = _decode(data, at, spans)
            spans.setdefault(key, (begin, at))
        return out, at + 1
    colon = data.index(b":", at)
    end = colon + 1 + int(data[at:colon])
    if end > len(data):
        raise ValueError("string past the end")
    return data[colon + 1:end], end


def decode(data):
    return _decode(data, 0, {})[0]


def info_hash(torrent_bytes):
    spans = {}
    _decode(torrent_bytes, 0, spans)
    begin, end = spans[b"info"]
    return hashlib.sha1(torrent_bytes[begin:end]).digest()


def piece_hashes(data, piece_length):
    return b"".join(hashlib.sha1(data[at:at + piece_length]).digest() for at in range(0, len(data), piece_length))


def single_file_torrent(name, data, piece_length, announce=None):
    info = {"name": name, "piece length": piece_length, "length": len(data), "pieces": piece_hashes(data, piece_length)}
    torrent = {"info": info}
    if announce:
        torrent["announce"] = announce
    return encode(torrent)


def multi_file_torrent(name, files, piece_length, announce=None):
    """files: (path below the root folder, bytes), one behind the other in the pieces."""
    info = {"name": name, "piece length": piece_length,
            "files": [{"length": len(data), "path": path.split("/")} for path, data in files],
            "pieces": piece_hashes(b"".join(data for _, data in files), piece_length)}
    torrent = {"info": info}
    if announce:
        torrent["announce"] = announce
    return encode(torrent)


def file_list(torrent_bytes):
    """[(path below the torrent's root folder as bytes, length)]; a single file has the empty path."""
    info = decode(torrent_bytes)[b"info"]
    if b"length" in info:
        return [(b"", info[b"length"])]
    return [(os.path.join(*f[b"path"]), f[b"length"]) for f in info[b"files"]]
