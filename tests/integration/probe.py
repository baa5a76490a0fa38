"""swarm-lab probe: our own programs break no rule, and a peer that breaks rules is told which."""
import json
import socket
import subprocess
import threading

from common import Lab, Payload, check, main, program, start_seeder

KIB = 1024
HELD, BROKEN_RULE, BAD_ARGUMENTS, NOBODY = 0, 1, 2, 3


def probe(*arguments):
    done = subprocess.run([program("swarm-lab"), "probe", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False, timeout=100)
    return done.returncode, done.stdout, done.stderr


def verdicts(stdout):
    return {rule["rule"]: rule["verdict"] for rule in json.loads(stdout)["rules"]}


class Careless:
    """Answers every connection with what it was told to, whatever it hears."""

    def __init__(self, lab, answer):
        self.answer = answer
        self.server = socket.create_server((lab.address(), 0))
        self.endpoint = "{}:{}".format(*self.server.getsockname())
        self.open = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                stream, _ = self.server.accept()
                self.open.append(stream)
                stream.recv(68)
                stream.sendall(self.answer)
            except OSError:
                if self.server.fileno() < 0:
                    return

    def close(self):
        self.server.close()
        for stream in self.open:
            stream.close()


def our_seeder_breaks_nothing():
    with Lab("probe") as lab:
        payload = Payload(lab, size=300 * KIB, piece_length=32 * KIB)
        seeder = start_seeder(lab, payload, payload.write_original(lab))
        lab.wait_until(lambda: seeder.listen_endpoint(), "our seeder is ready", [seeder])
        endpoint = "{}:{}".format(*seeder.listen_endpoint())
        code, stdout, stderr = probe(endpoint, payload.torrent_path, "--json", "--patience", "5s")
        check(stderr == "", stderr)
        found = verdicts(stdout)
        check(code == HELD and len(found) == 28 and set(found.values()) == {"held", "open"}, f"{code}: {stdout}")
        check(sum(verdict == "open" for verdict in found.values()) == 3, f"left open: {found}")
        check(json.loads(stdout)["client"].startswith("Swarmlab"), stdout)
        code, table, _ = probe(endpoint, payload.torrent_path)
        check(code == HELD and "held      request.piece " in table and "0 broken" in table, table)


def broken_rules_are_named():
    """Somebody who takes every info_hash, has a bitfield that is too long, unchokes nobody and never hangs up."""
    with Lab("probe") as lab:
        payload = Payload(lab, size=300 * KIB, piece_length=32 * KIB)
        handshake = b"\x13BitTorrent protocol" + bytes(8) + payload.shared.info_hash + b"-XX0001-careless-one"
        peer = Careless(lab, handshake + b"\x00\x00\x00\x08\x05" + bytes(7))
        try:
            code, stdout, _ = probe(peer.endpoint, payload.torrent_path, "--json", "--patience", "300ms",
                                    "--unchoke-patience", "500ms")
        finally:
            peer.close()
        found = verdicts(stdout)
        check(code == BROKEN_RULE, f"exit code {code}")
        for rule in ("handshake.unknown_torrent", "handshake.other_protocol", "first.bitfield", "choke.unchoke",
                     "refuse.length", "refuse.bitfield", "alive"):
            check(found[rule] == "broken", f"{rule}: {found[rule]}")
        for rule in ("handshake.answer", "request.choked", "keep_alive"):
            check(found[rule] == "held", f"{rule}: {found[rule]}")
        check("request.piece" not in found, "whoever never unchokes cannot be asked for pieces")


def lies_are_found():
    """A block that is not what the torrent says."""
    with Lab("probe") as lab:
        payload = Payload(lab, size=40 * KIB, piece_length=16 * KIB)
        handshake = b"\x13BitTorrent protocol" + bytes(8) + payload.shared.info_hash + b"-XX0001-lies-are-told"[:20]
        unchoke = b"\x00\x00\x00\x01\x01"
        block = b"\x00\x00\x40\x09\x07" + bytes(8) + bytes(16 * KIB)
        peer = Careless(lab, handshake + b"\x00\x00\x00\x02\x05\xe0" + unchoke + block)
        try:
            code, stdout, _ = probe(peer.endpoint, payload.torrent_path, "--json", "--patience", "300ms",
                                    "--unchoke-patience", "500ms")
        finally:
            peer.close()
        found = {rule["rule"]: rule for rule in json.loads(stdout)["rules"]}
        check(code == BROKEN_RULE and found["first.bitfield"]["verdict"] == "held", stdout)
        check(found["alive"]["verdict"] == "broken" and "hash" in found["alive"]["heard"], f"{found['alive']}")


def refusals():
    with Lab("probe") as lab:
        payload = Payload(lab)
        with socket.create_server((lab.address(), 0)) as server:
            endpoint = "{}:{}".format(*server.getsockname())
        code, stdout, stderr = probe(endpoint, payload.torrent_path)
        check(code == NOBODY and stdout == "" and endpoint in stderr, f"{code}: {stderr}")
        code, _, stderr = probe("localhost", payload.torrent_path)
        check(code == BAD_ARGUMENTS and '"localhost" is no IP:PORT' in stderr, f"{code}: {stderr}")
        code, _, stderr = probe(endpoint, lab.path("none.torrent"))
        check(code == BAD_ARGUMENTS and "none.torrent" in stderr, f"{code}: {stderr}")


main({case.__name__: case for case in (our_seeder_breaks_nothing, broken_rules_are_named, lies_are_found, refusals)})
