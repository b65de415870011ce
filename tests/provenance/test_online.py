"""Fetching what a file points to: only when asked, only out on the internet, only so much."""

import io
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import Command
from tests.provenance import chain
from verascope.provenance import remote
from verascope.provenance.certificates import DevChain, dev_chain
from verascope.provenance.fetch import FetchError, fetch, is_public
from verascope.provenance.sign import Declaration, Placement, Signer, sign
from verascope.provenance.verify import verify as check
from verascope.result import Outcome, Provenance
from verascope.scanner import Scanner
from verascope.settings import Online, Settings

LOOPBACK = ("127.0.0.1",)
JPEG = "image/jpeg"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.store = b""
        self.asked: list[str] = []

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        match self.path:
            case "/m.c2pa":
                self._send(self.server.store)
            case "/away":
                self._lead("/m.c2pa")
            case "/round":
                self._lead("/round")
            case "/cloud":
                self._lead("http://169.254.169.254/latest/meta-data/")
            case "/file":
                self._lead("file:///etc/passwd")
            case "/big":
                self._send(bytes(3_000_000))
            case "/page":
                self._send(b"<html>not found, in words</html>")
            case "/slow":
                self._drip()
            case _:
                self.send_error(404)

    def _send(self, data: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _lead(self, url: str) -> None:
        self.send_response(302)
        self.send_header("Location", url)
        self.end_headers()

    def _drip(self) -> None:
        """A byte now and then, so that no single read is late."""
        self.send_response(200)
        self.end_headers()
        try:
            for _ in range(200):
                self.wfile.write(b"x")
                time.sleep(0.1)
        except OSError:
            return

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def made() -> DevChain:
    return dev_chain()


def pointing(url: str, folder: Path, made: DevChain) -> tuple[Path, bytes]:
    """A file whose credential is at an address, and that credential."""
    path, beside = folder / "picture.jpg", folder / "store.c2pa"
    path.write_bytes(chain.picture())
    placement = Placement(remote_url=url, sidecar=beside)
    says, signer = Declaration(source_type="digitalCapture"), Signer(chain=made.chain, key=made.key)
    sign(path, path, JPEG, signer, says, placement=placement)
    return path, beside.read_bytes()


def verify(path: Path, online: Online | None, made: DevChain) -> Provenance:
    root = path.parent / "root.pem"
    root.write_bytes(made.root)
    with Scanner(Settings(trust=(str(root),), online=online)) as scanner:
        answer = scanner.verify(path)
    assert answer.provenance is not None
    return answer.provenance


@pytest.mark.parametrize("path", ["/m.c2pa", "/away"])
def test_a_remote_credential_is_checked_when_asked(
    path: str, server: _Server, tmp_path: Path, made: DevChain
) -> None:
    picture, server.store = pointing(server.url(path), tmp_path, made)
    assert verify(picture, None, made).outcome is Outcome.REMOTE_ONLY
    assert server.asked == []  # by default nobody is asked
    answer = verify(picture, Online(private=LOOPBACK), made)
    assert answer.outcome is Outcome.TRUSTED and answer.remote_url == server.url(path)
    assert answer.warnings[-1].code == "fetched"
    assert server.asked[-1] == "/m.c2pa"


def test_what_is_there_must_be_this_files(server: _Server, tmp_path: Path, made: DevChain) -> None:
    picture, _ = pointing(server.url("/m.c2pa"), tmp_path, made)
    other = tmp_path / "other"
    other.mkdir()
    (other / "plain.jpg").write_bytes(chain.picture("JPEG", 80))
    beside = Placement(sidecar=other / "store.c2pa")
    says, signer = Declaration(source_type="digitalCapture"), Signer(chain=made.chain, key=made.key)
    sign(other / "plain.jpg", other / "t.jpg", JPEG, signer, says, placement=beside)
    server.store = (other / "store.c2pa").read_bytes()
    assert verify(picture, Online(private=LOOPBACK), made).outcome is Outcome.INVALID


@pytest.mark.parametrize("path", ["/cloud", "/file", "/round", "/big", "/slow", "/absent", "/page"])
def test_what_is_not_fetched(path: str, server: _Server, tmp_path: Path, made: DevChain) -> None:
    picture, _ = pointing(server.url(path), tmp_path, made)
    online = Online(private=LOOPBACK, max_bytes=1_000_000, timeout_s=2)
    start = time.monotonic()
    answer = verify(picture, online, made)
    assert time.monotonic() - start < 10
    assert answer.outcome is Outcome.REMOTE_ONLY and answer.detail is not None
    assert "etched" in answer.detail and answer.remote_url == server.url(path)


def test_this_machine_is_not_asked(server: _Server, tmp_path: Path, made: DevChain) -> None:
    picture, server.store = pointing(server.url("/m.c2pa"), tmp_path, made)
    answer = verify(picture, Online(), made)
    assert answer.outcome is Outcome.REMOTE_ONLY and server.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/m",
        "file:///etc/passwd",
        "http://user:secret@example.org/m",
        "http://example.org:22/m",
        "http:///m",
        "http://example.org:port/m",
        "https://exämple.org/m",
        "http://[::1/m",
    ],
)
def test_addresses_that_are_never_asked(url: str) -> None:
    def nobody(host: str, port: int) -> list[str]:
        raise AssertionError("was resolved")

    with pytest.raises(FetchError):
        fetch(url, Online(), nobody)


@pytest.mark.parametrize(
    ("url", "outcome"),
    [
        ("HTTP://example.org/m", Outcome.REMOTE_ONLY),
        ("hTTp://example.org/m", Outcome.REMOTE_ONLY),
        # The library takes nothing else for a pointer; docs/provenance.md says so.
        ("xttp://example.org/m", Outcome.NONE),
        ("file:/example.org/mm", Outcome.NONE),
        ("example.org/mmmmmmmm", Outcome.NONE),
    ],
)
def test_pointers_of_other_forms(url: str, outcome: Outcome) -> None:
    plain = "http://example.org/m"
    signer = chain.credentials(chain.authority())
    data = chain.sign(chain.picture(), JPEG, signer, remote_url=plain)
    changed = data.replace(plain.encode(), url.encode())
    assert changed != data and len(changed) == len(data)
    answer = check(io.BytesIO(changed), JPEG, ("none",))
    assert (answer.outcome, bool(answer.remote_url)) == (outcome, outcome is Outcome.REMOTE_ONLY)


def test_every_address_of_a_host_counts() -> None:
    """Also the one that would not be used: a second look-up could choose it."""
    with pytest.raises(FetchError, match=r"10\.0\.0\.1, which is not public"):
        fetch("https://example.org/m", Online(), lambda host, port: ["93.184.215.14", "10.0.0.1"])


def test_only_the_hosts_that_are_named() -> None:
    with pytest.raises(FetchError, match="not among the hosts"):
        fetch("https://example.org/m", Online(hosts=("archive.example",)))


@pytest.mark.parametrize("host", ["Archive.Example", "archive.example", " ARCHIVE.example"])
def test_a_host_is_named_in_either_case(host: str) -> None:
    with pytest.raises(FetchError, match="is not known"):
        fetch("https://ARCHIVE.example/m", Online(hosts=(host,)), _unknown)


def _unknown(host: str, port: int) -> list[str]:
    raise OSError(host)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0"),
        *("100.64.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1"),
        *("::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "2001:0:a00:1::", "ff02::1"),
        *("64:ff9b:1::a00:1", "::10.0.0.1"),
        *(
            "fec0::1",
            "feff::1",
            "3fff::1",
            "192.88.99.1",
            "::ffff:192.88.99.1",
            "64:ff9b::c058:6301",
        ),
    ],
)
def test_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:4700::1", "::ffff:93.184.215.14"])
def test_public(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(network="10.0.0.0/8"))
def test_no_form_of_a_private_address_passes(address: object) -> None:
    for form in (f"{address}", f"::ffff:{address}", f"64:ff9b::{address}"):
        assert not is_public(form)


def test_a_process_that_dies_fetches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "FUNCTION", "os:abort")
    assert remote.fetch("https://example.org/", Online()).refused is not None


def test_the_verb(server: _Server, tmp_path: Path, made: DevChain, verascope: Command) -> None:
    picture, server.store = pointing(server.url("/m.c2pa"), tmp_path, made)
    done = verascope("verify", picture, "--online", "--online-host", "archive.example")
    assert done.code == 0 and "remote_only" in done.out and "not among the hosts" in done.out
    done = verascope("verify", picture, "--online")
    assert "port" in done.out and server.asked == []
