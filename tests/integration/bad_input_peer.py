"""A peer that breaks the protocol is dropped with the reason in the event log, and the work goes on.

client_CASE: our client dials the peer; an honest seed, which serves only after the drop, completes the download.
seeder_CASE: the peer dials our seeder; an honest downloader gets everything afterwards.
"""
import re
import struct
import threading

from common import (DEAD_TRACKER, EXIT_OK, KIB, Lab, Payload, check, downloaded, main, peers_file, start_client,
                    start_seeder, wire_peer)
from tests.support.wire_peer import BITFIELD, HAVE, INTERESTED, PIECE, PROTOCOL, REQUEST

HANDSHAKE_LIMIT_S = 10
ENCRYPTED_LIMIT_S = 4  # a dial that prefers encryption goes on in plain after this
SIZE = 9 * 64 * KIB  # nine pieces: the bitfield's second byte has seven spare bits


def open_up(connection, torrent, speak_first):
    if not speak_first:
        connection.read_handshake()
    connection.send_handshake(torrent.info_hash)
    if speak_first:
        connection.read_handshake()


def bad_handshake(connection, torrent, _):
    connection.send(b"\x13BitTorrent protocoX" + bytes(8) + torrent.info_hash + b"-PY0001-abcdefghijkl")


def wrong_info_hash(connection, _, speak_first):
    if not speak_first:
        connection.read_handshake()
    connection.send(PROTOCOL + bytes(8) + b"\x55" * 20 + b"-PY0001-abcdefghijkl")


def message_of_4_gib(connection, torrent, speak_first):
    open_up(connection, torrent, speak_first)
    connection.send(b"\xff\xff\xff\xff\x07" + bytes(1000))


def bitfield_wrong_length(connection, torrent, speak_first):
    open_up(connection, torrent, speak_first)
    connection.send_message(BITFIELD, torrent.bitfield() + b"\x00")


def bitfield_spare_bits(connection, torrent, speak_first):
    open_up(connection, torrent, speak_first)
    connection.send_message(BITFIELD, b"\xff" * len(torrent.bitfield()))


def bitfield_twice(connection, torrent, speak_first):
    open_up(connection, torrent, speak_first)
    nothing = bytes(len(torrent.bitfield()))
    connection.send_message(BITFIELD, nothing)
    connection.send_message(BITFIELD, nothing)


def request_out_of_range(connection, torrent, speak_first):
    open_up(connection, torrent, speak_first)
    connection.send_message(INTERESTED)
    connection.send_message(REQUEST, struct.pack(">III", torrent.piece_count, 0, 16384))


def request_past_piece_end(connection, torrent, speak_first):
    open_up(connection, torrent, speak_first)
    connection.send_message(INTERESTED)
    connection.send_message(REQUEST, struct.pack(">III", 0, torrent.piece_length - 100, 16384))


def have_out_of_range(connection, torrent, speak_first):
    open_up(connection, torrent, speak_first)
    connection.send_message(HAVE, struct.pack(">I", 0xFFFFFFFF))


def piece_never_asked_for(connection, torrent, speak_first):
    open_up(connection, torrent, speak_first)
    connection.send_message(PIECE, struct.pack(">II", 0, 0) + bytes(16384))


def silence(*_):
    pass


# Case: what the peer does; what the event's reason says; its error codes.
CASES = {
    "bad_handshake": (bad_handshake, "protocol name|handshake", {"handshake_refused", "protocol_violation"}),
    "wrong_info_hash": (wrong_info_hash, "info_hash", {"handshake_refused"}),
    "message_of_4_gib": (message_of_4_gib, "4294967295|length|message", {"protocol_violation", "limit_reached"}),
    "bitfield_wrong_length": (bitfield_wrong_length, "bitfield", {"protocol_violation"}),
    "bitfield_spare_bits": (bitfield_spare_bits, "bitfield|spare", {"protocol_violation"}),
    "bitfield_twice": (bitfield_twice, "bitfield.*twice", {"protocol_violation"}),
    "request_out_of_range": (request_out_of_range, "request out of range", {"protocol_violation"}),
    "request_past_piece_end": (request_past_piece_end, "request out of range", {"protocol_violation"}),
    "have_out_of_range": (have_out_of_range, "have", {"protocol_violation"}),
    "piece_never_asked_for": (piece_never_asked_for, "never asked", {"protocol_violation"}),
    "silence": (silence, "handshake|time", {"timed_out"}),
}


def was_dropped(node, ip, reason, errors):
    for event in node.events("peer_disconnected"):
        if event["address"].rpartition(":")[0] == ip:
            check(re.search(reason, event["reason"], re.IGNORECASE), f"the reason is {event['reason']!r}")
            check(event["error"] in errors, f"the error is {event['error']!r}")
            check(event["fault"] == "remote", f"the fault is {event['fault']!r}")
            return True
    return False


def client_meets(case):
    misbehave, reason, errors = CASES[case]
    with Lab("peer", 60) as lab:
        payload = Payload(lab, size=SIZE, announce=DEAD_TRACKER)
        dropped = threading.Event()

        def script(connection):
            misbehave(connection, payload.shared, False)
            connection.wait_closed()

        hostile = wire_peer.ListeningPeer(lab, script)
        honest = wire_peer.Seed(lab, payload.shared, unchoke_when=dropped)
        outdir = lab.make_dir("out")
        client = start_client(lab, payload, outdir, "--peers", peers_file(lab, hostile.endpoint(), honest.endpoint()))
        lab.wait_until(lambda: was_dropped(client, hostile.ip, reason, errors), "the event names the drop", [client],
                       timeout_s=ENCRYPTED_LIMIT_S + HANDSHAKE_LIMIT_S + 5)
        lab.wait_until(hostile.was_hung_up_on, "the connection is closed", [client], timeout_s=5)
        dropped.set()
        downloaded(lab, client, payload, outdir)


def seeder_meets(case):
    misbehave, reason, errors = CASES[case]
    with Lab("peer", 60) as lab:
        payload = Payload(lab, size=SIZE, announce=DEAD_TRACKER)
        seeder = start_seeder(lab, payload, payload.write_original(lab))
        lab.wait_until(seeder.listen_endpoint, "the seeder is ready", [seeder], timeout_s=15)
        hostile_ip = lab.address()
        hostile = wire_peer.dial(seeder.listen_endpoint(), hostile_ip)
        try:
            misbehave(hostile, payload.shared, True)
            hostile.wait_closed()
        except wire_peer.Gone:
            pass
        finally:
            hostile.close()
        lab.wait_until(lambda: was_dropped(seeder, hostile_ip, reason, errors), "the event names the drop", [seeder],
                       timeout_s=5)
        data = wire_peer.fetch_all(seeder.listen_endpoint(), lab.address(), payload.shared)
        check(data == payload.data, "the honest downloader got something else")
        check(seeder.running, "the seeder has ended")


def stalls_after_unchoke():
    """It answers nothing once asked: the honest seed gets those requests, and the download ends without a time-out."""
    with Lab("peer", 60) as lab:
        payload = Payload(lab, size=SIZE, announce=DEAD_TRACKER)
        asked = threading.Event()

        def stall(*_):
            asked.set()

        stalling = wire_peer.Seed(lab, payload.shared, alter=stall)
        honest = wire_peer.Seed(lab, payload.shared, unchoke_when=asked)
        outdir = lab.make_dir("out")
        client = start_client(lab, payload, outdir, "--peers", peers_file(lab, stalling.endpoint(), honest.endpoint()))
        lab.wait_until(lambda: not client.running, "the download ends", timeout_s=15)
        check(client.exit_code == EXIT_OK and payload.is_in(outdir), f"exit code {client.exit_code}")
        check(stalling.asked > 0, "the stalling peer was never asked")


main({**{f"client_{case}": (lambda case=case: client_meets(case)) for case in CASES},
      **{f"seeder_{case}": (lambda case=case: seeder_meets(case)) for case in CASES},
      "client_stalls_after_unchoke": stalls_after_unchoke})
