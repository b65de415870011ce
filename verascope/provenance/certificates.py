"""A throwaway chain of certificates to sign with while developing. Nobody else trusts it."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ORGANIZATION = "Verascope development (trusted by nobody)"
CLAIM_SIGNING = "1.3.6.1.4.1.62558.2.1"
EMAIL_PROTECTION = "1.3.6.1.5.5.7.3.4"
DAY = timedelta(days=1)


class DevChain(NamedTuple):
    """All PEM: the root to trust, the chain to sign with (leaf first), the leaf's key (PKCS#8)."""

    root: bytes
    chain: bytes
    key: bytes


def dev_chain(name: str = "Verascope development signer", days: int = 90) -> DevChain:
    """A root and a leaf under it that meet the C2PA certificate profile.

    The root's key is thrown away at once, so no second leaf can ever come from it.

    Args:
        name: what the signer is called.
        days: how long the leaf can sign, from today.
    """
    root_key, leaf_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root_name, leaf_name = _name(f"Root of: {name}"), _name(name)
    root = _builder(root_name, root_name, root_key, root_key, days + 1)
    root = root.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    root = root.add_extension(_usage(authority=True), critical=True)
    leaf = _builder(leaf_name, root_name, leaf_key, root_key, days)
    leaf = leaf.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    leaf = leaf.add_extension(_usage(authority=False), critical=True)
    purposes = [x509.ObjectIdentifier(each) for each in (CLAIM_SIGNING, EMAIL_PROTECTION)]
    leaf = leaf.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    return DevChain(
        root=_pem(root.sign(root_key, hashes.SHA256())),
        chain=_pem(leaf.sign(root_key, hashes.SHA256())),
        key=leaf_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64]),
        ]
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    days: int,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY / 24)
        .not_valid_after(now + days * DAY)
        .add_extension(own, critical=False)
        .add_extension(above, critical=False)
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
