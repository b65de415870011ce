"""Fetching a credential that a file only points to, or what is known of a signer: the one network.

The address comes from the file, so from anyone. It is asked for in a process of its own, under a
deadline; every address that its host resolves to, at every redirect, must be a public one, and the
connection goes to the address that was checked. What comes back is checked by the worker like any
credential. Proxies, cookies and compressed answers are not used.
"""

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import SplitResult, urljoin, urlsplit

import msgspec
from msgspec import Struct

from verascope.media.wire import Array
from verascope.settings import Online

FUNCTION = "verascope.provenance.fetch:answer"
MEDIA = "verascope.provenance.fetch:media"
MAX_HOPS = 3
PORTS = {"http": 80, "https": 443}
REDIRECTS = frozenset({301, 302, 303, 307, 308})
JUMBF = b"jumb"
NAT64 = ipaddress.ip_network("64:ff9b::/96")
# An address that an IPv4 one is hidden in may be routed to that one.
TUNNELS = ("2002::/16", "2001::/32", "64:ff9b:1::/48")
# Site-local, for documentation, relays to IPv6: `is_global` takes them in some releases of Python.
SPECIAL = ("fec0::/10", "3fff::/20", "192.88.99.0/24")
NEVER = tuple(map(ipaddress.ip_network, (*TUNNELS, *SPECIAL)))
Resolve = Callable[[str, int], list[str]]


class FetchError(Exception):
    """Nothing was fetched; the message says why, for people."""


class FetchRequest(Struct, frozen=True):
    """One address to ask, and how far to go."""

    url: str
    online: Online


class Fetched(Struct, frozen=True):
    """What was there, or why there is nothing."""

    data: bytes | None = None
    refused: str | None = None


def answer(request: bytes) -> Iterator[tuple[bytes, Sequence[Array]]]:
    """In the worker: fetch one address; one message."""
    ask = msgspec.msgpack.decode(request, type=FetchRequest)
    try:
        fetched = Fetched(data=_store(fetch(ask.url, ask.online)))
    except FetchError as error:
        fetched = Fetched(refused=str(error))
    yield msgspec.msgpack.encode(fetched), ()


def media(request: bytes) -> Iterator[tuple[bytes, Sequence[Array]]]:
    """In the worker: fetch one address, whatever is there; the bytes come as an array."""
    import numpy as np

    ask = msgspec.msgpack.decode(request, type=FetchRequest)
    try:
        data = fetch(ask.url, ask.online)
    except FetchError as error:
        yield msgspec.msgpack.encode(Fetched(refused=str(error))), ()
        return
    yield msgspec.msgpack.encode(Fetched(data=b"")), (np.frombuffer(data, np.uint8),)


def _store(data: bytes) -> bytes:
    """The bytes if they begin as a manifest store: a page that says sorry is no credential."""
    if data[4:8] != JUMBF:
        raise FetchError("what is there is no credential")
    return data


def resolve(host: str, port: int) -> list[str]:
    """All addresses of a host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def fetch(url: str, online: Online, resolve: Resolve = resolve) -> bytes:
    """The bytes at an address.

    Args:
        url: http or https.
        online: the limits.
        resolve: a host's addresses; for tests.

    Raises:
        FetchError: it may not be asked, did not answer, or its answer is too big.
    """
    for _ in range(MAX_HOPS + 1):
        parts = _allowed(url, online)
        address = _public(parts, online, resolve)
        try:
            found = _ask(parts, address, online)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise FetchError(f"{parts.hostname} did not answer: {error}") from error
        if isinstance(found, bytes):
            return found
        following = urljoin(url, found)
        if parts.scheme == "https" and urlsplit(following).scheme != "https":
            raise FetchError("it leads from https to an address without")
        url = following
    raise FetchError(f"it leads on and on, over {MAX_HOPS} times")


def _allowed(url: str, online: Online) -> SplitResult:
    """The parts of an address that may be asked, by its looks."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise FetchError(f"it is no address: {error}") from error
    if parts.scheme not in PORTS or not parts.hostname or not url.isascii():
        raise FetchError("only http and https are asked")
    if parts.username is not None or parts.password is not None:
        raise FetchError("it holds a name or a password")
    if online.hosts and parts.hostname not in map(_host, online.hosts):
        raise FetchError(f"{parts.hostname} is not among the hosts that may be asked")
    if port not in (None, *PORTS.values()) and not online.private:
        raise FetchError(f"port {port} is not one of the web")
    return parts


def _host(name: str) -> str:
    """A host's name as `urlsplit` writes it."""
    return name.strip().lower().removeprefix("[").removesuffix("]")


def _public(parts: SplitResult, online: Online, resolve: Resolve) -> str:
    """An address of the host; all that it has must be public, so that none can be chosen later."""
    host = parts.hostname or ""
    try:
        addresses = resolve(host, _port(parts))
    except (OSError, UnicodeError) as error:
        raise FetchError(f"{host} is not known: {error}") from error
    for address in addresses:
        if not is_public(address) and address not in online.private:
            raise FetchError(f"{host} is at {address}, which is not public")
    if not addresses:
        raise FetchError(f"{host} has no address")
    return addresses[0]


def is_public(address: str) -> bool:
    """Whether an IP address is out on the internet, and hides none that is not."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if any(ip in network for network in NEVER):
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if ip in NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _port(parts: SplitResult) -> int:
    return parts.port or PORTS[parts.scheme]


def _ask(parts: SplitResult, address: str, online: Online) -> bytes | str:
    """One request to the address that was checked: the answer's bytes, or where it leads."""
    host = parts.hostname or ""
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = http.client.HTTPConnection(host, _port(parts), timeout=online.timeout_s)
    connection.sock = _connect(parts, address, online)
    try:
        connection.request("GET", path, headers={"Accept-Encoding": "identity"})
        answer = connection.getresponse()
        if answer.status in REDIRECTS:
            return answer.getheader("Location") or ""
        if answer.status != 200:
            raise FetchError(f"{host} answered {answer.status}")
        data = answer.read(online.max_bytes + 1)
    finally:
        connection.close()
    if len(data) > online.max_bytes:
        raise FetchError(f"there are more than {online.max_bytes} bytes")
    return data


def _connect(parts: SplitResult, address: str, online: Online) -> socket.socket:
    plain = socket.create_connection((address, _port(parts)), timeout=online.timeout_s)
    if parts.scheme == "http":
        return plain
    try:
        return ssl.create_default_context().wrap_socket(plain, server_hostname=parts.hostname)
    except (OSError, ValueError):
        plain.close()
        raise
