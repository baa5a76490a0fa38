"""--capture, as tshark decodes it: every message of an encrypted link, and why a peer was unchoked, picked from, dropped."""
import os
import sys

from common import (EXIT_OK, Lab, Payload, check, downloaded, ends_with, main, peers_file, says, start_client,
                    start_seeder)
from tests.support.tshark import decode, message_types, nothing_malformed

KIB = 1024
HAVE_WAIT_NS = 100_000_000  # kHaveWait of common/swarm/torrent.h
NUMBERS = {"choke": "0", "unchoke": "1", "interested": "2", "have": "4", "bitfield": "5", "request": "6", "piece": "7",
           "have_all": "14", "have_none": "15", "extended": "20"}


def transfer(lab, encryption):
    payload = Payload(lab, size=1024 * KIB, piece_length=32 * KIB)
    captures = {name: lab.path(f"{name}.pcapng") for name in ("seeder", "client")}
    seeder = start_seeder(lab, payload, payload.write_original(lab), "--encryption", encryption, "--capture",
                          captures["seeder"], "--node-name", "seeder-1")
    lab.wait_until(lambda: seeder.listen_endpoint(), "our seeder is ready", [seeder])
    outdir = lab.make_dir("out")
    ip, port = seeder.listen_endpoint()
    client = start_client(lab, payload, outdir, "--encryption", encryption, "--peers", peers_file(lab, f"{ip}:{port}"),
                          "--capture", captures["client"], "--node-name", "client-1", "--download-limit", "2MiB/s",
                          "--events-level", "wire")
    downloaded(lab, client, payload, outdir)
    seeder.stop()
    ends_with(lab, seeder, EXIT_OK)
    return payload, captures, haves_said(client)


def haves_said(client):
    """The pieces that the seeder was told of, as the client's events say: a piece that it has, once. The seeder cannot
    act on it, so it goes along with the next request, in the same instant; and a turn (what one event of the system
    leads to) that comes HAVE_WAIT_NS behind the verification ends with saying it. The last piece ends the connection: of
    the turns before it none may have left unsaid what was due. No clock but that of the events has a say in this."""
    turns = [event for event in client.events() if event["event"] in ("message_received", "message_sent", "piece_verified")]
    times = [round(event["t"] * 1e9) for event in turns]
    verified = {event["piece"]: i for i, event in enumerate(turns) if event["event"] == "piece_verified"}
    told = {}
    for i, event in enumerate(turns):
        if event["event"] != "message_sent" or event["message"] != "have":
            continue
        check(verified.get(event["piece"], i) < i and event["piece"] not in told, f"untimely: {event}")
        told[event["piece"]] = i
    last = max(verified.values())
    for piece, i in verified.items():
        end = told.get(piece, last)
        later = [j for j in range(i, end) if turns[j]["event"] == "message_sent" and turns[j]["message"] == "request"]
        check(all(times[j] == times[end] for j in later), f"piece {piece} was not said with the request behind it")
        check(piece in told or times[end - 1] < times[i] + HAVE_WAIT_NS, f"piece {piece} was due and not said")
    return list(told)


def whole_story(encryption, crypto):
    with Lab("capture") as lab:
        payload, captures, said = transfer(lab, encryption)
        pieces, blocks = len(payload.data) // (32 * KIB), len(payload.data) // (16 * KIB)
        for name, path in captures.items():
            nothing_malformed(path)
            handshakes = decode(path, "bittorrent.info_hash", "bittorrent.info_hash", "ip.src")
            check(len(handshakes) == 2, f"{name}: handshakes {handshakes}")
            types = message_types(path)
            counts = {word: types.count(number) for word, number in NUMBERS.items()}
            check(counts["piece"] == blocks and counts["request"] == blocks, f"{name}: {counts}")
            haves = haves_in(path)
            check(len(haves) > 0 and haves == said, f"{name}: haves {haves} instead of {said}")
            check(counts["unchoke"] == 1 and counts["interested"] == 1 and counts["extended"] == 2, f"{name}: {counts}")
            comments = [comment for (comment,) in decode(path, "frame.comment", "frame.comment")]
            check(any(f'encryption="{crypto}"' in comment for comment in comments), f"{name}: {comments[:3]}")
            check(comments[-1].startswith("peer_disconnected: "), f"{name}: {comments[-1]}")
        unchoke = decode(captures["seeder"], "bittorrent.msg.type == 1", "frame.comment", "frame.interface_name")
        check(unchoke[0][0].startswith('unchoked: reason="free_slot"'), f"the unchoke: {unchoke}")
        check(unchoke[0][1].startswith("seeder-1 <- "), f"its interface: {unchoke}")
        picks = [comment for (comment,) in decode(captures["client"], "bittorrent.msg.type == 6 and frame.comment",
                                                  "frame.comment")]
        check(sum(pick.startswith("piece_begun: ") and "reason=" in pick for pick in picks) == pieces,
              f"{len(picks)} picks have a reason: {picks[:3]}")


def haves_in(path):
    """The pieces that `have` messages name, in order. A packet has several messages; these kinds name a piece each."""
    found = []
    for types, pieces in decode(path, "bittorrent.msg.type == 4", "bittorrent.msg.type", "bittorrent.piece.index"):
        named = [kind for kind in types.split(",") if kind in ("4", "6", "7", "8", "13", "16", "17")]
        found += [int(piece, 16) for kind, piece in zip(named, pieces.split(",")) if kind == "4"]
    return found


def plain_link():
    whole_story("off", "none")


def encrypted_link():
    whole_story("require", "rc4")


def killed():
    """A program that is killed leaves whole packets."""
    with Lab("capture") as lab:
        payload = Payload(lab, size=4096 * KIB, piece_length=32 * KIB)
        seeder = start_seeder(lab, payload, payload.write_original(lab))
        lab.wait_until(lambda: seeder.listen_endpoint(), "our seeder is ready", [seeder])
        ip, port = seeder.listen_endpoint()
        path = lab.path("client.pcapng")
        client = start_client(lab, payload, lab.make_dir("out"), "--peers", peers_file(lab, f"{ip}:{port}"), "--capture",
                              path, "--download-limit", "1MiB/s")
        lab.wait_until(lambda: os.path.exists(path) and os.path.getsize(path) > 4 * KIB, "the capture has grown", [client])
        client.kill()
        lab.wait_exit(client, 10)
        nothing_malformed(path)
        check("7" in message_types(path), "no block was recorded")


def limits():
    """--capture-block-bytes keeps what comes, --capture-limit ends the capture and nothing else."""
    with Lab("capture") as lab:
        payload = Payload(lab, size=256 * KIB, piece_length=32 * KIB)
        seeder = start_seeder(lab, payload, payload.write_original(lab))
        lab.wait_until(lambda: seeder.listen_endpoint(), "our seeder is ready", [seeder])
        peers = peers_file(lab, "{}:{}".format(*seeder.listen_endpoint()))
        whole, outdir = lab.path("whole.pcapng"), lab.make_dir("whole")
        client = start_client(lab, payload, outdir, "--peers", peers, "--capture", whole, "--capture-block-bytes",
                              "16KiB")
        downloaded(lab, client, payload, outdir)
        kept = "".join(data for (data,) in decode(whole, "bittorrent.piece.data", "bittorrent.piece.data"))
        check(len(kept) // 2 >= len(payload.data), f"{len(kept) // 2} bytes of blocks were kept")
        short, outdir = lab.path("short.pcapng"), lab.make_dir("short")
        client = start_client(lab, payload, outdir, "--peers", peers, "--capture", short, "--capture-limit", "2KiB",
                              name="short")
        downloaded(lab, client, payload, outdir)
        says(client, "--capture-limit")
        check(0 < os.path.getsize(short) <= 2 * KIB, f"{os.path.getsize(short)} bytes")
        nothing_malformed(short)
        refused = start_client(lab, payload, outdir, "--capture", lab.path("no/such/folder"), name="refused")
        lab.wait_exit(refused, 10)
        check(refused.exit_code != EXIT_OK, "a capture that cannot be made was no error")
        says(refused, "no/such/folder")


if not any(os.access(os.path.join(folder, "tshark"), os.X_OK) for folder in os.environ["PATH"].split(":")):
    sys.exit("tshark is missing")
main({case.__name__: case for case in (plain_link, encrypted_link, killed, limits)})
