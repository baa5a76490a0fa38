"""A tracker that is down or answers garbage: with a working peer the download goes on, without one it ends with 4."""
import http.server
import threading
import time

from common import (DEAD_TRACKER, EXIT_TRACKERS, Lab, Payload, check, downloaded, ends_with, main, peers_file, says,
                    start_client, wire_peer)

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


class GarbageTracker(http.server.ThreadingHTTPServer):
    """Answers each announce with one body; with None it hangs up, or never ends its headers when told so."""
    daemon_threads = True

    def __init__(self, lab, body, status=200, endless_headers=False):
        self.body, self.status, self.endless_headers, self.asked = body, status, endless_headers, 0
        super().__init__((lab.address(), 0), GarbageReply)
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.url = f"http://{self.server_address[0]}:{self.server_port}/announce"
        lab.on_close(self.server_close)
        lab.on_close(self.shutdown)

    def handle_error(self, request, client_address):
        pass  # a client that gives up on garbage hangs up


class GarbageReply(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked += 1
        if self.server.endless_headers:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            for number in range(1000):
                self.wfile.write(b"X-%d: %s\r\n" % (number, b"x" * 1000))
                time.sleep(0.001)
        elif self.server.body is None:
            self.close_connection = True
        else:
            self.send_response(self.server.status)
            self.send_header("Content-Length", str(len(self.server.body)))
            self.end_headers()
            self.wfile.write(self.server.body)

    def log_message(self, *_):
        pass


def trackers(lab):
    """(name, url, the server) of each kind of garbage."""
    servers = {name: GarbageTracker(lab, body) for name, body in NONSENSE.items()}
    servers["status_500"] = GarbageTracker(lab, b"oops", 500)
    servers["hangs_up"] = GarbageTracker(lab, None)
    servers["endless_headers"] = GarbageTracker(lab, b"", endless_headers=True)
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


main({"down_with_peer": down_with_peer, "down_without_peer": down_without_peer,
      "garbage_with_peer": garbage_with_peer, "garbage_without_peer": garbage_without_peer})
