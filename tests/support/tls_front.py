"""A TLS front before an HTTP server, and certificate authorities for tests; python's ssl and the openssl program.

    authority = Authority(lab, "Test CA")
    front = TlsFront(lab, authority.issue("IP:" + ip), ip, (tracker_ip, tracker_port))
    … front.port, front.requests, authority.path …

The front opens its connection behind with the source address of the client, so that a tracker sees who asks.
"""
import socket
import ssl
import subprocess
import threading

MAX_REQUEST = 16384


class Authority:
    """Self-signed, with a key of its own; `path` is what --ca-file takes."""

    def __init__(self, lab, name):
        self.lab, self.name, self.issued = lab, name.replace(" ", "-"), 0
        self.key, self.path = lab.path(f"{self.name}.key"), lab.path(f"{self.name}.pem")
        _openssl("req", "-x509", *_new_key(self.key), "-out", self.path, "-days", "2", "-subj", f"/CN={name}")

    def issue(self, alternative_names):
        """(chain, key): paths of a server's certificate for these names ("IP:127.0.0.1,DNS:x.test")."""
        self.issued += 1
        stem = self.lab.path(f"{self.name}-{self.issued}")
        request, key, chain = f"{stem}.csr", f"{stem}.key", f"{stem}.pem"
        extensions = self.lab.write(f"{self.name}-{self.issued}.ext", f"subjectAltName={alternative_names}\n")
        _openssl("req", *_new_key(key), "-new", "-out", request, "-subj", "/CN=a tracker")
        _openssl("x509", "-req", "-in", request, "-CA", self.path, "-CAkey", self.key, "-CAcreateserial", "-out", chain,
                 "-days", "2", "-extfile", extensions)
        return chain, key


def _new_key(path):
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", path]


def _openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class TlsFront:
    """Passes one request and its whole reply on for each connection; `requests` holds their first lines."""

    def __init__(self, lab, certificate, ip, behind):
        self.behind, self.requests, self.refused = behind, [], 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*certificate)
        self._listener = socket.create_server((ip, 0))
        self.ip, self.port = self._listener.getsockname()
        lab.on_close(self._listener.close)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, address = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client, address[0]), daemon=True).start()

    def _serve(self, client, source):
        client.settimeout(10)
        try:
            with self._context.wrap_socket(client, server_side=True) as secure:
                request = b""
                while b"\r\n\r\n" not in request and len(request) < MAX_REQUEST:
                    part = secure.recv(4096)
                    if not part:
                        return
                    request += part
                self.requests.append(request.split(b"\r\n", 1)[0].decode("ascii", "replace"))
                with socket.create_connection(self.behind, timeout=10, source_address=(source, 0)) as behind:
                    behind.sendall(request)
                    while part := behind.recv(4096):
                        secure.sendall(part)
                secure.unwrap()
        except OSError:  # ssl.SSLError is one: the client does not trust us, or has gone
            self.refused += 1
            client.close()
