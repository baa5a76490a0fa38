"""A tracker that is down or answers garbage: with a working peer the download goes on, without one it ends with 4."""
import gzip
import re
import socket
import time

from common import (DEAD_TRACKER, EXIT_NO_PROGRESS, EXIT_TRACKERS, Lab, Payload, bencode, check, downloaded, ends_with,
                    main, peers_file, says, start_client, wire_peer)
from tests.support.garbage_tracker import GarbageTracker, UdpTracker

EXIT_INTERRUPTED = 130
NONSENSE = {
    "binary": b"\x00\xff\xfe garbage \r\n\x80",
    "html": b"<html><body>It works!</body></html>",
    "truncated": b"d8:intervali60e5:peers60:",
    "peers_of_five_bytes": b"d8:intervali60e5:peers5:abcdee",
    "peers_is_a_number": b"d8:intervali60e5:peersi7ee",
    "list": b"le",
    "empty": b"",
    "failure": b"d14:failure reason12:torrent gonee",
    "nested": b"d5:peers" + b"l" * 100_000,
    "two_mebibytes": b"d5:peers2097152:" + bytes(2 << 20) + b"e",
}


def endless_headers(handler):
    handler.send(b"HTTP/1.1 200 OK\r\n")
    for number in range(1000):
        handler.send(b"X-%d: %s\r\n" % (number, b"x" * 1000))
        time.sleep(0.001)


def hangs_up(handler):
    handler.close_connection = True


def redirect_to_itself(handler):
    handler.send(b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % handler.path.encode())


def drip(handler):
    """A reply that always goes on and never comes to its end."""
    handler.send(b"HTTP/1.1 200 OK\r\n\r\nd5:peers1000000:")
    while True:
        handler.send(b"x")
        time.sleep(0.05)


def gigabyte(handler):
    """In chunks, so that no length says it before."""
    handler.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"100000\r\n" + bytes(1 << 20) + b"\r\n"
    for _ in range(1000):
        handler.send(chunk)


def announced_gigabyte(handler):
    handler.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
    for _ in range(1000):
        handler.send(bytes(1_000_000))


def gzip_bomb(handler):
    body = gzip.compress(bytes(200 << 20), 9)
    handler.send(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


def trackers(lab):
    """(name, url, the server) of each kind of garbage."""
    servers = {name: GarbageTracker(lab, body) for name, body in NONSENSE.items()}
    servers["status_500"] = GarbageTracker(lab, b"oops", 500)
    servers["hangs_up"] = GarbageTracker(lab, reply=hangs_up)
    servers["endless_headers"] = GarbageTracker(lab, reply=endless_headers)
    return servers


def goes_on(lab, name, announce):
    payload = Payload(lab, announce=announce, name=f"{name}.bin")
    seed = wire_peer.Seed(lab, payload.shared)
    outdir = lab.make_dir(f"out-{name}")
    client = start_client(lab, payload, outdir, "--peers", peers_file(lab, seed.endpoint(), name=f"{name}.peers"),
                          name=f"client-{name}")
    downloaded(lab, client, payload, outdir)


def gives_up(lab, name, announce):
    payload = Payload(lab, announce=announce, name=f"{name}.bin")
    client = start_client(lab, payload, lab.make_dir(f"out-{name}"), "--timeout", "3", name=f"client-{name}")
    return client


def down_with_peer():
    with Lab("tracker") as lab:
        goes_on(lab, "down", DEAD_TRACKER)


def down_without_peer():
    with Lab("tracker") as lab:
        client = gives_up(lab, "down", DEAD_TRACKER)
        ends_with(lab, client, EXIT_TRACKERS)
        says(client, "tracker")


def garbage_with_peer():
    with Lab("tracker") as lab:
        for name, server in trackers(lab).items():
            goes_on(lab, name, server.url)
            check(server.asked > 0, f"{name}: the tracker was never asked")


def garbage_without_peer():
    with Lab("tracker") as lab:
        servers = trackers(lab)
        clients = {name: gives_up(lab, name, server.url) for name, server in servers.items()}
        for name, client in clients.items():
            ends_with(lab, client, EXIT_TRACKERS)
            says(client, "tracker|announce")
            check(servers[name].asked > 0, f"{name}: the tracker was never asked")
        says(clients["failure"], "torrent gone")


def address_of(seed):
    ip, _, port = seed.endpoint().rpartition(":")
    return ip, int(port)


def fails(lab, tracker, reason):
    """The announce fails with this reason; the client ends in order when it is told to."""
    payload = Payload(lab, announce=tracker.url)
    client = start_client(lab, payload, lab.make_dir("out"), name=f"client-{len(lab.nodes)}")
    lab.wait_until(lambda: client.has_event("announce_failed"), "the announce fails", [client], timeout_s=25)
    told = client.events("announce_failed")[0]["reason"]
    check(re.search(reason, told), f"{told!r} instead of {reason!r}")
    client.stop()
    check(client.exit_code == EXIT_INTERRUPTED, f"exit code {client.exit_code}")


def redirects_for_ever():
    with Lab("tracker") as lab:
        tracker = GarbageTracker(lab, reply=redirect_to_itself)
        fails(lab, tracker, "more than 5 redirects")
        check(tracker.asked == 6, f"asked {tracker.asked} times")


def reply_never_ends():
    with Lab("tracker") as lab:
        fails(lab, GarbageTracker(lab, reply=drip), "no answer in time")


def answers_1_gb():
    with Lab("tracker") as lab:
        for reply in (gigabyte, announced_gigabyte):
            tracker = GarbageTracker(lab, reply=reply)
            fails(lab, tracker, "over the limit of 1048576")
            # What the kernel's buffers held, and no more.
            check(tracker.sent < 64 << 20, f"it could send {tracker.sent} bytes")


def answers_a_gzip_bomb():
    with Lab("tracker") as lab:
        fails(lab, GarbageTracker(lab, reply=gzip_bomb), "over the limit of 1048576 bytes when unpacked")


def odd_peer_lists():
    """What is a peer in them is used, the rest is not; a compact list that is none fails the announce."""
    with Lab("tracker") as lab:
        for body in (b"d8:intervali60e5:peers7:abcdefge", b"d8:intervali60e6:peers617:" + bytes(17) + b"e"):
            fails(lab, GarbageTracker(lab, body), "peers")
        tracker = GarbageTracker(lab)
        payload = Payload(lab, announce=tracker.url, name="odd.bin")
        seed = wire_peer.Seed(lab, payload.shared)
        ip, port = address_of(seed)
        tracker.body = bencode.encode({"interval": 60, "peers": [
            {"ip": "not an address", "port": 1}, {"ip": ip}, {"port": port}, {"ip": ip, "port": 0},
            {"ip": ip, "port": 65536}, {"ip": ip, "port": -1}, {"ip": ip, "port": "x"}, 7, "peer", [],
            {"ip": "0.0.0.0", "port": 1}, {"ip": ip, "port": port, "peer id": "short"}]})
        outdir = lab.make_dir("out-odd")
        client = start_client(lab, payload, outdir, name="client-odd")
        downloaded(lab, client, payload, outdir)


def negative_intervals():
    """They count as not given: the tracker is not asked again and again."""
    with Lab("tracker") as lab:
        tracker = GarbageTracker(lab, b"d8:intervali-5e12:min intervali-9223372036854775808e5:peers0:e")
        payload = Payload(lab, announce=tracker.url)
        client = start_client(lab, payload, lab.make_dir("out"), "--timeout", "3")
        ends_with(lab, client, EXIT_NO_PROGRESS)
        check(tracker.asked == 2, f"asked {tracker.asked} times, which is more than started and stopped")


def wrong_transaction_ids():
    """A UDP tracker whose first answer to each packet is somebody else's: only the second counts."""
    with Lab("tracker") as lab:
        seeds, believed = [], []

        def reply(packet):
            transaction = packet[12:16]
            wrong = bytes(byte ^ 0xFF for byte in transaction)
            if len(packet) == 16:
                for id_ in (wrong, transaction):
                    yield bytes(4) + id_ + (b"connected" if id_ == transaction else b"elsewhere")[:8]
                return
            believed.append(packet[:8])
            for id_ in (wrong, transaction):
                ip, port = address_of(seeds[0])
                peers = socket.inet_aton(ip) + (port if id_ == transaction else 9).to_bytes(2, "big")
                yield b"\0\0\0\1" + id_ + (60).to_bytes(4, "big") + bytes(8) + peers * (1 if id_ == transaction else 2)

        tracker = UdpTracker(lab, reply)
        payload = Payload(lab, announce=tracker.url)
        seeds.append(wire_peer.Seed(lab, payload.shared))
        outdir = lab.make_dir("out")
        client = start_client(lab, payload, outdir)
        downloaded(lab, client, payload, outdir)
        check(set(believed) == {b"connecte"}, f"connection ids {believed}")
        check(client.events("announce_answered")[0]["peers"] == 1, "the wrong answer was believed")


main({case.__name__: case for case in (
    down_with_peer, down_without_peer, garbage_with_peer, garbage_without_peer, redirects_for_ever, reply_never_ends,
    answers_1_gb, answers_a_gzip_bomb, odd_peer_lists, negative_intervals, wrong_transaction_ids)})
