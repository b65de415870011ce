"""One input to one Result, on real files, with the shipped model."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image

from verascope import Result, Scanner, Settings
from verascope.exchange import Reading, ReadRequest, Stage
from verascope.media.sandbox import Message, Sandbox
from verascope.reading import read
from verascope.result import Outcome, Reason, Status, Strength, Supports, Verdict, Warn
from verascope.scanner import _died, uri_of
from verascope.settings import Limits


@pytest.fixture(scope="module")
def scanner() -> Iterator[Scanner]:
    with Scanner() as scanner:
        yield scanner


@pytest.fixture(scope="module")
def photograph(examples: Path) -> Path:
    return examples / "photographs" / "flower.jpg"


def picture(path: Path, width: int, height: int) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def test_a_photograph_is_scored(scanner: Scanner, photograph: Path) -> None:
    result = scanner.scan(photograph)
    assert result.status is Status.SCORED
    assert result.reason is None
    assert result.score is not None
    assert result.interval is not None
    low, high = result.interval
    assert 0 <= low <= result.score <= high <= 1
    (detector,) = result.detectors
    assert detector.name == "image-residual"
    assert len(detector.sha256) == 64
    assert [point.name for point in result.operating_points] == ["high_precision", "high_recall"]
    assert result.provenance is not None
    assert result.provenance.outcome is Outcome.NONE
    assert {"open", "decode", "windows", "provenance", "score", "total"} <= set(result.timing)


def test_segments_lie_inside_the_picture(scanner: Scanner, photograph: Path) -> None:
    result = scanner.scan(photograph)
    width, height = result.input.width, result.input.height
    assert width and height
    for segment in result.detectors[0].segments:
        assert segment.box is not None
        x, y, w, h = segment.box
        assert x >= 0 and y >= 0 and x + w <= width and y + h <= height
        assert 0 <= segment.score <= 1


def test_the_score_is_the_same_each_time_and_from_bytes(scanner: Scanner, photograph: Path) -> None:
    first = scanner.scan(photograph)
    again = scanner.scan(photograph)
    held = scanner.scan_bytes(photograph.read_bytes(), "upload.jpg")
    assert first.score == again.score == held.score
    assert held.input.uri == "upload.jpg"
    assert held.input.sha256 == first.input.sha256


def test_many_come_back_in_order_one_by_one(scanner: Scanner, examples: Path) -> None:
    paths = sorted((examples / "photographs").iterdir())
    results = scanner.scan_many(iter(paths))
    assert iter(results) is results
    assert [result.input.uri for result in results] == [str(path) for path in paths]


@pytest.mark.parametrize(
    ("size", "status", "warned"),
    [
        ((63, 400), Status.SKIPPED, False),
        ((64, 64), Status.SCORED, True),
        ((400, 100), Status.SCORED, True),
        ((192, 192), Status.SCORED, False),
        ((640, 480), Status.SCORED, False),
    ],
)
def test_sizes(
    scanner: Scanner, tmp_path: Path, size: tuple[int, int], status: Status, warned: bool
) -> None:
    result = scanner.scan(picture(tmp_path / "a.png", *size))
    assert result.status is status
    assert (result.input.width, result.input.height) == size
    assert (Warn.SMALLER_THAN_CROP in result.warnings) is warned
    if status is Status.SKIPPED:
        assert result.reason is Reason.TOO_LITTLE_CONTENT
        assert result.verdict is None


def test_the_orientation_is_applied_to_sizes_and_segments(scanner: Scanner, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "turned.jpg"
    Image.new("RGB", (640, 320), "grey").save(path, exif=exif)
    result = scanner.scan(path)
    assert (result.input.width, result.input.height) == (320, 640)
    boxes = [segment.box for segment in result.detectors[0].segments]
    assert max(box[1] + box[3] for box in boxes if box) > 320


class TestTrouble:
    """Whatever is wrong with an input becomes its Result."""

    def test_what_is_not_there(self, scanner: Scanner, tmp_path: Path) -> None:
        result = scanner.scan(tmp_path / "none.jpg")
        assert (result.status, result.reason) == (Status.FAILED, Reason.NOT_FOUND)

    def test_what_is_no_file(self, scanner: Scanner, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe.jpg")
        (tmp_path / "folder.jpg").mkdir()
        for path in (tmp_path / "pipe.jpg", tmp_path / "folder.jpg", Path("/dev/zero")):
            result = scanner.scan(path)
            assert (result.status, result.reason) == (Status.SKIPPED, Reason.NOT_A_FILE)

    def test_a_link_is_followed_only_when_it_is_named(
        self, scanner: Scanner, tmp_path: Path, photograph: Path
    ) -> None:
        link = tmp_path / "link.jpg"
        link.symlink_to(photograph)
        assert scanner.scan(link).status is Status.SCORED
        assert scanner.scan(link, follow_links=False).reason is Reason.NOT_A_FILE
        loop = tmp_path / "loop.jpg"
        loop.symlink_to(loop)
        assert scanner.scan(loop).status is Status.FAILED

    def test_names_that_are_no_text(self, scanner: Scanner, tmp_path: Path) -> None:
        raw = os.fsencode(tmp_path) + b"/bad\xff name\n.png"
        picture(tmp_path / "a.png", 200, 200).rename(os.fsdecode(raw))
        result = scanner.scan(os.fsdecode(raw))
        assert result.status is Status.SCORED
        assert result.input.uri.endswith("/bad%FF%20name%0A.png")
        assert Result.from_json(result.to_json()) == result

    def test_over_the_limits(self, tmp_path: Path, photograph: Path) -> None:
        with Scanner(Settings(limits=Limits(max_bytes=1000))) as scanner:
            assert scanner.scan(photograph).reason is Reason.TOO_LARGE
        with Scanner(Settings(limits=Limits(max_pixels=1000))) as scanner:
            assert scanner.scan(photograph).reason is Reason.TOO_LARGE

    def test_a_worker_that_dies_in_the_middle_costs_one_result(
        self, scanner: Scanner, photograph: Path
    ) -> None:
        assert scanner.scan(photograph).status is Status.SCORED
        worker = scanner._sandbox._worker
        assert worker is not None
        os.kill(worker._process.pid, signal.SIGKILL)
        worker._process.wait()
        died = scanner.scan(photograph)
        assert (died.status, died.reason) == (Status.FAILED, Reason.WORKER_CRASHED)
        assert scanner.scan(photograph).status is Status.SCORED

    def test_a_deadline_that_no_decoder_holds(self, photograph: Path) -> None:
        with Scanner(Settings(limits=Limits(stage_timeout_s=0.0001))) as scanner:
            result = scanner.scan(photograph)
        assert (result.status, result.reason) == (Status.FAILED, Reason.TIMEOUT)

    def test_a_cut_off_jpeg_cannot_hide(
        self, scanner: Scanner, tmp_path: Path, photograph: Path
    ) -> None:
        """Browsers show a JPEG that lacks its end; so must it be judged."""
        cut = tmp_path / "cut.jpg"
        cut.write_bytes(photograph.read_bytes()[:-2000])
        result = scanner.scan(cut)
        assert (result.status, result.reason) == (Status.PARTIAL, Reason.TRUNCATED)
        assert result.score is not None


class TestWorkerThatWasTakenOver:
    """What a worker sends is looked at before it is believed."""

    @pytest.mark.parametrize(
        "sent",
        [
            (b"\xff", ()),
            (msgspec.msgpack.encode({"stage": "nonsense"}), ()),
            ("image-residual", (np.zeros((1, 192), np.uint8), np.zeros((1, 4), np.int32))),
            ("image-residual", (np.zeros((1, 192, 192, 3), np.uint8),)),
            ("image-residual", (np.zeros((0, 192, 192, 3), np.uint8), np.zeros((0, 4), np.int32))),
            ("another", (np.zeros((1, 192, 192, 3), np.uint8), np.zeros((1, 4), np.int32))),
        ],
    )
    def test_impossible_messages(
        self, monkeypatch: pytest.MonkeyPatch, sent: tuple[bytes | str, tuple[Any, ...]]
    ) -> None:
        data, arrays = sent
        if isinstance(data, str):
            data = msgspec.msgpack.encode(Reading(stage=Stage.CUT, windowed=(data,)))
        monkeypatch.setattr(Sandbox, "call", lambda *_: iter([Message(data, arrays)]))
        with Scanner() as scanner:
            result = scanner.scan("whatever.jpg")
        assert (result.status, result.reason) == (Status.FAILED, Reason.WORKER_CRASHED)


def test_a_file_that_is_written_to_meanwhile_is_refused(
    tmp_path: Path, photograph: Path, examples: Path
) -> None:
    """Its pixels and its credential could be of two different files."""
    path = tmp_path / "upload.jpg"
    path.write_bytes(photograph.read_bytes())
    with Scanner() as scanner:
        request = msgspec.msgpack.encode(
            scanner._request(str(path), scanner._entries, provenance=True)
        )
        stages = read(request)
        next(stages)
        path.write_bytes((examples / "signed.jpg").read_bytes())
        last = msgspec.msgpack.decode(list(stages)[-1][0], type=Reading)
    assert last.reason is Reason.CORRUPT
    assert last.windowed == ()
    assert last.provenance is None


def test_a_stream_leaves_nothing_behind(scanner: Scanner, photograph: Path) -> None:
    before = set(Path("/tmp").iterdir())
    with photograph.open("rb") as stream:
        result = scanner.scan_stream(stream, "upload " + "x" * 300 + ".jpg")
    assert result.status is Status.SCORED
    assert not [path for path in set(Path("/tmp").iterdir()) - before if "verascope" in path.name]


def test_a_credential_check_that_was_killed_keeps_the_score(photograph: Path) -> None:
    """The stages before it have answered: only the credential is unreadable."""
    from verascope.errors import InputTrouble

    scored = Reading(stage=Stage.CUT, windowed=("image-residual",))
    reading = _died(scored, InputTrouble(Reason.TIMEOUT, "killed at its deadline"))
    assert reading.provenance is not None
    assert reading.provenance.outcome is Outcome.UNREADABLE
    assert reading.reason is None
    assert Warn.PROVENANCE_STOPPED in reading.warnings


def test_an_unsigned_declaration_is_weak_evidence_and_inconclusive(
    scanner: Scanner, tmp_path: Path
) -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("parameters", "a cat\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1")
    Image.new("RGB", (256, 256), "grey").save(tmp_path / "a.png", pnginfo=info)
    result = scanner.scan(tmp_path / "a.png")
    (mark,) = [evidence for evidence in result.evidence if evidence.kind == "mark"]
    assert mark.supports is Supports.SYNTHETIC
    assert mark.strength is Strength.WEAK
    assert result.verdict in (Verdict.INCONCLUSIVE, Verdict.SYNTHETIC)


def test_only_the_worker_opens_the_file(photograph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parent of a scan never opens its input."""
    import sys

    opened: list[str] = []
    watching = True

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event == "open" and str(arguments[0]) == str(photograph):
            opened.append(event)

    sys.addaudithook(hook)
    with Scanner() as scanner:
        assert scanner.scan(photograph).status is Status.SCORED
    watching = False
    assert opened == []


def test_uri_of_is_the_path_wherever_it_can_be() -> None:
    assert uri_of("päth/a b.jpg") == "päth/a b.jpg"
    assert uri_of(os.fsdecode(b"a\xff.jpg")) == "file:a%FF.jpg"


def test_verify_decodes_nothing(scanner: Scanner, photograph: Path) -> None:
    verification = scanner.verify(photograph)
    assert verification.status is Status.SCORED
    assert verification.provenance is not None
    assert verification.provenance.outcome is Outcome.NONE
    assert verification.input.width is None


def test_every_verdict_carries_evidence(scanner: Scanner, examples: Path) -> None:
    for path in sorted(examples.rglob("*.*")):
        result = scanner.scan(path)
        if result.verdict is not None:
            assert result.evidence
            assert result.rule
        assert result.verdict is not Verdict.AUTHENTICATED  # no example is trusted


def test_a_request_and_a_reading_survive_the_wire() -> None:
    request = ReadRequest(
        path=b"\xff", follow_links=True, detectors={}, provenance=True, trust=(), limits=Limits()
    )
    encoded = msgspec.msgpack.encode(request)
    assert msgspec.msgpack.decode(encoded, type=ReadRequest) == request
    with Sandbox("verascope.reading:read", memory_bytes=2 << 30, timeout_s=10) as sandbox:
        (message,) = sandbox.call(encoded)
    assert msgspec.msgpack.decode(message.data, type=Reading).reason is Reason.NOT_FOUND
