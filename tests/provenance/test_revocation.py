"""OCSP, by a responder on this machine: withdrawn is never trusted, strangers are not heard."""

import base64
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from tests.provenance import chain
from verascope.result import Outcome, Provenance
from verascope.scanner import Scanner
from verascope.settings import Online, Settings

LOOPBACK = ("127.0.0.1",)
NOW = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
HOUR = timedelta(hours=1)


class Responder(ThreadingHTTPServer):
    """Answers GET with what `reply` makes of the request's certificate number."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.reply: Callable[[ocsp.OCSPRequest], bytes] = lambda _: b""
        self.asked = 0


class _Handler(BaseHTTPRequestHandler):
    server: Responder

    def do_GET(self) -> None:
        self.server.asked += 1
        encoded = unquote(self.path.rsplit("/", 1)[-1])
        data = self.server.reply(ocsp.load_der_ocsp_request(base64.b64decode(encoded)))
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Case:
    """A signer under a root, a file signed by it, and a responder that knows both."""

    def __init__(self, folder: Path, responder: Responder) -> None:
        self.responder = responder
        self.root = chain.authority("Root That Withdraws")
        self.leaf, credentials = self._signer(f"http://127.0.0.1:{responder.server_port}/ocsp")
        self.file = folder / "signed.jpg"
        self.file.write_bytes(chain.sign(chain.picture(), "image/jpeg", credentials))
        self.trust = folder / "root.pem"
        self.trust.write_bytes(self.root.pem)

    def _signer(self, url: str) -> tuple[x509.Certificate, chain.Credentials]:
        key = ec.generate_private_key(ec.SECP256R1())
        name = chain._name("Signer", "Throwaway")
        access = x509.AccessDescription(
            AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(url)
        )
        usage = x509.ExtendedKeyUsage([x509.ObjectIdentifier(chain.EMAIL)])
        leaf = (
            chain._builder(name, self.root.certificate.subject, key, self.root.key)
            .add_extension(chain._usage(authority=False), True)
            .add_extension(usage, False)
            .add_extension(x509.AuthorityInformationAccess([access]), False)
            .sign(self.root.key, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        private = key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return leaf, chain.Credentials(leaf.public_bytes(pem), private)

    def says(self, status: ocsp.OCSPCertStatus, **changes: Any) -> None:
        """Let the responder say this; `by` another authority, `of` another certificate, …"""
        by, of = changes.get("by", self.root), changes.get("of", self.leaf)
        this = changes.get("this", NOW - HOUR)
        revoked = NOW - HOUR if status is ocsp.OCSPCertStatus.REVOKED else None
        builder = ocsp.OCSPResponseBuilder().add_response(
            cert=of,
            issuer=self.root.certificate,
            algorithm=hashes.SHA1(),
            cert_status=status,
            this_update=this,
            next_update=this + 2 * HOUR,
            revocation_time=revoked,
            revocation_reason=None,
        )
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, by.certificate)
        if by is not self.root:
            builder = builder.certificates([by.certificate])
        data = builder.sign(by.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
        self.responder.reply = lambda _: data

    def verify(self, online: Online | None = None) -> Provenance:
        settings = Settings(
            trust=(str(self.trust),), online=online or Online(private=LOOPBACK, timeout_s=5)
        )
        with Scanner(settings) as scanner:
            return found_by(scanner, self.file)

    def appointed(self, purpose: x509.ObjectIdentifier) -> chain.Authority:
        """A responder's own key and certificate, from the root, for a purpose."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = chain._builder(
            chain._name("Responder", "Throwaway"),
            self.root.certificate.subject,
            key,
            self.root.key,
        )
        certificate = builder.add_extension(x509.ExtendedKeyUsage([purpose]), False).sign(
            self.root.key, hashes.SHA256()
        )
        return chain.Authority(certificate, key)


def found_by(scanner: Scanner, file: Path) -> Provenance:
    found = scanner.verify(file).provenance
    assert found is not None
    return found


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    with Responder() as responder:
        thread = threading.Thread(target=responder.serve_forever, daemon=True)
        thread.start()
        yield Case(tmp_path_factory.mktemp("revocation"), responder)
        responder.shutdown()


def codes(answer: Provenance) -> set[str]:
    return {each.code for each in answer.warnings}


def test_nobody_is_asked_by_default(signer: Case) -> None:
    before = signer.responder.asked
    with Scanner(Settings(trust=(str(signer.trust),))) as scanner:
        answer = found_by(scanner, signer.file)
    assert answer.outcome is Outcome.TRUSTED
    assert "revocation_not_checked" in codes(answer)
    assert signer.responder.asked == before


def test_good_is_told(signer: Case) -> None:
    signer.says(ocsp.OCSPCertStatus.GOOD)
    answer = signer.verify()
    assert answer.outcome is Outcome.TRUSTED
    assert "not_revoked" in codes(answer) and "revocation_not_checked" not in codes(answer)


@pytest.mark.parametrize("appointed", [False, True])
def test_withdrawn_is_trusted_by_nobody(signer: Case, appointed: bool) -> None:
    by = signer.appointed(ExtendedKeyUsageOID.OCSP_SIGNING) if appointed else signer.root
    signer.says(ocsp.OCSPCertStatus.REVOKED, by=by)
    answer = signer.verify()
    assert (answer.outcome, answer.trusted_by) == (Outcome.VALID_UNTRUSTED, ())
    assert "revoked" in codes(answer)
    assert answer.signer is not None and not answer.signer.trusted
    assert not any(claim.trusted for claim in answer.claims)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("stranger", "not signed by the issuer"),
        ("wrong purpose", "not signed by the issuer"),
        ("other certificate", "another certificate"),
        ("old", "not of our days"),
        ("of tomorrow", "not of our days"),
        ("does not know", "does not know"),
        ("garbage", "no OCSP response"),
        ("refusal", "unauthorized"),
    ],
)
def test_what_does_not_count_is_not_heard(signer: Case, what: str, words: str) -> None:
    """A stranger can neither clear nor withdraw; it stays as if nobody had been asked."""
    good = ocsp.OCSPCertStatus.GOOD
    match what:
        case "stranger":
            signer.says(ocsp.OCSPCertStatus.REVOKED, by=chain.authority("Stranger"))
        case "wrong purpose":
            purpose = x509.ObjectIdentifier(chain.EMAIL)
            signer.says(ocsp.OCSPCertStatus.REVOKED, by=signer.appointed(purpose))
        case "other certificate":
            signer.says(good, of=signer._signer("http://127.0.0.1/")[0])
        case "old":
            signer.says(good, this=NOW - 30 * 24 * HOUR)
        case "of tomorrow":
            signer.says(good, this=NOW + 24 * HOUR)
        case "does not know":
            signer.says(ocsp.OCSPCertStatus.UNKNOWN)
        case "garbage":
            signer.responder.reply = lambda _: b"<html>"
        case "refusal":
            refusal = ocsp.OCSPResponseBuilder.build_unsuccessful(
                ocsp.OCSPResponseStatus.UNAUTHORIZED
            )
            data = refusal.public_bytes(serialization.Encoding.DER)
            signer.responder.reply = lambda _: data
    answer = signer.verify()
    assert answer.outcome is Outcome.TRUSTED
    [told] = [each for each in answer.warnings if each.code == "revocation_not_checked"]
    assert words in told.statement


def test_a_private_address_is_not_asked(signer: Case) -> None:
    signer.says(ocsp.OCSPCertStatus.REVOKED)
    before = signer.responder.asked
    answer = signer.verify(Online(timeout_s=5))
    assert answer.outcome is Outcome.TRUSTED
    assert "revocation_not_checked" in codes(answer)
    assert signer.responder.asked == before
