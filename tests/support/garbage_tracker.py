"""Trackers that answer badly: over HTTP with any bytes in any way, over UDP with any packets."""
import http.server
import socket
import threading


class GarbageTracker(http.server.ThreadingHTTPServer):
    """Answers each announce with one body, or lets `reply(handler)` answer. `asked` counts requests, `sent` the bytes
    that send() got rid of."""
    daemon_threads = True

    def __init__(self, lab, body=b"", status=200, reply=None):
        self.body, self.status, self.reply, self.asked, self.sent = body, status, reply, 0, 0
        super().__init__((lab.address(), 0), _Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.url = f"http://{self.server_address[0]}:{self.server_port}/announce"
        lab.on_close(self.server_close)
        lab.on_close(self.shutdown)

    def handle_error(self, request, client_address):
        pass  # a client that gives up on garbage hangs up


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked += 1
        if self.server.reply is not None:
            self.server.reply(self)
            return
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def send(self, data):
        """For replies that are written by hand."""
        self.wfile.write(data)
        self.server.sent += len(data)

    def log_message(self, *_):
        pass


class UdpTracker:
    """Answers each packet with the packets that reply(packet) yields; `asked` holds what came."""

    def __init__(self, lab, reply):
        self.reply, self.asked = reply, []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((lab.address(), 0))
        self.url = "udp://{}:{}/announce".format(*self._socket.getsockname())
        threading.Thread(target=self._serve, daemon=True).start()
        lab.on_close(self._socket.close)

    def _serve(self):
        while True:
            try:
                packet, source = self._socket.recvfrom(4096)
                self.asked.append(packet)
                for answer in self.reply(packet):
                    self._socket.sendto(answer, source)
            except OSError:  # closed
                return
