"""Which signers are known: trust lists by name, and the library's contexts that ask them.

This is the one place where the library's settings are written. It ignores a key that it does not
know without a word, so tests hold that a known signer comes out trusted with what stands here.
"""

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from verascope.errors import UsageError
from verascope.provenance.library import load

LISTS = Path(__file__).parent / "lists"
INTERIM = "interim"  # frozen, without time-stamp authorities
NAMES = ("official", INTERIM, "none")
TIME_STAMP_PREFIX = "tsa:"
PEM_BEGIN = "-----BEGIN CERTIFICATE-----"

# The purposes that a signing certificate may have: C2PA claim signing, e-mail protection, document
# signing, Microsoft's C2PA signing. The library adds time stamping and OCSP to them on its own.
SIGNING_PURPOSES = frozenset(
    {
        "1.3.6.1.4.1.62558.2.1",
        "1.3.6.1.5.5.7.3.4",
        "1.3.6.1.5.5.7.3.36",
        "1.3.6.1.4.1.311.76.59.1.9",
    }
)


class TrustList(NamedTuple):
    """Certificates in PEM: authorities of signers, of time stamps, and single signers."""

    name: str
    signers: str = ""
    time_stamps: str = ""
    allowed: str = ""


class Contexts(NamedTuple):
    """The library's contexts for some trust lists, and what was decided with them so far.

    The library counts a time-stamp authority as a signer's authority too, so `everything` alone
    may not say `trusted`: each list's context knows signers only, and checks no time stamp.

    An expired certificate needs a known time. Who could know it is listed by some of the lists;
    the signers' lists in `time_matters` are held to that. The interim list never is: its program
    named no time-stamp authorities.
    """

    everything: Any
    by_list: dict[str, Any]
    time_matters: frozenset[str]
    decisions: dict[tuple[bytes, ...], "Decision"]


class Decision(NamedTuple):
    """What is known of a chain of certificates: the leaf, may it sign, which lists know it."""

    serial_number: str
    may_sign: bool
    valid_until: datetime
    known_to: tuple[str, ...]


@cache
def resolve(wanted: tuple[str, ...]) -> tuple[TrustList, ...]:
    """Read the lists that are named; a file is read once a process.

    A name is official, interim, none, one that was imported, PATH.pem or tsa:PATH.pem.

    Raises:
        UsageError: no such list, no or a broken certificate in the file, or `none` beside
            another list.
    """
    if "none" in wanted and len(wanted) > 1:
        raise UsageError("trust: none cannot be combined with another list")
    return tuple(_read(name) for name in dict.fromkeys(wanted) if name != "none")


def _read(name: str) -> TrustList:
    if name == "official":
        folder = LISTS / "official"
        return TrustList(
            name,
            signers=_pem(folder / "C2PA-TRUST-LIST.pem"),
            time_stamps=_pem(folder / "C2PA-TSA-TRUST-LIST.pem"),
        )
    if name == "interim":
        folder = LISTS / "interim"
        return TrustList(
            name, signers=_pem(folder / "anchors.pem"), allowed=_pem(folder / "allowed.pem")
        )
    if name.startswith(TIME_STAMP_PREFIX):
        return TrustList(name, time_stamps=local(Path(name.removeprefix(TIME_STAMP_PREFIX))))
    return TrustList(name, signers=local(_path(name)))


def _path(name: str) -> Path:
    """The file of a list that the user keeps or names."""
    from verascope.provenance.local_lists import names, path_of

    kept = path_of(name)
    if kept is not None:
        return kept
    if not name.endswith((".pem", ".crt", ".cer")):
        raise UsageError(
            f"trust: no list is called {name!r}; use {', '.join((*NAMES, *names()))} or PATH.pem"
        )
    return Path(name)


def local(path: Path | str) -> str:
    """The text of a list of the user's own: every certificate in it must be readable.

    The library would leave a broken one out without a word, and then trust nobody.

    Raises:
        UsageError: it cannot be read, or holds no or a broken certificate.
    """
    from cryptography import x509

    text = _pem(Path(path))
    try:
        x509.load_pem_x509_certificates(text.encode())
    except ValueError as error:
        raise UsageError(f"trust: {path} holds a broken certificate: {error}") from error
    return text


def _pem(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"trust: {path} cannot be read: {error}") from error
    if PEM_BEGIN not in text:
        raise UsageError(f"trust: {path} holds no certificate in PEM form")
    return text


@cache
def contexts(wanted: tuple[str, ...]) -> Contexts:
    """The contexts for these lists, built once a process (about 1 ms each).

    Raises:
        UsageError: as `resolve`.
    """
    lists = resolve(wanted)
    signers = {each.name: _signers(each) for each in lists if each.signers}
    stamps = [_time_stamps(each) for each in lists if each.time_stamps]
    return Contexts(
        everything=_context([*signers.values(), *stamps], check_time_stamps=True),
        by_list={
            name: _context([anchor], check_time_stamps=False) for name, anchor in signers.items()
        },
        time_matters=frozenset(signers) - {INTERIM} if stamps else frozenset(),
        decisions={},
    )


def _signers(trust_list: TrustList) -> dict[str, str]:
    anchor = {
        "trust_anchors": trust_list.signers,
        "trust_uri": _uri(trust_list),
        "trust_kind": "manifest",
    }
    return anchor | ({"allowed_list": trust_list.allowed} if trust_list.allowed else {})


def _uri(trust_list: TrustList) -> str:
    """The library writes it into what it signs, where the folders of this machine have no place."""
    return Path(trust_list.name.removeprefix(TIME_STAMP_PREFIX)).name


def _time_stamps(trust_list: TrustList) -> dict[str, str]:
    return {
        "trust_anchors": trust_list.time_stamps,
        "trust_uri": f"{_uri(trust_list)} time stamps",
        "trust_kind": "tsa",
    }


def _context(anchors: list[dict[str, str]], *, check_time_stamps: bool) -> Any:
    return load().Context.from_dict(_settings(anchors, check_time_stamps=check_time_stamps))


def _settings(anchors: list[dict[str, str]], *, check_time_stamps: bool) -> dict[str, Any]:
    """No network, no identities of others, the signing purposes of C2PA, and these anchors."""
    trust: dict[str, Any] = {"trust_config": "\n".join(sorted(SIGNING_PURPOSES)) + "\n"}
    return {
        "verify": {
            "remote_manifest_fetch": False,
            "ocsp_fetch": False,
            "verify_timestamp_trust": check_time_stamps,
        },
        "core": {"allowed_network_hosts": [], "decode_identity_assertions": False},
        "builder": {"thumbnail": {"enabled": False}},
        "trust": trust | ({"anchors": anchors} if anchors else {}),
    }
