"""Throwaway certificate chains, and small files signed with them. No key outlives a test."""

import io
import json
import wave
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from PIL import Image

from verascope.provenance.library import load

EMAIL = "1.3.6.1.5.5.7.3.4"
TIME_STAMPING = "1.3.6.1.5.5.7.3.8"
OCSP_SIGNING = "1.3.6.1.5.5.7.3.9"
CLAIM_SIGNING = "1.3.6.1.4.1.62558.2.1"
SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
DAY = timedelta(days=1)


class Authority(NamedTuple):
    """A root or an intermediate: what it is called, its key, and the certificates above a leaf."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    between: tuple[x509.Certificate, ...] = ()

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


class Credentials(NamedTuple):
    """What a signer needs: chain, leaf first, and the leaf's key; both PEM."""

    chain: bytes
    key: bytes


def authority(name: str = "Throwaway Root", above: Authority | None = None) -> Authority:
    """A root of its own, or an intermediate under `above`."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = above.certificate.subject if above else _name(name, "Throwaway")
    signed_by = above.key if above else key
    builder = _builder(_name(name, "Throwaway"), issuer, key, signed_by)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
    certificate = builder.add_extension(_usage(authority=True), True).sign(
        signed_by, hashes.SHA256()
    )
    return Authority(certificate, key, (certificate, *above.between) if above else ())


def credentials(
    root: Authority,
    name: str = "Verascope Test Signer",
    organization: str = "Throwaway",
    purposes: tuple[str, ...] = (EMAIL,),
    lasts: timedelta = 30 * DAY,
    purposes_critical: bool = False,
) -> Credentials:
    """A leaf under an authority, valid from yesterday on."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject, issuer = _name(name, organization), root.certificate.subject
    builder = _builder(subject, issuer, key, root.key, lasts)
    builder = builder.add_extension(_usage(authority=False), True)
    usage = x509.ExtendedKeyUsage([x509.ObjectIdentifier(each) for each in purposes])
    leaf = builder.add_extension(usage, purposes_critical).sign(root.key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    return Credentials(
        b"".join(each.public_bytes(pem) for each in (leaf, *root.between)),
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def self_signed(name: str = "Of My Own") -> Credentials:
    """A signer without any authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(_name(name, name), _name(name, name), key, key)
    usage = x509.ExtendedKeyUsage([x509.ObjectIdentifier(EMAIL)])
    certificate = builder.add_extension(_usage(authority=False), True).add_extension(usage, False)
    pem = serialization.Encoding.PEM
    return Credentials(
        certificate.sign(key, hashes.SHA256()).public_bytes(pem),
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def _name(common: str, organization: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    lasts: timedelta = 30 * DAY,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + lasts)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False
        )
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


class Ingredient(NamedTuple):
    """A file that goes into another one."""

    data: bytes
    media_type: str
    relationship: str = "parentOf"
    title: str = "parent"


def created(source_type: str = "trainedAlgorithmicMedia") -> dict[str, Any]:
    """The action that a medium begins with."""
    return {"action": "c2pa.created", "digitalSourceType": SOURCE_TYPES + source_type}


def sign(
    data: bytes,
    media_type: str,
    signer: Credentials,
    actions: list[dict[str, Any]] | None = None,
    ingredient: Ingredient | None = None,
    *,
    anchors: bytes | None = None,
    more: dict[str, Any] | None = None,
    remote_url: str | None = None,
) -> bytes:
    """A file with a manifest; with an ingredient, its first action opens or places that."""
    c2pa = load()
    manifest = {
        "claim_generator_info": [{"name": "verascope-tests", "version": "1"}],
        "title": "a test file",
        "assertions": [
            {"label": "c2pa.actions", "data": {"actions": actions or [created()]}},
            *(more or {}).pop("assertions", []),
        ],
        **(more or {}),
    }
    context = c2pa.Context.from_dict(_settings(anchors))
    with c2pa.Builder(json.dumps(manifest), context=context) as builder:
        if ingredient is not None:
            record = {"title": ingredient.title, "relationship": ingredient.relationship}
            builder.add_ingredient(
                json.dumps(record | {"label": "below"}),
                ingredient.media_type,
                io.BytesIO(ingredient.data),
            )
        if remote_url is not None:
            builder.set_remote_url(remote_url)
            builder.set_no_embed()
        out = io.BytesIO()
        builder.sign(_signer(c2pa, signer), media_type, io.BytesIO(data), out)
    return out.getvalue()


def opened() -> dict[str, Any]:
    """The first action on a file that was made from the ingredient."""
    return {"action": "c2pa.opened", "parameters": {"ingredientIds": ["below"]}}


def placed() -> dict[str, Any]:
    """The ingredient was put into the file."""
    return {"action": "c2pa.placed", "parameters": {"ingredientIds": ["below"]}}


def _signer(c2pa: Any, signer: Credentials) -> Any:
    info = c2pa.C2paSignerInfo(b"es256", signer.chain, signer.key, None)
    return c2pa.Signer.from_info(info)


def _settings(anchors: bytes | None) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "verify": {"verify_after_sign": False, "remote_manifest_fetch": False},
        "builder": {"thumbnail": {"enabled": False}},
        "trust": {"trust_config": f"{CLAIM_SIGNING}\n{EMAIL}\n"},
    }
    if anchors:
        settings["trust"]["trust_anchors"] = anchors.decode()
    return settings


def picture(kind: str = "JPEG", side: int = 96) -> bytes:
    """A small noisy picture, so that its coded data is long enough to change."""
    noise = np.random.default_rng(5).integers(0, 256, (side, side, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, kind)
    return out.getvalue()


def sound() -> bytes:
    """A tenth of a second of noise as WAV."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(np.random.default_rng(5).integers(0, 256, 1600, np.uint8).tobytes())
    return out.getvalue()


def tone() -> bytes:
    """Forty empty frames of MPEG-1 layer III at 128 kbit/s and 44.1 kHz: silence as MP3."""
    return (b"\xff\xfb\x90\x64" + bytes(413)) * 40


def box(kind: bytes, *parts: bytes) -> bytes:
    """One box of an MP4 file."""
    body = b"".join(parts)
    return (8 + len(body)).to_bytes(4, "big") + kind + body


def clip() -> bytes:
    """An MP4 file of a movie header without tracks, and media data."""
    matrix = b"".join(
        number.to_bytes(4, "big") for number in (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    )
    times = bytes(12) + (1000).to_bytes(4, "big") + (40).to_bytes(4, "big")
    rates = (1 << 16).to_bytes(4, "big") + (256).to_bytes(2, "big") + bytes(10)
    header = box(b"mvhd", times, rates, matrix, bytes(24), (2).to_bytes(4, "big"))
    data = box(b"mdat", bytes(range(256)) * 8)
    return box(b"ftyp", b"isom", bytes(4), b"isommp42") + box(b"moov", header) + data


MEDIA = {
    "image/jpeg": lambda: picture("JPEG"),
    "image/png": lambda: picture("PNG"),
    "image/webp": lambda: picture("WEBP"),
    "image/avif": lambda: picture("AVIF"),
    "video/mp4": clip,
    "audio/wav": sound,
    "audio/mpeg": tone,
}


def flip(data: bytes, at: int) -> bytes:
    """The bytes with one bit changed."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def flip_media(data: bytes, media_type: str) -> bytes:
    """The file with one bit of its picture or sound changed."""
    if media_type == "image/png":
        return flip(data, data.rindex(b"IDAT") + 200)
    if media_type == "image/jpeg":
        return flip(data, len(data) - 200)
    if media_type == "image/webp":
        return flip(data, data.index(b"VP8 ") + 400)
    if media_type == "video/mp4":
        return flip(data, data.rindex(b"mdat") + 400)
    if media_type == "audio/wav":
        return flip(data, data.index(b"data") + 400)
    return flip(data, len(data) - 200)


def flip_assertion(data: bytes) -> bytes:
    """The file with one byte of its first manifest's source type changed."""
    return flip(data, data.index(b"trainedAlgorithmicMedia"))


def write_root(root: Authority, folder: Path) -> str:
    """The authority as a trust list of its own; returns its name."""
    path = folder / f"{root.certificate.serial_number}.pem"
    path.write_bytes(root.pem)
    return str(path)
