"""A real time-stamp authority (RFC 3161) on this machine: `openssl ts` behind a loopback server."""

import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.provenance import chain

OPENSSL = shutil.which("openssl")
CONFIGURATION = """
[tsa]
serial = {folder}/serial
signer_cert = {folder}/leaf.pem
certs = {folder}/chain.pem
signer_key = {folder}/key.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


class TimeStampServer(ThreadingHTTPServer):
    """Answers POST /; other paths misbehave, each as its name says.

    Attributes:
        root: the authority above it, PEM.
        asked: the paths that were asked, in their order.
    """

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.root = _authority(folder)
        self.asked: list[str] = []

    def url(self, path: str = "/") -> str:
        """The address of this server."""
        return f"http://127.0.0.1:{self.server_port}{path}"

    def reply(self, query: bytes) -> bytes:
        """What openssl answers to a query, DER."""
        asked = self.folder / "query.tsq"
        asked.write_bytes(query)
        command = ["ts", "-reply", "-config", str(self.folder / "tsa.cnf"), "-section", "tsa"]
        done = subprocess.run(
            [OPENSSL or "openssl", *command, "-queryfile", str(asked)],
            capture_output=True,
            check=True,
        )
        return done.stdout

    def query_of(self, data: bytes) -> bytes:
        """A query for a stamp of some bytes."""
        command = [OPENSSL or "openssl", "ts", "-query", "-sha256", "-cert", "-data", "/dev/stdin"]
        return subprocess.run(command, input=data, capture_output=True, check=True).stdout


class _Handler(BaseHTTPRequestHandler):
    server: TimeStampServer

    def do_POST(self) -> None:
        self.server.asked.append(self.path)
        query = self.rfile.read(int(self.headers["Content-Length"]))
        match self.path:
            case "/":
                self._send(self.server.reply(query))
            case "/garbage":
                self._send(b"<html>no stamps today</html>")
            case "/another":  # a stamp of something else
                self._send(self.server.reply(self.server.query_of(b"something else")))
            case "/away":
                self.send_response(307)
                self.send_header("Location", "/")
                self.send_header("Content-Length", "0")
                self.end_headers()
            case "/big":
                self._pour()
            case "/slow":
                self._drip()
            case _:
                self.send_error(500)

    def do_GET(self) -> None:
        self.server.asked.append("GET " + self.path)
        self.send_error(404)

    def _send(self, data: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _pour(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            for _ in range(500):
                self.wfile.write(bytes(1 << 20))
        except OSError:
            return

    def _drip(self) -> None:
        """A byte now and then, so that no single read is late."""
        self.send_response(200)
        self.end_headers()
        try:
            for _ in range(600):
                self.wfile.write(b"0")
                time.sleep(0.1)
        except OSError:
            return

    def log_message(self, format: str, *args: object) -> None:
        pass


def _authority(folder: Path) -> bytes:
    """Write key, chain and configuration; the root's PEM."""
    root = chain.authority("Throwaway Clock Root")
    leaf = chain.credentials(
        root, "Throwaway Clock", purposes=(chain.TIME_STAMPING,), purposes_critical=True
    )
    (folder / "leaf.pem").write_bytes(leaf.chain)
    (folder / "chain.pem").write_bytes(root.pem)
    (folder / "key.pem").write_bytes(leaf.key)
    (folder / "serial").write_text("01\n")
    (folder / "tsa.cnf").write_text(CONFIGURATION.format(folder=folder))
    return root.pem


@contextmanager
def serving(folder: Path) -> Iterator[TimeStampServer]:
    """A server with a chain of its own, in an empty folder."""
    with TimeStampServer(folder) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
