"""kill -9 in the middle of a download, then the same command again: it completes, what was verified before is not
fetched again, and nothing is corrupt."""
import threading

from common import DEAD_TRACKER, KIB, Lab, Payload, check, downloaded, main, peers_file, start_client, wire_peer

PIECE = 64 * KIB
PIECES = 40
STALL_AFTER_BLOCKS = 90  # of 160: some pieces whole, some begun


def verified(node):
    return {event["piece"] for event in node.events("piece_verified")}


def killed_once(rounds):
    with Lab("kill", 80) as lab:
        payload = Payload(lab, size=PIECES * PIECE - 1234, piece_length=PIECE, announce=DEAD_TRACKER)
        go_on = threading.Event()
        stall_at = [STALL_AFTER_BLOCKS // rounds]

        def answer(number, piece, begin, block):
            if number > stall_at[0]:
                go_on.wait()
            return block

        seed = wire_peer.Seed(lab, payload.shared, alter=answer)
        outdir, peers = lab.make_dir("out"), peers_file(lab, seed.endpoint())
        ip = lab.address()
        before = set()
        for number in range(rounds):
            client = start_client(lab, payload, outdir, "--peers", peers, name=f"client-{number}", ip=ip)
            lab.wait_until(lambda: seed.asked > stall_at[0] and verified(client), "pieces are verified", [client],
                           timeout_s=20)
            # Until the last of them is in the event log too: no more can come, the seed answers nothing.
            count = -1
            while count != len(verified(client)):
                count = len(verified(client))
                lab.wait_until(lambda seen=len(client.events("stats")): len(client.events("stats")) >= seen + 3,
                               "three more stats", [client], timeout_s=10)
            check(not verified(client) & before, "a piece was fetched again after the kill")
            before |= verified(client)
            client.kill()
            stall_at[0] += STALL_AFTER_BLOCKS // rounds
        check(0 < len(before) < PIECES, f"{len(before)} of {PIECES} pieces: not the middle of a download")

        go_on.set()
        client = start_client(lab, payload, outdir, "--peers", peers, name="client-last", ip=ip)
        downloaded(lab, client, payload, outdir)
        check(not verified(client) & before, f"fetched again: {sorted(verified(client) & before)}")
        checked = client.events("checked")[0]
        check(checked["have"] >= len(before), f"it believes {checked['have']} pieces of {len(before)} verified ones")
        completed = client.events("completed")[0]
        most = len(payload.data) - (len(before) - 1) * PIECE
        check(completed["downloaded"] <= most, f"it fetched {completed['downloaded']} bytes, {most} were missing")


main({"once": lambda: killed_once(1), "three_times": lambda: killed_once(3)})
