"""What the tracker's rules do, seen from the other end: by a scripted client over real sockets, action by action, by our
own client, and by libtorrent. And the pages with numbers, read by a strict parser."""
import gzip
import json
import re
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

from common import (Lab, Payload, bencode, check, downloaded, main, peers_file, program, start_client,
                    start_seeder)

HASH = b"rules are there to be"[:20]
EVENTS = '\nevents = "tracker.events"\neventsLevel = "wire"\n'

# peer id prefix -> action and what it needs; one tracker serves them all.
HTTP_RULES = {
    "-01": 'action = "failure"\nreason = "not today"\nretryIn = 7',
    "-02": 'action = "warning"\ntext = "take care"',
    "-03": 'action = "status"\nstatus = 503\ntext = "busy"',
    "-04": 'action = "silence"',
    "-05": 'action = "reset"',
    "-06": 'action = "reset"\nbytes = 0',
    "-07": 'action = "drip"\nbytesPerSecond = 400',
    "-08": 'action = "delay"\ndelay = 0.8',
    "-09": 'action = "truncate"',
    "-10": 'action = "oversize"\nbytes = 3000000',
    "-11": 'action = "wrongLength"\noffBy = 5',
    "-12": 'action = "wrongLength"\noffBy = -5',
    "-13": 'action = "chunked"',
    "-14": 'action = "gzip"',
    "-15": 'action = "redirect"',
    "-16": 'action = "redirect"\nto = "http://127.0.0.9:1/announce"\nstatus = 307',
    "-17": 'action = "addKeys"\nkeys = { "x extra" = "yes", interval = 99 }',
    "-18": 'action = "removeKeys"\nkeys = ["interval", "peers"]',
    "-19": 'action = "unsortedKeys"',
    "-20": 'action = "duplicateKeys"',
    "-21": 'action = "peersOddLength"',
    "-22": 'action = "peersDuplicate"',
    "-23": 'action = "peersPortZero"',
    "-24": 'action = "peersSelf"',
    "-25": 'action = "peersPrivate"',
    "-26": 'action = "peersInvented"\npeers = 5\nrange = "127.66.0.0/16"',
    "-27": 'action = "peersNone"',
    "-28": 'action = "failure"\nnth = 2',
}
UDP_RULES = {
    "-01": 'action = "failure"\nreason = "not today"',
    "-02": 'action = "silence"',
    "-03": 'action = "transactionId"',
    "-04": 'action = "duplicate"\ncopies = 3',
    "-05": 'action = "reorder"\ndelay = 0.6',
    "-06": 'action = "expiredConnectionId"',
    "-07": 'action = "truncate"\nbytes = 13',
    "-08": 'action = "oversize"\nbytes = 5000',
    "-09": 'action = "peersOddLength"',
    "-10": 'action = "peersInvented"\npeers = 6\nrange = "127.66.0.0/16"',
    "-11": 'action = "delay"\ndelay = 0.5',
}


def start_tracker(lab, rules, more="", torrent=""):
    ip = lab.address()

    def argv(port):
        config = lab.write("tracker.toml", f'port = {port}\nrngSeed = 1\n{torrent}{EVENTS}{more}{rules}')
        return [program("swarm-tracker"), config, "--bind", ip]

    node, port = lab.start_listening("tracker", argv, ip)
    return node, ip, port


def rules_of(table):
    return "".join(f'\n[[rules]]\nname = "r{prefix}"\npeerId = "{prefix}"\n{lines}\n' for prefix, lines in table.items())


def target_of(prefix, port=6881, left=10):
    peer_id = prefix.encode() + b"-" * (20 - len(prefix))
    return (f"/announce?info_hash={urllib.parse.quote(HASH)}&peer_id={urllib.parse.quote(peer_id)}&port={port}"
            f"&uploaded=0&downloaded=0&left={left}&compact=1")


class Raw:
    """One request over a connection of its own, and all that came back until the other side, or the time, was over."""

    def __init__(self, ip, port, prefix, timeout=3):
        self.how = "timeout"
        self.bytes = b""
        start = time.monotonic()
        with socket.create_connection((ip, port), timeout=5) as stream:
            stream.settimeout(timeout)
            stream.sendall(f"GET {target_of(prefix)} HTTP/1.1\r\nHost: {ip}:{port}\r\nConnection: close\r\n\r\n".encode())
            try:
                while part := stream.recv(65536):
                    self.bytes += part
                self.how = "end"
            except ConnectionResetError:
                self.how = "reset"
            except TimeoutError:
                pass
        self.seconds = time.monotonic() - start
        head, _, self.body = self.bytes.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = lines[0].split(" ")[1] if " " in lines[0] else ""
        self.headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines[1:])}

    def reply(self):
        check(self.headers.get("content-length") == str(len(self.body)), f"the length is right: {self.bytes[:300]}")
        return bencode.decode(self.body)


def peers_in(reply):
    raw = reply[b"peers"]
    return [(socket.inet_ntoa(raw[i:i + 4]), int.from_bytes(raw[i + 4:i + 6], "big")) for i in range(0, len(raw), 6)]


def http_answers():
    with Lab("rules") as lab:
        node, ip, port = start_tracker(lab, rules_of(HTTP_RULES))
        for other in ("-97", "-98"):  # somebody to tell about
            check(Raw(ip, port, other).reply()[b"interval"] == 30, "an honest answer")

        def get(prefix, **named):
            return Raw(ip, port, prefix, **named)

        check(get("-01").reply() == {b"failure reason": b"not today", b"retry in": 7}, "failure")
        check(get("-02").reply()[b"warning message"] == b"take care", "warning")
        busy = get("-03")
        check((busy.status, busy.body) == ("503", b"busy\n"), f"status: {busy.bytes}")
        silent = get("-04", timeout=1)
        check((silent.how, silent.bytes) == ("timeout", b""), f"silence: {silent.how} {silent.bytes}")
        cut = get("-05")
        check(cut.how == "reset" and 0 < len(cut.body) < int(cut.headers["content-length"]), f"reset: {cut.bytes}")
        cut = get("-06")
        check((cut.how, cut.bytes) == ("reset", b""), f"reset at once: {cut.how} {cut.bytes}")
        slow = get("-07")
        check(slow.reply()[b"interval"] == 30 and slow.seconds > 0.3, f"drip: {slow.seconds} s")
        late = get("-08")
        check(late.reply()[b"interval"] == 30 and 0.8 <= late.seconds < 3, f"delay: {late.seconds} s")
        half = get("-09")
        check(half.headers["content-length"] == str(len(half.body)) and half.body.startswith(b"d8:complete"), "truncate")
        check(not_bencode(half.body), f"truncate: {half.body}")
        check(len(get("-10").body) > 3000000, "oversize")
        for prefix, off in (("-11", 5), ("-12", -5)):
            wrong = get(prefix)
            check(int(wrong.headers["content-length"]) == len(wrong.body) + off and wrong.how == "end", "wrongLength")
        chunked = get("-13")
        check(chunked.headers["transfer-encoding"] == "chunked" and chunked.body.startswith(b"7\r\nd8:comp\r\n"), "chunked")
        check(b"d8:complete" in gzip.decompress(get("-14").body), "gzip")
        loop = get("-15")
        check(loop.status == "302" and loop.headers["location"] == f"http://{ip}:{port}" + target_of("-15"), "redirect")
        away = get("-16")
        check(away.status == "307" and away.headers["location"].startswith("http://127.0.0.9:1/announce?info_"), "away")
        check((get("-17").reply()[b"x extra"], get("-17").reply()[b"interval"]) == (b"yes", 99), "addKeys")
        check({b"interval", b"peers"}.isdisjoint(get("-18").reply()), "removeKeys")
        check(get("-19").body.startswith(b"d5:peers"), "unsortedKeys")
        check(get("-20").body.count(b"8:interval") == 2, "duplicateKeys")
        odd_lists(get)
        check(b"failure reason" not in get("-28").reply() and b"failure reason" in get("-28").reply()
              and b"failure reason" not in get("-28").reply(), "the second request only")
        wanted = {(f"r{prefix}", re.search('action = "(.*?)"', lines)[1]) for prefix, lines in HTTP_RULES.items()}
        lab.wait_until(lambda: {(e["rule"], e["action"]) for e in node.events("misbehaved")} == wanted,
                       "every action is an event", [node])
        check(all(e["reason"] for e in node.events("misbehaved")), "with its reason")


def odd_lists(get):
    check(len(get("-21").reply()[b"peers"]) % 6 == 1, "peersOddLength")
    twice = peers_in(get("-22").reply())
    check(len(twice) == 3 * len(set(twice)) > 0, f"peersDuplicate: {twice}")
    check({port for _, port in peers_in(get("-23").reply())} == {0}, "peersPortZero")
    check(peers_in(get("-24").reply()) == [("127.0.0.1", 6881)], "peersSelf")
    check(("192.168.0.1", 6881) in peers_in(get("-25").reply()), "peersPrivate")
    invented = peers_in(get("-26").reply())
    check(len(invented) == 5 and all(ip.startswith("127.66.") for ip, _ in invented), f"peersInvented: {invented}")
    check(peers_in(get("-27").reply()) == [], "peersNone")


def not_bencode(body):
    try:
        bencode.decode(body)
        return False
    except Exception:  # pylint: disable=broad-exception-caught
        return True


class Udp:
    """A client of BEP 15 that believes nothing."""

    def __init__(self, ip, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect((ip, port))
        self.transaction = 100

    def ask(self, packet, timeout=2):
        """The datagrams that come, (seconds, bytes) each, until none came for a while."""
        self.socket.settimeout(timeout)
        start = time.monotonic()
        self.socket.send(packet)
        got = []
        try:
            while True:
                packet = self.socket.recv(70000)
                got.append((time.monotonic() - start, packet))
                self.socket.settimeout(0.2)
        except TimeoutError:
            return got

    def connect(self):
        (_, packet), = self.ask(struct.pack(">QII", 0x41727101980, 0, 1))
        return struct.unpack(">IIQ", packet)[2]

    def announce(self, connection, prefix, **named):
        peer_id = prefix.encode() + b"-" * (20 - len(prefix))
        return self.ask(struct.pack(">QII20s20sQQQIIIiH", connection, 1, 0x55667788, HASH, peer_id, 0, 10, 0, 0, 0, 42, -1,
                                    6881), **named)


def udp_answers():
    with Lab("rules") as lab:
        node, ip, port = start_tracker(lab, rules_of(UDP_RULES))
        client = Udp(ip, port)
        connection = client.connect()

        def head(packet):
            return struct.unpack(">II", packet[:8])

        def one(prefix, **named):
            answers = client.announce(connection, prefix, **named)
            check(len(answers) == 1, f"{prefix}: {answers}")
            return answers[0]

        honest = one("-99")[1]
        check(head(honest) == (1, 0x55667788) and len(honest) >= 20, "an honest answer")
        check(head(one("-01")[1]) == (3, 0x55667788) and one("-01")[1][8:] == b"not today", "failure")
        check(client.announce(connection, "-02", timeout=0.7) == [], "silence: a lost datagram")
        check(head(one("-03")[1]) == (1, 0x55667788 ^ 0xffffffff), "transactionId")
        check(len({packet for _, packet in client.announce(connection, "-04")}) == 1
              and len(client.announce(connection, "-04")) == 3, "duplicate")
        overtaken(client, connection)
        check(head(one("-06")[1]) == (3, 0x55667788) and b"expired" in one("-06")[1], "expiredConnectionId")
        check(len(one("-07")[1]) == 13, "truncate")
        check(len(one("-08")[1]) > 5000, "oversize")
        check(len(one("-09")[1]) % 6 == 20 % 6 + 1, "peersOddLength")
        check(len(one("-10")[1]) == 20 + 6 * 6 and one("-10")[1][20:22] == bytes([127, 66]), "peersInvented")
        check(one("-11")[0] >= 0.45, "delay")
        lab.wait_until(lambda: {e["rule"] for e in node.events("misbehaved")} == {f"r{p}" for p in UDP_RULES},
                       "every action is an event", [node])

        _, ip, port = start_tracker(lab, '\n[[rules]]\naction = "expiredConnectionId"\nkind = "connect"\n')
        stale = Udp(ip, port)
        check(stale.announce(stale.connect(), "-99", timeout=0.7) == [], "an id that was never good gets silence")


def overtaken(client, connection):
    """An answer that is held back comes behind one to a later question."""
    late = struct.pack(">QII20s20sQQQIIIiH", connection, 1, 1, HASH, b"-05".ljust(20, b"-"), 0, 1, 0, 0, 0, 4, -1, 6881)
    soon = struct.pack(">QII20s20sQQQIIIiH", connection, 1, 2, HASH, b"-99".ljust(20, b"-"), 0, 1, 0, 0, 0, 4, -1, 6881)
    client.socket.settimeout(3)
    client.socket.send(late)
    client.socket.send(soon)
    order = [struct.unpack(">I", client.socket.recv(2048)[4:8])[0] for _ in range(2)]
    check(order == [2, 1], f"reorder: {order}")


def our_client():
    """Each bad answer is named by the client, and the download goes on with the next one that is good."""
    lies = (("truncate", "", "bencode|reply"), ("failure", 'reason = "the tracker is having a day off"', "a day off"),
            ("status", "", "503"), ("reset", "", "reset|ended|closed"), ("redirect", "", "redirect"),
            ("oversize", "", "too large|limit|1048576|1 MiB|over"), ("peersOddLength", "", "peers"))
    with Lab("rules") as lab:
        payload = Payload(lab)
        rules = "".join(f'\n[[rules]]\nname = "{action}"\npeerId = "-"\nevent = "started"\npeer = "{{{i}}}"\n'
                        f'first = {6 if action == "redirect" else 1}\naction = "{action}"\n{more}\n' for i, (action, more, _) in enumerate(lies))
        addresses = [lab.address() for _ in lies]
        for i, address in enumerate(addresses):
            rules = rules.replace(f"{{{i}}}", address)
        tracker, ip, port = start_tracker(lab, rules, "interval = 1\nminInterval = 0\n",
                                          f'torrentFile = "{payload.torrent_path}"\n')
        shared = Payload(lab, announce=f"http://{ip}:{port}/announce")
        seeder = start_seeder(lab, shared, shared.write_original(lab))
        lab.wait_until(lambda: seeder.has_event("announce_answered"), "the seeder is known", [seeder, tracker])
        clients = [start_client(lab, shared, lab.path(f"out-{action}"), name=f"client-{action}", ip=address)
                   for (action, _, _), address in zip(lies, addresses)]
        for client, (action, _, words) in zip(clients, lies):
            downloaded(lab, client, shared, lab.path(f"out-{action}"))
            reasons = " ".join(str(event.get("reason")) for event in client.events("announce_failed"))
            check(re.search(words, reasons, re.IGNORECASE), f"{action}: the client says {reasons!r}")
            check(action in {e["rule"] for e in tracker.events("misbehaved")}, f"{action} was applied")


def retry_in():
    """BEP 31: told to come back in a minute, our client does not ask again before; told never, not at all."""
    with Lab("rules") as lab:
        payload = Payload(lab)
        one, two = lab.address(), lab.address()
        rules = (f'\n[[rules]]\nname = "later"\npeer = "{one}"\naction = "failure"\nreason = "later"\nretryIn = 1\n'
                 f'[[rules]]\nname = "never"\npeer = "{two}"\naction = "failure"\nreason = "never"\nretryIn = "never"\n')
        tracker, ip, port = start_tracker(lab, rules)
        shared = Payload(lab, announce=f"http://{ip}:{port}/announce")
        others = peers_file(lab, f"{lab.address()}:9")  # nobody, but reason enough to go on
        clients = [start_client(lab, shared, lab.path(name), "--peers", others, name=name, ip=address)
                   for name, address in (("later", one), ("never", two))]
        lab.wait_until(lambda: len(tracker.events("misbehaved")) == 2, "both have asked", [tracker])
        time.sleep(12)  # without the wish it would ask again after 5 s
        asked = [e["rule"] for e in tracker.events("misbehaved") if e["request"] == "announce"]
        check(sorted(asked) == ["later", "never"], f"asked again too early: {asked}")
        del clients, payload


LIBTORRENT = """
import sys, time
import libtorrent as lt
ip, torrent, folder = sys.argv[1:]
session = lt.session({"listen_interfaces": ip + ":0", "outgoing_interfaces": ip, "enable_dht": False,
    "enable_lsd": False, "enable_upnp": False, "enable_natpmp": False, "ssrf_mitigation": False,
    "alert_mask": lt.alert.category_t.tracker_notification | lt.alert.category_t.error_notification
        | lt.alert.category_t.status_notification})
params = lt.add_torrent_params()
params.ti = lt.torrent_info(torrent)
params.save_path = folder
params.flags = params.flags & ~lt.torrent_flags.auto_managed & ~lt.torrent_flags.paused
handle = session.add_torrent(params)
end = time.monotonic() + 8
while time.monotonic() < end:
    session.wait_for_alert(200)
    for alert in session.pop_alerts():
        name = type(alert).__name__
        print(name + ": " + alert.message(), flush=True)
        if name in ("tracker_error_alert", "tracker_reply_alert"):
            end = min(end, time.monotonic() + 0.5)
"""


def libtorrent_client():
    """What another client makes of it."""
    try:
        subprocess.run(["/usr/bin/python3", "-c", "import libtorrent"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        print("skipped: no python3-libtorrent here")
        sys.exit(77)
    seen = (("failure", 'reason = "not today"', "tracker_error_alert.*not today"),
            ("warning", 'text = "take care"', "tracker_warning_alert.*take care"),
            ("truncate", "", "tracker_error_alert"),
            ("status", "", "tracker_error_alert.*503"),
            ("gzip", "", "tracker_reply_alert"),
            ("chunked", "", "tracker_reply_alert"),
            ("reset", "", "tracker_error_alert"),
            ("peersOddLength", "", "tracker_(error|reply)_alert"),
            ("unsortedKeys", "", "tracker_reply_alert"),
            ("peersInvented", "peers = 12", "tracker_reply_alert.*(12|peers)"))
    with Lab("rules") as lab:
        addresses = [lab.address() for _ in seen]
        rules = "".join(f'\n[[rules]]\nname = "{action}"\npeer = "{address}"\naction = "{action}"\n{more}\n'
                        for (action, more, _), address in zip(seen, addresses))
        tracker, ip, port = start_tracker(lab, rules)
        payload = Payload(lab, announce=f"http://{ip}:{port}/announce")
        script = lab.write("client.py", LIBTORRENT)
        nodes = [lab.start(f"lt-{action}", ["/usr/bin/python3", script, address, payload.torrent_path, lab.folder])
                 for (action, _, _), address in zip(seen, addresses)]
        for node, (action, _, words) in zip(nodes, seen):
            lab.wait_exit(node, 40)
            with open(node.log_path, encoding="utf-8", errors="replace") as log:
                text = log.read()
            check(re.search(words, text), f"{action}: libtorrent says {text}")
            check(action in {e["rule"] for e in tracker.events("misbehaved")}, f"{action} was applied")


METRIC = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*\})? '
                    r'(-?[0-9]+(?:\.[0-9]+)?)$')


def read_metrics(text):
    """Prometheus' text format, strictly: HELP and TYPE before the samples of a family, each family once, no sample twice."""
    families, samples, name = {}, {}, None
    check(text.endswith("\n"), "the last line has its end")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name = line.split(" ")[2]
            check(name not in families, f"{name} comes twice")
            families[name] = None
        elif line.startswith("# TYPE "):
            check(line.split(" ")[2] == name and families[name] is None, line)
            families[name] = line.split(" ")[3]
            check(families[name] in ("counter", "gauge"), line)
        else:
            match = METRIC.match(line)
            check(match and match[1] == name and families[name], f"a sample outside its family: {line}")
            check(families[name] != "counter" or name.endswith("_total"), line)
            check((match[1], match[2]) not in samples, f"twice: {line}")
            samples[match[1], match[2] or ""] = float(match[3])
    return samples


def fetch(url):
    with urllib.request.urlopen(url, timeout=5) as response:
        return response.read().decode(), response.headers


def numbers():
    with Lab("rules") as lab:
        rule = '\n[[rules]]\nname = "a \\"quoted\\" one"\npeerId = "-01"\naction = "failure"\n'
        _, ip, port = start_tracker(lab, rule, "[stats]\nenabled = true\n")
        base = f"http://{ip}:{port}"
        for prefix in ("-01", "-97", "-98"):
            Raw(ip, port, prefix)
        Udp(ip, port).connect()
        text, headers = fetch(base + "/metrics")
        check(headers["Content-Type"].startswith("text/plain; version=0.0.4"), str(headers))
        samples = read_metrics(text)
        check(samples["swarm_tracker_requests_total", '{door="http",kind="announce"}'] == 3, text)
        check(samples["swarm_tracker_requests_total", '{door="udp",kind="connect"}'] == 1, text)
        check(samples["swarm_tracker_peers", '{state="incomplete"}'] == 1, text)  # one address and port
        check(samples["swarm_tracker_misbehaved_total", '{rule="a \\"quoted\\" one",action="failure"}'] == 1, text)
        stats = json.loads(fetch(base + "/stats.json")[0])
        check(stats["version"] == 1 and stats["doors"]["http"]["announces"] == 3 and stats["torrents"] == 1, str(stats))
        check(set(stats["rates_per_s"]) == {"10s", "60s"} and stats["rules"][0]["applied"] == 1, str(stats))
        check(fetch(base + "/health")[0] == "ok\n", "health")
        check(missing(base + "/") and missing(base + "/web/state.json"), "no live page unless it is asked for")

        _, ip, port = start_tracker(lab, "", "[stats]\nallow = [\"10.0.0.0/8\"]\n[web]\nallow = [\"10.0.0.0/8\"]\n")
        base = f"http://{ip}:{port}"
        check(all(missing(base + path) for path in ("/", "/metrics", "/stats.json", "/web/state.json")),
              "not for sources that are not listed")
        check(fetch(base + "/health")[0] == "ok\n", "health is for all")


def missing(url):
    try:
        fetch(url)
        return False
    except urllib.error.HTTPError as error:
        return error.code == 404


main({"http_answers": http_answers, "udp_answers": udp_answers, "our_client": our_client, "retry_in": retry_in,
      "libtorrent_client": libtorrent_client, "numbers": numbers})
