"""The same script of requests to swarm-tracker and to Debian's opentracker, and a table of what each answers.

Every difference is explained in ROWS; the test fails when one is not, when an explained one is gone, and when
docs/tracker-differences.md is not what the run gives. `BT_WRITE=1 python3 differences.py` writes it anew."""
import hashlib
import os
import socket
import struct
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)

from tests.interop import peers  # noqa: E402
from tests.support import bencode  # noqa: E402
from tests.support.nodes import Lab, check, program, run_test  # noqa: E402

TABLE = os.path.join(ROOT, "docs", "tracker-differences.md")
SELF = 6881

# Who has announced before: (port, left). Each row has a torrent of its own.
NOBODY, LEECHER, SEED = [], [(2001, 5)], [(2002, 0)]
# (what is asked, who was there before, the request, why the answers differ). {hash} is the row's info_hash,
# percent-encoded; {rest} the parameters that need no thought.
REST = "peer_id=--------------------&uploaded=0&downloaded=0&compact=1"
GOOD = "info_hash={hash}&" + REST + "&port=6881&left=5"
NOT_SELF = "Ours never names the announcer to itself unless `selfInList` says so: it is of no use to it."
LINE = "A failure reason is shown to people by their client, an HTTP error by few: ours names parameter and rule."
STRICT = "Ours refuses a value that the parameter does not have instead of taking it for another."
ROWS = [
    ("first announce of a leecher", NOBODY, "/announce?" + GOOD, NOT_SELF),
    ("announce with a leecher there", LEECHER, "/announce?" + GOOD, NOT_SELF),
    ("announce of a seed, a seed and a leecher there", LEECHER + SEED,
     "/announce?info_hash={hash}&" + REST.replace("downloaded=0", "downloaded=5") + "&port=6881&left=0",
     "Ours does not name seeds to seeds, they have nothing for each other. " + NOT_SELF),
    ("event=completed", LEECHER, "/announce?info_hash={hash}&" + REST + "&port=6881&left=0&event=completed", NOT_SELF),
    ("event=stopped of who was never there", LEECHER, "/announce?" + GOOD + "&event=stopped", None),
    ("event=paused (BEP 21)", NOBODY, "/announce?" + GOOD + "&event=paused", NOT_SELF),
    ("event unknown", NOBODY, "/announce?" + GOOD + "&event=finished", STRICT),
    ("compact=0", LEECHER, "/announce?" + GOOD.replace("compact=1", "compact=0"),
     "opentracker knows no list of dictionaries (BEP 3); ours gives it to who asks."),
    ("compact absent", LEECHER, "/announce?" + GOOD.replace("&compact=1", ""), NOT_SELF),
    ("numwant=0", LEECHER, "/announce?" + GOOD + "&numwant=0", None),
    ("numwant=-1", LEECHER, "/announce?" + GOOD + "&numwant=-1", NOT_SELF),
    ("numwant=1, two there", LEECHER + SEED, "/announce?" + GOOD + "&numwant=1", "Which one is drawn by lot in both."),
    ("ip= of somebody else", NOBODY, "/announce?" + GOOD + "&ip=10.1.2.3", NOT_SELF),
    ("left=2^32", NOBODY, "/announce?" + GOOD.replace("left=5", "left=4294967296"),
     "opentracker's HTTP keeps 32 bits of `left` and takes the peer for a seed."),
    ("left=2^64", NOBODY, "/announce?" + GOOD.replace("left=5", "left=18446744073709551616"), STRICT),
    ("left=-1", NOBODY, "/announce?" + GOOD.replace("left=5", "left=-1"), STRICT),
    ("left missing", NOBODY, "/announce?" + GOOD.replace("&left=5", ""),
     "BEP 3 demands it; without it nobody can be counted."),
    ("port=0", NOBODY, "/announce?" + GOOD.replace("port=6881", "port=0"),
     "opentracker keeps the peer and hands it out; nobody can connect to port 0."),
    ("port=-1", NOBODY, "/announce?" + GOOD.replace("port=6881", "port=-1"), "opentracker takes it for 65535."),
    ("port=65536", NOBODY, "/announce?" + GOOD.replace("port=6881", "port=65536"), LINE),
    ("port missing", NOBODY, "/announce?" + GOOD.replace("&port=6881", ""), "opentracker keeps the peer as port 0."),
    ("peer_id missing", NOBODY, "/announce?" + GOOD.replace("&peer_id=--------------------", "").replace(
        "peer_id=--------------------&", ""), "opentracker keeps no peer ids; ours does and BEP 3 demands one."),
    ("info_hash missing", NOBODY, "/announce?" + REST + "&port=6881&left=5", LINE),
    ("info_hash of 19 bytes", NOBODY, "/announce?" + GOOD.replace("{hash}", "{short}"), LINE),
    ("info_hash of 40 hex digits", NOBODY, "/announce?" + GOOD.replace("{hash}", "{hex}"), LINE),
    ("info_hash with a bad % escape", NOBODY, "/announce?" + GOOD.replace("{hash}", "{short}%zz"), LINE),
    ("two info_hash", NOBODY, "/announce?" + GOOD + "&info_hash={hash}", LINE),
    ("info_hash that is not listed", NOBODY, "/announce?" + GOOD.replace("{hash}", "%ff" * 20),
     "The same refusal in other words."),
    ("scrape of one torrent", LEECHER + SEED, "/scrape?info_hash={hash}", None),
    ("scrape of an unknown torrent", NOBODY, "/scrape?info_hash={hash}",
     "Ours answers zeros, so that who asks sees that it was understood."),
    ("scrape of the same torrent twice", LEECHER, "/scrape?info_hash={hash}&info_hash={hash}",
     "opentracker writes the key twice, which is no valid dictionary."),
    ("scrape of everything", LEECHER, "/scrape", "Debian's opentracker gives the whole list to everybody; ours only "
     "where `fullScrape` says so."),
    ("path /nothing", NOBODY, "/nothing", None),
    ("method POST", NOBODY, "POST /announce?" + GOOD, "HTTP has a word for it: 405."),
    ("an URL of 9 KB", NOBODY, "/announce?" + GOOD + "&x=" + "x" * 9000, "It is the request that is wrong (414), not the server (500)."),
    ("UDP: connect and announce, a leecher there", LEECHER, "udp announce", NOT_SELF),
    ("UDP: scrape", LEECHER + SEED, "udp scrape", None),
    ("UDP: scrape of nothing", NOBODY, "udp scrape nothing", "A scrape without a torrent has nothing to answer; ours says so."),
    ("UDP: announce with an invented connection id", NOBODY, "udp invented",
     "Ours sends nothing to an address that has not shown that it can hear (BEP 15): the sender may be forged."),
    ("UDP: unknown action behind a good id", NOBODY, "udp action", "Ours says what is wrong to who has connected."),
    ("UDP: announce of a torrent that is not listed", NOBODY, "udp unlisted",
     "opentracker's answer is 8 bytes, shorter than any answer to an announce may be; ours is an error packet."),
    ("UDP: port 0", NOBODY, "udp port 0", "As over HTTP."),
]


def row_hash(number):
    return hashlib.sha1(b"row %d" % number).digest()


def quoted(info_hash):
    return "".join(f"%{byte:02x}" for byte in info_hash)


def http(ip, port, target):
    method, _, path = target.rpartition(" ")
    with socket.create_connection((ip, port), timeout=10) as stream:
        stream.sendall(f"{method or 'GET'} {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n".encode())
        raw = b""
        try:
            while chunk := stream.recv(65536):
                raw += chunk
        except ConnectionResetError:
            pass
    head, _, body = raw.partition(b"\r\n\r\n")
    return head.split()[1].decode() if head else "no answer", body


def ports(compact, size):
    found = [int.from_bytes(compact[at - 2:at], "big") for at in range(size, len(compact) + 1, size)]
    return ["itself" if port == SELF else str(port) for port in sorted(found)]


def in_words(reply):
    if b"failure reason" in reply:
        return "failure: " + reply[b"failure reason"].decode()
    if b"files" in reply:
        rows = [", ".join(f"{key.decode()} {value}" for key, value in sorted(counts.items()))
                for counts in reply[b"files"].values()]
        return "files: " + (f"{len(rows)} torrents" if len(rows) > 1 else rows[0] if rows else "none")
    listed = reply.get(b"peers", b"absent")
    if isinstance(listed, list):
        told = ["itself" if p[b"port"] == SELF else str(p[b"port"]) for p in listed] + ["as dictionaries"]
    else:
        told = ports(listed, 6)
    return f"complete {reply.get(b'complete')}, incomplete {reply.get(b'incomplete')}, peers: {', '.join(told) or 'none'}"


def http_answer(ip, port, target):
    status, body = http(ip, port, target)
    if status != "200":
        return f"HTTP {status}"
    try:
        reply = bencode.decode(body)
    except (ValueError, IndexError):
        return f"200, not bencode: {body[:40]!r}"
    return in_words(reply) + ("" if bencode.encode(reply) == body else " (not canonical bencode)")


def udp_answer(ip, port, what, info_hash):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(1.0)
        asker.connect((ip, port))
        asker.send(struct.pack(">QII", 0x41727101980, 0, 1))
        connection_id = asker.recv(64)[8:16]
        if what == "invented":
            connection_id = b"invented"

        def announce_packet(of, at):
            return connection_id + struct.pack(">II", 1, 2) + of + b"u" * 20 + struct.pack(
                ">QQQIIIiH", 0, 5, 0, 0, 0, 0, -1, at)

        packet = {"announce": lambda: announce_packet(info_hash, SELF), "invented": lambda: announce_packet(info_hash, SELF),
                  "unlisted": lambda: announce_packet(b"\xff" * 20, SELF), "port 0": lambda: announce_packet(info_hash, 0),
                  "scrape": lambda: connection_id + struct.pack(">II", 2, 2) + info_hash,
                  "scrape nothing": lambda: connection_id + struct.pack(">II", 2, 2),
                  "action": lambda: connection_id + struct.pack(">II", 9, 2)}[what]()
        asker.send(packet)
        try:
            reply = asker.recv(4096)
        except TimeoutError:
            return "no answer"
    if len(reply) < 8:
        return f"{len(reply)} bytes"
    action = struct.unpack(">I", reply[:4])[0]
    if action == 3:
        return "error: " + reply[8:].decode("utf-8", "replace").rstrip("\0")
    if action == 1 and len(reply) >= 20:
        _, leechers, seeds = struct.unpack(">III", reply[8:20])
        return f"complete {seeds}, incomplete {leechers}, peers: {', '.join(ports(reply[20:], 6)) or 'none'}"
    if action == 2 and (len(reply) - 8) % 12 == 0:
        rows = [struct.unpack(">III", reply[at:at + 12]) for at in range(8, len(reply), 12)]
        return "files: " + ("; ".join(f"complete {c}, downloaded {d}, incomplete {i}" for c, d, i in rows) or "none")
    return f"action {action}, {len(reply)} bytes"


def answers(tracker):
    out = []
    for number, (_, before, request, _) in enumerate(ROWS):
        info_hash = row_hash(number)
        for port, left in before:
            http(tracker.ip, tracker.port, f"/announce?info_hash={quoted(info_hash)}&{REST}&port={port}&left={left}")
        if request.startswith("udp "):
            out.append(udp_answer(tracker.ip, tracker.port, request[4:], info_hash))
        else:
            target = request.format(hash=quoted(info_hash), short=quoted(info_hash[:19]), hex=info_hash.hex())
            out.append(http_answer(tracker.ip, tracker.port, target))
    return out


class Listed:
    """Ours, which serves what opentracker serves."""

    def __init__(self, lab, allowed):
        self.ip = lab.address()
        hashes = lab.write("allowed.txt", allowed)
        config = lab.write("tracker.toml", f'port = 0\nallowFile = "{hashes}"\n')
        self.node = lab.start("swarm-tracker", [program("swarm-tracker"), config, "--bind", self.ip, "--events",
                                                lab.path("swarm-tracker.events"), "--events-level", "summary"])
        lab.wait_until(self.node.listen_endpoint, "our tracker is ready", [self.node])
        self.port = self.node.listen_endpoint()[1]


def open_tracker(lab, allowed):
    tracker = peers.OpenTracker(lab)
    tracker.start_listed(allowed)
    return tracker


def is_left_to_chance(title):
    return title == "numwant=1, two there"


def table(ours, theirs):
    lines = ["# What our tracker answers and what opentracker answers", "",
             "Written by `tests/interop/differences.py`, which sends the same requests to both and fails when this table is no",
             "longer true. opentracker is Debian 12's build, which serves listed torrents only; ours has the same list and is",
             "otherwise as a configuration with nothing but `port` makes it. Each row has a torrent of its own; \"2001\" is a",
             "leecher that announced before, \"2002\" a seed. Intervals are left out: ours says what is set, opentracker draws",
             "from 1620 to 1979 seconds.", "", "| asked | ours | opentracker | why |", "|---|---|---|---|"]
    wrong = []
    for (title, _, _, why), mine, other in zip(ROWS, ours, theirs):
        if is_left_to_chance(title):
            mine = other = "one of the two"
        same = mine == other
        if same != (why is None) and not is_left_to_chance(title):
            wrong.append(f"{title}: " + (f"the same answer ({mine}), but explained" if same
                                         else f"ours {mine!r}, theirs {other!r}, unexplained"))
        lines.append(f"| {title} | {mine} | {'the same' if same else other} | {why or ''} |")
    check(not wrong, "\n".join(wrong))
    return "\n".join(lines) + "\n"


def differences():
    missing = peers.missing_programs(["opentracker"])
    check(not missing, "install the packages " + " ".join(missing))
    with Lab("differences") as lab:
        allowed = "".join(row_hash(number).hex() + "\n" for number in range(len(ROWS)))
        made = table(answers(Listed(lab, allowed)), answers(open_tracker(lab, allowed)))
        if os.environ.get("BT_WRITE"):
            with open(TABLE, "w", encoding="utf-8") as out:
                out.write(made)
        with open(TABLE, encoding="utf-8") as committed:
            old = committed.read()
        if old != made:
            import difflib
            print("\n".join(difflib.unified_diff(old.splitlines(), made.splitlines(), "docs", "now", lineterm="")))
        check(old == made, "docs/tracker-differences.md is not what both answer; BT_WRITE=1 writes it anew")


if __name__ == "__main__":
    run_test(differences)
