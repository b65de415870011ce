"""Whether a signer's certificate was withdrawn: OCSP (RFC 6960), asked only with `--online`.

The address stands in the certificate, so it comes from anyone: it is asked by the same client and
under the same limits as a remote credential, in a process of its own, which also reads the answer.
An answer counts only if it is about this certificate, signed by its issuer or by whom the issuer
appointed for it, and of our days.
"""

import base64
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeAlias
from urllib.parse import quote

import msgspec
from msgspec import Struct

from verascope.errors import InputTrouble
from verascope.media.sandbox import Sandbox
from verascope.media.wire import Array
from verascope.provenance.fetch import FetchError, fetch
from verascope.provenance.signature import signing_chain
from verascope.provenance.trust import resolve
from verascope.result import Outcome, Provenance, ProvenanceWarning
from verascope.settings import Online

FUNCTION = "verascope.provenance.revocation:answer"
MEMORY_BYTES = 1_000_000_000
UNCHECKED = "revocation_not_checked"
CODES = {"unknown": UNCHECKED, "good": "not_revoked", "revoked": "revoked"}
SKEW = timedelta(minutes=5)  # of clocks
OLDEST = timedelta(days=7)  # of an answer that does not say when the next one comes
Status: TypeAlias = Literal["good", "revoked", "unknown"]


class RevocationRequest(Struct, frozen=True):
    """A manifest store, the manifest whose signer is meant, lists with issuers, and the limits."""

    store: bytes
    label: str
    trust: tuple[str, ...]
    online: Online


class Revocation(Struct, frozen=True):
    """What the authority said; `unknown` with the reason where nothing that counts was said."""

    status: Status
    why: str = ""


def ask(request: RevocationRequest) -> Revocation:
    """In the parent: have the authority asked, in a process that is killed at the deadline."""
    timeout = request.online.timeout_s
    try:
        with Sandbox(FUNCTION, memory_bytes=MEMORY_BYTES, timeout_s=timeout) as sandbox:
            (message,) = sandbox.call(msgspec.msgpack.encode(request))
    except InputTrouble as trouble:
        return Revocation("unknown", f"it took too long or failed ({trouble.reason})")
    return msgspec.msgpack.decode(message.data, type=Revocation)


def told(before: Provenance, found: Revocation) -> Provenance:
    """What is known now. Who was withdrawn is trusted by nobody, whenever it was."""
    words = {
        "unknown": f"Whether the signer's certificate was withdrawn is not known: {found.why}.",
        "good": "The issuer of the signer's certificate says that it was not withdrawn. Whoever "
        "runs its address could see that it was asked.",
        "revoked": "The issuer of the signer's certificate has withdrawn it: nobody vouches for "
        "what it signed.",
    }
    warning = ProvenanceWarning(code=CODES[found.status], statement=words[found.status])
    warnings = tuple(warning if each.code == UNCHECKED else each for each in before.warnings)
    now = msgspec.structs.replace(before, warnings=warnings)
    if found.status != "revoked":
        return now
    distrusted = {"trusted": False}
    return msgspec.structs.replace(
        now,
        outcome=Outcome.VALID_UNTRUSTED,
        trusted_by=(),
        signer=now.signer and msgspec.structs.replace(now.signer, **distrusted),
        claims=tuple(msgspec.structs.replace(each, **distrusted) for each in now.claims),
    )


def answer(request: bytes) -> Iterator[tuple[bytes, Sequence[Array]]]:
    """In the worker: ask one authority; one message."""
    asked = msgspec.msgpack.decode(request, type=RevocationRequest)
    try:
        status: Status = _asked(asked)
        found = Revocation(status)
    except FetchError as error:
        found = Revocation("unknown", str(error))
    yield msgspec.msgpack.encode(found), ()


def _asked(asked: RevocationRequest) -> Status:
    """Fetch and read.

    Raises:
        FetchError: there is nobody to ask, nobody answered, or the answer does not count.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.x509 import ocsp

    chain = signing_chain(asked.store, asked.label)
    if not chain:
        raise FetchError("the signer's certificate could not be read")
    try:
        leaf = x509.load_der_x509_certificate(chain[0])
        issuer = _issuer(leaf, chain[1:], asked.trust)
        url = _address(leaf)
        request = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, hashes.SHA1()).build()
    except (ValueError, TypeError) as error:
        raise FetchError(f"the signer's certificate cannot be asked about ({error})") from error
    encoded = base64.b64encode(request.public_bytes(serialization.Encoding.DER)).decode()
    data = fetch(f"{url.rstrip('/')}/{quote(encoded, safe='')}", asked.online)
    try:
        return _read(ocsp.load_der_ocsp_response(data), request, issuer)
    except ValueError as error:
        raise FetchError(f"what was answered is no OCSP response ({error})") from error


def _address(leaf: Any) -> str:
    """Where the certificate says that it can be asked about."""
    from cryptography import x509
    from cryptography.x509.oid import AuthorityInformationAccessOID

    try:
        access = leaf.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound as error:
        raise FetchError("its certificate names no address to ask") from error
    for each in access:
        if each.access_method == AuthorityInformationAccessOID.OCSP:
            return str(each.access_location.value)
    raise FetchError("its certificate names no address to ask")


def _issuer(leaf: Any, above: Sequence[bytes], trust: tuple[str, ...]) -> Any:
    """The certificate that signed the leaf: of the credential's chain, or of the trust lists."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

    found = [x509.load_der_x509_certificate(each) for each in above]
    for each in resolve(trust):
        if each.signers:
            found += x509.load_pem_x509_certificates(each.signers.encode())
    for candidate in found:
        if candidate.subject == leaf.issuer:
            try:
                leaf.verify_directly_issued_by(candidate)
            except (ValueError, TypeError, InvalidSignature):
                continue
            return candidate
    raise FetchError("its issuer's certificate is not at hand")


def _read(response: Any, request: Any, issuer: Any) -> Status:
    """What a response says, if it counts."""
    from cryptography.x509 import ocsp

    if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise FetchError(f"the authority answered {response.response_status.name.lower()}")
    mine = ("serial_number", "issuer_name_hash", "issuer_key_hash")
    if any(getattr(response, name) != getattr(request, name) for name in mine):
        raise FetchError("the authority answered about another certificate")
    _check_signature(response, issuer)
    now = datetime.now(UTC)
    latest = response.next_update_utc or response.this_update_utc + OLDEST
    if not response.this_update_utc - SKEW <= now <= latest + SKEW:
        raise FetchError("the authority's answer is not of our days")
    if response.certificate_status is ocsp.OCSPCertStatus.REVOKED:
        return "revoked"
    if response.certificate_status is not ocsp.OCSPCertStatus.GOOD:
        raise FetchError("the authority does not know the certificate")
    return "good"


def _check_signature(response: Any, issuer: Any) -> None:
    """See that the issuer signed the response, or one whom it appointed for this."""
    from cryptography.exceptions import InvalidSignature

    responders = [issuer, *(each for each in response.certificates if _appointed(each, issuer))]
    for responder in responders:
        try:
            _verify(responder.public_key(), response)
        except (InvalidSignature, TypeError, ValueError):
            continue
        return
    raise FetchError("the answer is not signed by the issuer, nor by whom it appointed")


def _appointed(certificate: Any, issuer: Any) -> bool:
    """Whether the issuer made a certificate for signing such answers, and it is valid now."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.x509.oid import ExtendedKeyUsageOID

    try:
        certificate.verify_directly_issued_by(issuer)
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    valid = certificate.not_valid_before_utc <= datetime.now(UTC) <= certificate.not_valid_after_utc
    return ExtendedKeyUsageOID.OCSP_SIGNING in usage and valid


def _verify(key: Any, response: Any) -> None:
    """Check a response's signature with a key.

    Raises:
        InvalidSignature: it is another's.
        TypeError: a kind of key that is not taken.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

    signed = (response.signature, response.tbs_response_bytes)
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(*signed, ec.ECDSA(response.signature_hash_algorithm))
    elif isinstance(key, rsa.RSAPublicKey):
        key.verify(*signed, padding.PKCS1v15(), response.signature_hash_algorithm)
    elif isinstance(key, ed25519.Ed25519PublicKey):
        key.verify(*signed)
    else:
        raise TypeError("a key of another kind")
