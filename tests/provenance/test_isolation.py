"""Nothing but the given bytes: no network, and no library from the current folder."""

import io
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from tests.provenance import chain
from verascope.provenance.library import load
from verascope.provenance.verify import verify
from verascope.result import Outcome
from verascope.scanner import Scanner
from verascope.settings import Limits, Settings


class _Server(HTTPServer):
    asked = 0


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.asked += 1
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def web_server() -> Iterator[_Server]:
    server = _Server(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_remote_manifest_is_never_fetched() -> None:
    signer = chain.credentials(chain.authority())
    with web_server() as server:
        url = f"http://127.0.0.1:{server.server_port}/m.c2pa"
        data = chain.sign(chain.picture(), "image/jpeg", signer, remote_url=url)
        for trust in (("official",), ("none",)):
            answer = verify(io.BytesIO(data), "image/jpeg", trust)
            assert (answer.outcome, answer.remote_url) == (Outcome.REMOTE_ONLY, url)
        assert server.asked == 0
        _read_with_defaults(data)
        assert server.asked == 1  # the library on its own does ask: this test can fail


def _read_with_defaults(data: bytes) -> None:
    c2pa = load()
    try:
        c2pa.Reader("image/jpeg", io.BytesIO(data))
    except c2pa.C2paError:
        return


CHILD = """
import sys
opened = []
def note(event, args):
    if event == "ctypes.dlopen":
        opened.append(str(args[0]))
sys.addaudithook(note)
from verascope.provenance.library import load
version = load().sdk_version()
print(version, *(name for name in opened if "c2pa" in name), sep="\\n")
print("importlib.metadata" in sys.modules)
"""


def test_no_library_from_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "libc2pa_c.so").write_bytes(b"\x7fELF a trap")
    child = subprocess.run(
        [sys.executable, "-P", "-c", CHILD],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    version, *opened, metadata = child.stdout.split()
    assert version[0].isdigit()
    assert opened and not any(Path(name).parent in (Path(), tmp_path) for name in opened)
    assert metadata == "False"


def test_asking_a_plain_picture_does_not_load_the_library() -> None:
    code = (
        "import io, sys; from verascope.provenance.verify import verify; "
        "data = sys.stdin.buffer.read(); "
        "outcome = verify(io.BytesIO(data), 'image/jpeg', ('official',)).outcome; "
        "print(outcome, 'c2pa' in sys.modules)"
    )
    child = subprocess.run(
        [sys.executable, "-c", code], input=chain.picture(), capture_output=True, check=True
    )
    assert child.stdout.split() == [b"none", b"False"]


def test_a_credential_that_takes_too_long_is_unreadable(tmp_path: Path) -> None:
    """The library's time grows with the square of the boxes; the worker's deadline ends it."""
    boxes = b"\0\0\0\x08free" * 60_000
    path = tmp_path / "slow.mp4"
    path.write_bytes(b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + boxes)
    with Scanner(Settings(limits=Limits(stage_timeout_s=1.5))) as scanner:
        slow, quick = scanner.verify(path), scanner.verify(_plain(tmp_path))
    assert slow.provenance is not None and slow.provenance.outcome is Outcome.UNREADABLE
    assert quick.provenance is not None and quick.provenance.outcome is Outcome.NONE


def _plain(folder: Path) -> Path:
    path = folder / "plain.jpg"
    path.write_bytes(chain.picture())
    return path
