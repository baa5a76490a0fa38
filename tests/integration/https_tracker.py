"""Announces over https: our tracker behind a TLS front whose certificate is of a test's own authority."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from common import (EXIT_TRACKERS, Lab, Payload, check, downloaded, ends_with, main, program, says,  # noqa: E402
                    says_one_line, start_client, start_seeder)
from tests.support.tls_front import Authority, TlsFront  # noqa: E402

EXIT_ARGUMENTS = 2


class Scene:
    """A tracker behind a front, and a torrent that names the front."""

    def __init__(self, lab, names=None):
        self.lab, self.authority = lab, Authority(lab, "Test CA")
        ip, behind = lab.address(), lab.address()
        unset = Payload(lab)  # the tracker serves it by its info_hash, which no announce URL is part of

        def argv(port):
            config = lab.write("tracker.toml", f'port = {port}\ntorrentFile = "{unset.torrent_path}"\n')
            return [program("swarm-tracker"), config, "--bind", behind]

        _, port = lab.start_listening("tracker", argv, behind)
        self.front = TlsFront(lab, self.authority.issue(names or f"IP:{ip}"), ip, (behind, port))
        self.payload = Payload(lab, announce=f"https://{ip}:{self.front.port}/announce")

    def refused(self, ca_file, pattern):
        client = start_client(self.lab, self.payload, self.lab.make_dir("out"), "--timeout", "3", "--ca-file", ca_file)
        ends_with(self.lab, client, EXIT_TRACKERS)
        says(client, pattern)
        check(self.front.refused > 0, "the front saw no connection")
        check(not self.front.requests, f"the front was told {self.front.requests}")


def download():
    with Lab("https") as lab:
        scene = Scene(lab)
        trust = ["--ca-file", scene.authority.path]
        seeder = start_seeder(lab, scene.payload, scene.payload.write_original(lab), *trust)
        lab.wait_until(lambda: seeder.has_event("announce_answered"), "the tracker answers the seeder", [seeder])
        outdir = lab.make_dir("out")
        client = start_client(lab, scene.payload, outdir, *trust)
        downloaded(lab, client, scene.payload, outdir)
        seeder.stop()
        for event in ("started", "completed", "stopped"):
            check(any(f"event={event}" in line for line in scene.front.requests), f"no {event}: {scene.front.requests}")


def own_door():
    """Without a front: the tracker's own HTTPS, which our seeder and our client announce to."""
    with Lab("https") as lab:
        authority, ip = Authority(lab, "Test CA"), lab.address()
        chain, key = authority.issue(f"IP:{ip}")

        def argv(port):
            config = lab.write("tracker.toml", f'port = 0\nbind = "{ip}"\n[http]\nenabled = false\n[https]\n'
                               f'port = {port}\ncertificate = "{chain}"\nkey = "{key}"\n')
            return [program("swarm-tracker"), config, "--events", lab.path("tracker.events")]

        tracker, port = lab.start_listening("tracker", argv, ip)
        payload = Payload(lab, announce=f"https://{ip}:{port}/announce")
        trust = ["--ca-file", authority.path]
        seeder = start_seeder(lab, payload, payload.write_original(lab), *trust)
        lab.wait_until(lambda: seeder.has_event("announce_answered"), "the tracker answers the seeder", [seeder])
        outdir = lab.make_dir("out")
        downloaded(lab, start_client(lab, payload, outdir, *trust), payload, outdir)
        lab.wait_until(lambda: [e for e in tracker.events("announced") if e["announce_event"] == "stopped"],
                       "the client says that it goes", [tracker], timeout_s=10)
        check({e["door"] for e in tracker.events("announced")} == {"https"}, "announces came through another door")


def bad_unknown_authority():
    with Lab("https") as lab:
        Scene(lab).refused(Authority(lab, "Another CA").path, "certificate.*(issuer|unknown|trust|self.signed)")


def bad_other_address():
    with Lab("https") as lab:
        scene = Scene(lab, "IP:127.0.0.1,DNS:tracker.test")
        scene.refused(scene.authority.path, "certificate.*(address|host|name)")


def bad_system_roots():
    """Without --ca-file the system's roots count, and they do not know our authority."""
    with Lab("https") as lab:
        scene = Scene(lab)
        client = start_client(lab, scene.payload, lab.make_dir("out"), "--timeout", "3")
        ends_with(lab, client, EXIT_TRACKERS)
        says(client, "certificate")
        check(not scene.front.requests, f"the front was told {scene.front.requests}")


def bad_ca_file():
    """A file of certificates that is none is refused at the start, by both programs."""
    with Lab("https") as lab:
        payload = Payload(lab)
        original = payload.write_original(lab)
        empty = lab.write("empty.pem", "no certificate here\n")
        for number, (path, words) in enumerate(((empty, "empty.pem"), (lab.path("nowhere.pem"), "nowhere.pem"))):
            client = start_client(lab, payload, lab.make_dir("out"), "--ca-file", path, name=f"client-{number}")
            seeder = start_seeder(lab, payload, original, "--ca-file", path, name=f"seeder-{number}")
            for node in (client, seeder):
                ends_with(lab, node, EXIT_ARGUMENTS)
                says_one_line(node, words)


main({"download": download, "own_door": own_door, "bad_unknown_authority": bad_unknown_authority, "bad_other_address": bad_other_address,
      "bad_system_roots": bad_system_roots, "bad_ca_file": bad_ca_file})
