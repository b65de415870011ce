"""URLs that the user names: memory:// and file:// really, S3 against moto where it is installed."""

import io
import json
import zipfile
from pathlib import Path

import fsspec
import pytest

from tests.conftest import Command
from verascope.errors import UsageError
from verascope.result import Reason, Status
from verascope.scan.choice import Choice
from verascope.scan.remote import is_url, objects
from verascope.scan.sources import Refused
from verascope.scan.walk import expand
from verascope.scanner import Scanner
from verascope.settings import Quality, Settings


@pytest.fixture
def bucket(examples: Path) -> str:
    store = fsspec.filesystem("memory")
    for name in ("coffee.webp", "rocket.jpg"):
        with store.open(f"/bucket/in/{name}", "wb") as file:
            file.write((examples / "photographs" / name).read_bytes())
    return "memory://bucket"


def test_every_object_below_a_url_is_a_source(bucket: str) -> None:
    found = list(expand([bucket]))
    assert [source.uri for source in found] == [
        "memory:///bucket/in/coffee.webp",
        "memory:///bucket/in/rocket.jpg",
    ]
    assert all(source.stamp() for source in found)
    (one,) = objects(bucket, Choice(include=("*.jpg",)))
    assert one.uri.endswith("rocket.jpg")


def test_an_object_is_judged_as_the_file_is(bucket: str, examples: Path) -> None:
    with Scanner(Settings(quality=Quality.FAST)) as scanner:
        found = [source.scan(scanner) for source in expand([bucket])]
        file = scanner.scan(examples / "photographs" / "rocket.jpg")
    assert [each.status for each in found] == [Status.SCORED] * 2
    assert (found[1].score, found[1].input.sha256) == (file.score, file.input.sha256)


def test_what_is_not_there_has_its_reason(bucket: str) -> None:
    with Scanner(Settings(quality=Quality.FAST)) as scanner:
        (missing,) = expand([f"{bucket}/nothing.jpg"])
        assert missing.scan(scanner).reason is Reason.NOT_FOUND
        gone, _ = expand([bucket])
        fsspec.filesystem("memory").rm("/bucket/in/coffee.webp")
        assert gone.scan(scanner).reason is Reason.NOT_FOUND


def test_an_archive_in_a_store_is_looked_into(examples: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(examples / "photographs" / "rocket.jpg", "in/rocket.jpg")
    store = fsspec.filesystem("memory")
    for name, data in (("a.zip", packed.getvalue()), ("not.zip", b"GIF89a")):
        with store.open(f"/packed/{name}", "wb") as file:
            file.write(data)
    found = list(expand(["memory://packed"]))
    uris = ["memory:///packed/a.zip#in/rocket.jpg", "memory:///packed/not.zip"]
    assert [source.uri for source in found] == uris
    assert all(source.stamp() for source in found)
    with Scanner(Settings(quality=Quality.FAST)) as scanner:
        member, other = (source.scan(scanner) for source in found)
    assert (member.status, member.input.part) == (Status.SCORED, "in/rocket.jpg")
    assert other.status is not Status.SCORED and other.input.uri == uris[1]
    (missing,) = expand(["memory://packed/none.zip"])
    assert isinstance(missing, Refused) and missing.reason is Reason.NOT_FOUND


def test_a_file_url_on_the_command_line(verascope: Command, examples: Path) -> None:
    url = f"file://{examples / 'photographs'}"
    done = verascope("scan", url, "--quality", "fast", "--format", "jsonl", "--exit-zero")
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert done.code == 0
    assert len(rows) == len(list((examples / "photographs").iterdir()))
    assert all(row["input"]["uri"].startswith("file:///") for row in rows)


def test_a_store_that_there_is_not_is_wrong_usage(verascope: Command) -> None:
    assert verascope("scan", "nosuch://bucket").code == 64
    with pytest.raises(UsageError, match="nosuch"):
        list(expand(["nosuch://bucket/x"]))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("s3://b/k", True),
        ("memory://x", True),
        ("photo.jpg", False),
        ("a:b", False),
        ("./s3://", False),
    ],
)
def test_what_a_url_is(name: str, expected: bool) -> None:
    assert is_url(name) is expected


def test_s3(examples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = pytest.importorskip("moto.server", reason="moto and s3fs are not installed")
    pytest.importorskip("s3fs", reason="moto and s3fs are not installed")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    running = server.ThreadedMotoServer(port=0)
    running.start()
    try:
        host, port = running.get_host_and_port()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        store = fsspec.filesystem("s3")
        store.mkdir("uploads")
        store.put(str(examples / "photographs" / "rocket.jpg"), "uploads/2026/rocket.jpg")
        with Scanner(Settings(quality=Quality.FAST)) as scanner:
            (found,) = [source.scan(scanner) for source in expand(["s3://uploads"])]
        assert (found.input.uri, found.status) == ("s3://uploads/2026/rocket.jpg", Status.SCORED)
    finally:
        running.stop()
