"""Fetching over TLS: only from whom a known authority names, for this host, and now."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.provenance import chain
from verascope.provenance.fetch import FetchError, fetch
from verascope.settings import Online

HOST = "credentials.example"
ONLINE = Online(private=("127.0.0.1",), timeout_s=5)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"here")

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving(
    folder: Path, root: chain.Authority, host: str = HOST, lasts: timedelta = chain.DAY
) -> Iterator[str]:
    """A server with a certificate for a host; its address."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        chain._builder(
            chain._name(host, "Throwaway"), root.certificate.subject, key, root.key, lasts
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .sign(root.key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(private + certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    with HTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://{HOST}:{server.server_port}/m.c2pa"
        server.shutdown()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> chain.Authority:
    """An authority that this machine knows, for the time of a test."""
    root = chain.authority()
    (tmp_path / "known.pem").write_bytes(root.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "known.pem"))
    return root


def here(host: str, port: int) -> list[str]:
    """The host's addresses, as a name server would give them."""
    return ["127.0.0.1"]


def test_a_known_host_is_asked(root: chain.Authority, tmp_path: Path) -> None:
    with serving(tmp_path, root) as url:
        assert fetch(url, ONLINE, here) == b"here"


@pytest.mark.parametrize("fault", ["unknown authority", "another host", "expired"])
def test_others_are_refused(root: chain.Authority, tmp_path: Path, fault: str) -> None:
    by = chain.authority("Stranger") if fault == "unknown authority" else root
    host = "another.example" if fault == "another host" else HOST
    lasts = -chain.DAY / 2 if fault == "expired" else chain.DAY
    with (
        serving(tmp_path, by, host, lasts) as url,
        pytest.raises(FetchError, match=r"did not answer.*certificate"),
    ):
        fetch(url, ONLINE, here)
