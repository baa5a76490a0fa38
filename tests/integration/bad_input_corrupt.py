"""Corrupt blocks never reach the finished file: the piece is fetched again, the culprit is found and banned, and an
honest peer that gave blocks of the same piece is not."""
import os
import threading

from common import DEAD_TRACKER, KIB, Lab, Payload, check, downloaded, main, peers_file, start_client, wire_peer


def damage(block):
    return bytes([block[0] ^ 0xFF]) + block[1:]


def other_damage(block):
    return os.urandom(len(block))


def banned(client):
    return {event["address"] for event in client.events("peer_banned")}


def finish(lab, client, payload, outdir, culprit, honest):
    downloaded(lab, client, payload, outdir)
    check(client.events("piece_failed"), "no piece ever failed its hash")
    check(banned(client) == {culprit.ip}, f"banned: {banned(client)}, the culprit is {culprit.ip}")
    check(all(honest.ip not in e["address"] or e["fault"] != "remote" or e["error"] == "end_of_stream"
              for e in client.events("peer_disconnected")), "the honest peer was dropped as guilty")


def sole_sender():
    """The liar alone is asked until it has sent a whole bad piece."""
    with Lab("corrupt", 60) as lab:
        payload = Payload(lab, announce=DEAD_TRACKER)
        lied = threading.Event()
        blocks_of_piece = payload.shared.piece_length // wire_peer.BLOCK

        def lie(number, piece, begin, block):
            if number >= blocks_of_piece:
                lied.set()
            return damage(block) if begin == 0 else block

        liar = wire_peer.Seed(lab, payload.shared, alter=lie)
        honest = wire_peer.Seed(lab, payload.shared, unchoke_when=lied)
        outdir = lab.make_dir("out")
        client = start_client(lab, payload, outdir, "--peers", peers_file(lab, liar.endpoint(), honest.endpoint()))
        finish(lab, client, payload, outdir, liar, honest)


def shared_piece(alter):
    """One piece of 32 blocks, and both peers give some of them: each waits until the other was asked too, and the honest
    one with its second block until four of the liar's are on their way."""
    with Lab("corrupt", 60) as lab:
        payload = Payload(lab, size=512 * KIB, piece_length=512 * KIB, announce=DEAD_TRACKER)
        liar_asked, liar_gave, honest_asked = threading.Event(), threading.Event(), threading.Event()

        def lie(number, piece, begin, block):
            liar_asked.set()
            honest_asked.wait(10)
            if number > 4:
                liar_gave.set()
            return alter(number, block)

        def be_honest(number, piece, begin, block):
            honest_asked.set()
            (liar_asked if number == 1 else liar_gave).wait(10)
            return block

        liar = wire_peer.Seed(lab, payload.shared, alter=lie)
        honest = wire_peer.Seed(lab, payload.shared, alter=be_honest)
        outdir = lab.make_dir("out")
        client = start_client(lab, payload, outdir, "--peers", peers_file(lab, liar.endpoint(), honest.endpoint()))
        finish(lab, client, payload, outdir, liar, honest)


main({
    "sole_sender": sole_sender,
    # Every third block it sends is wrong, always in the same way.
    "shared_piece_same_lie": lambda: shared_piece(lambda number, block: damage(block) if number % 3 == 1 else block),
    # Every block, and differently each time.
    "shared_piece_new_lie": lambda: shared_piece(lambda number, block: other_damage(block)),
    # Every block, always in the same way.
    "shared_piece_all_lies": lambda: shared_piece(lambda number, block: damage(block)),
})
