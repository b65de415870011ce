"""The signing certificates of one manifest, which no JSON of the library gives.

The library hands out the manifest store as it stands; from it only the path to one COSE signature
is followed. Whatever is odd on that path gives no chain, and without a chain nothing is trusted.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from verascope.provenance.trust import SIGNING_PURPOSES

STORE_LABEL = "c2pa"
SIGNATURE_LABEL = "c2pa.signature"
X5CHAIN = frozenset({33, "x5chain"})
MAX_CBOR_DEPTH = 16
MAX_CBOR_ITEMS = 10_000


class _MalformedError(ValueError):
    """The bytes are not what the specification says."""


class _Box(NamedTuple):
    kind: bytes
    body: bytes


def signing_chain(store: bytes, label: str) -> tuple[bytes, ...]:
    """The certificates (DER, leaf first) that manifest `label` is signed with; () if unclear."""
    try:
        manifest = _only(_children(_only(_boxes(store), STORE_LABEL)), label)
        signature = _only(_children(manifest), SIGNATURE_LABEL)
        cose = next((box.body for box in _children(signature) if box.kind == b"cbor"), b"")
        return _x5chain(cose)
    except _MalformedError:
        return ()


class Leaf(NamedTuple):
    """A signer's own certificate: its number, whether it is meant for signing media, its end."""

    serial_number: str
    may_sign: bool
    valid_until: datetime


def read_leaf(der: bytes) -> Leaf | None:
    """What counts of a certificate; None if it is none."""
    from cryptography import x509

    try:
        leaf = x509.load_der_x509_certificate(der)
        usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return None
    purposes = {each.dotted_string for each in usage}
    may_sign = not purposes.isdisjoint(SIGNING_PURPOSES)
    return Leaf(str(leaf.serial_number), may_sign, leaf.not_valid_after_utc)


def _boxes(data: bytes) -> Iterator[_Box]:
    """The JUMBF boxes that lie one after the other in some bytes."""
    position = 0
    while position < len(data):
        size = int.from_bytes(data[position : position + 4], "big")
        kind = data[position + 4 : position + 8]
        header = 8
        if size == 1:
            size, header = int.from_bytes(data[position + 8 : position + 16], "big"), 16
        size = size or len(data) - position
        if size < header or position + size > len(data):
            raise _MalformedError("a box does not fit")
        yield _Box(kind, data[position + header : position + size])
        position += size


def _children(superbox: _Box) -> list[_Box]:
    return list(_boxes(superbox.body))[1:]


def _label(superbox: _Box) -> str | None:
    """The label in a superbox's description: 16 bytes of type, a byte of flags, the text."""
    first = next(_boxes(superbox.body), _Box(b"", b""))
    if superbox.kind != b"jumb" or first.kind != b"jumd":
        return None
    return first.body[17:].partition(b"\0")[0].decode(errors="replace")


def _only(boxes: Iterator[_Box] | list[_Box], label: str) -> _Box:
    found = [box for box in boxes if _label(box) == label]
    if len(found) != 1:
        raise _MalformedError(f"{len(found)} boxes are labelled {label}")
    return found[0]


def _x5chain(cose: bytes) -> tuple[bytes, ...]:
    """Header 33 of a COSE_Sign1: [protected, unprotected, payload, signature]."""
    parts = _Cbor(cose).item()
    if not isinstance(parts, list) or len(parts) != 4 or not isinstance(parts[0], bytes):
        raise _MalformedError("not a COSE_Sign1")
    protected = _header(parts[0])
    chains = [
        value
        for header in (protected, parts[1])
        if isinstance(header, dict)
        for key, value in header.items()
        if key in X5CHAIN
    ]
    if len(chains) != 1:
        raise _MalformedError("not one chain")
    chain = chains[0] if isinstance(chains[0], list) else [chains[0]]
    if not chain or not all(isinstance(each, bytes) for each in chain):
        raise _MalformedError("a chain of something else")
    return tuple(chain)


@lru_cache(maxsize=512)
def _header(data: bytes) -> Any:
    """A protected header; the same bytes in every file of one signer."""
    return _Cbor(data).item() if data else {}


class _Cbor:
    """Enough of CBOR (RFC 8949) to read a COSE header: bounded, definite and indefinite lengths."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0
        self._items = 0

    def item(self, depth: int = 0) -> Any:
        self._items += 1
        if depth > MAX_CBOR_DEPTH or self._items > MAX_CBOR_ITEMS:
            raise _MalformedError("too deep or too many")
        first = self._take(1)[0]
        major, info = first >> 5, first & 31
        if major == 7:
            return self._simple(info)
        if info == 31:
            return self._indefinite(major, depth)
        return self._definite(major, self._argument(info), depth)

    def _definite(self, major: int, argument: int, depth: int) -> Any:
        match major:
            case 0:
                return argument
            case 1:
                return -1 - argument
            case 2:
                return self._take(argument)
            case 3:
                return self._take(argument).decode(errors="replace")
            case 4:
                return [self.item(depth + 1) for _ in range(self._bounded(argument))]
            case 5:
                return dict(self._pair(depth) for _ in range(self._bounded(argument)))
            case _:  # a tag: what it marks is what counts
                return self.item(depth + 1)

    def _indefinite(self, major: int, depth: int) -> Any:
        parts: list[Any] = []
        while self._data[self._position : self._position + 1] != b"\xff":
            parts.append(self._pair(depth) if major == 5 else self.item(depth + 1))
        self._position += 1
        match major:
            case 2:
                return b"".join(part for part in parts if isinstance(part, bytes))
            case 3:
                return "".join(part for part in parts if isinstance(part, str))
            case 4:
                return parts
            case 5:
                return dict(parts)
            case _:
                raise _MalformedError("an indefinite number")

    def _pair(self, depth: int) -> tuple[Any, Any]:
        key = self.item(depth + 1)
        if not isinstance(key, int | str | bytes):
            raise _MalformedError("a key that is no name")
        return key, self.item(depth + 1)

    def _simple(self, info: int) -> Any:
        if info < 24:
            return {20: False, 21: True}.get(info)
        if info > 27:
            raise _MalformedError("a break out of place")
        self._take(1 << (info - 24))
        return None

    def _argument(self, info: int) -> int:
        if info < 24:
            return info
        if info > 27:
            raise _MalformedError("a reserved length")
        return int.from_bytes(self._take(1 << (info - 24)), "big")

    def _bounded(self, count: int) -> int:
        if count > MAX_CBOR_ITEMS:
            raise _MalformedError("too many items")
        return count

    def _take(self, size: int) -> bytes:
        part = self._data[self._position : self._position + size]
        if len(part) != size:
            raise _MalformedError("ends too early")
        self._position += size
        return part
