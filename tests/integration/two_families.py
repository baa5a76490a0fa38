"""IPv4 and IPv6 at once: without --bind client and seeder listen on both, on one port, and announce over both.

The programs of these tests listen on every address of the machine for the seconds that they run; they know of each
other by loopback addresses alone. Without IPv6 on loopback the tests are skipped (77).
"""
import socket
import sys

from common import (EXIT_LISTEN, EXIT_OK, Lab, Payload, check, downloaded, ends_with, main, peers_file, program,
                    says_one_line)

SKIPPED = 77


def start(lab, name, payload, *options):
    return lab.start(name, [program("swarm-seeder" if name == "seeder" else "swarm-client"), "-t", payload.torrent_path,
                            "--events", lab.path(f"{name}.events"), *options])


def start_seeder(lab, payload):
    seeder = start(lab, "seeder", payload, "-s", payload.write_original(lab))
    lab.wait_until(lambda: seeder.listen_endpoint(), "our seeder is ready", [seeder])
    return seeder, seeder.listen_endpoint()[1]


def start_client(lab, name, payload, *options):
    outdir = lab.make_dir(f"out-{name}")
    return start(lab, name, payload, "--outdir", outdir, *options), outdir


def start_tracker(lab, payload, ip, port):
    config = lab.write(f"{ip.replace(':', '')}.toml", f'port = {port}\ntorrentFile = "{payload.torrent_path}"\n')
    node = lab.start(f"tracker-{ip}", [program("swarm-tracker"), config, "--bind", ip, "--events",
                                       lab.path(f"tracker-{ip}.events")])
    lab.wait_until(lambda: node.listen_endpoint(), "the tracker is ready", [node])
    return node


def free_port():
    """Free over IPv4 and IPv6 now."""
    for _ in range(20):
        with socket.create_server(("127.0.0.1", 0)) as four, socket.socket(socket.AF_INET6) as six:
            port = four.getsockname()[1]
            try:
                six.bind(("::1", port))
                return port
            except OSError:
                continue
    raise OSError("no port is free in both families")


def download_over_ipv6():
    """The tracker is reached over IPv6 only, so all that it can tell are IPv6 peers."""
    with Lab("families") as lab:
        port = free_port()
        start_tracker(lab, Payload(lab), "::1", port)
        payload = Payload(lab, announce=f"http://[::1]:{port}/announce")
        seeder, _ = start_seeder(lab, payload)
        lab.wait_until(lambda: seeder.has_event("announce_answered"), "the tracker answers the seeder", [seeder])
        client, outdir = start_client(lab, "client", payload)
        downloaded(lab, client, payload, outdir)
        addresses = {event["address"] for event in client.events("peer_connected")}
        check(addresses and all(address.startswith("[::1]:") for address in addresses), f"peers: {addresses}")


def dialled_over_both():
    with Lab("families") as lab:
        payload = Payload(lab)
        _, port = start_seeder(lab, payload)
        for name, ip in (("four", "127.0.0.1"), ("six", "[::1]")):
            client, outdir = start_client(lab, name, payload, "--peers",
                                          peers_file(lab, f"{ip}:{port}", name=f"{name}.peers"))
            downloaded(lab, client, payload, outdir)


def port_taken_over_ipv6():
    """A port that was asked for is had over both, or not at all; --bind asks for one."""
    with Lab("families") as lab:
        payload = Payload(lab)
        _, port = start_seeder(lab, payload)
        with socket.socket(socket.AF_INET6) as six:
            six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            six.bind(("::", 0))
            six.listen()
            taken = str(six.getsockname()[1])
            client, _ = start_client(lab, "refused", payload, "--port", taken)
            ends_with(lab, client, EXIT_LISTEN)
            says_one_line(client, "in use")
            peers = peers_file(lab, f"127.0.0.1:{port}")
            client, _ = start_client(lab, "bound", payload, "--port", taken, "--bind", "127.0.0.1", "--peers", peers)
            ends_with(lab, client, EXIT_OK)


def listens_apart():
    """--listen is where connections are taken, in one family; --bind is still where we dial from."""
    with Lab("families") as lab:
        payload = Payload(lab)
        _, port = start_seeder(lab, payload)
        client, outdir = start_client(lab, "client", payload, "--listen", "[::1]:0", "--bind", "127.0.0.9",
                                      "--peers", peers_file(lab, f"127.0.0.1:{port}"), "--seed-time", "-1")
        lab.wait_until(lambda: client.has_event("completed"), "the client is complete", [client])
        ip, port_of_client = client.listen_endpoint()
        check(ip == "[::1]", f"listens at {ip}")
        last, outdir = start_client(lab, "last", payload, "--peers",
                                    peers_file(lab, f"[::1]:{port_of_client}", name="last.peers"))
        downloaded(lab, last, payload, outdir)
        seen = [event["address"] for event in client.events("peer_connected")]
        check(any(address == f"127.0.0.1:{port}" for address in seen), f"the client's peers: {seen}")


try:
    socket.create_server(("::1", 0), family=socket.AF_INET6).close()
except OSError as reason:
    print(f"no IPv6 on loopback: {reason}")
    sys.exit(SKIPPED)
main({case.__name__: case for case in (download_over_ipv6, dialled_over_both, port_taken_over_ipv6, listens_apart)})
