"""The shared hostile files: the reason that expected.csv calls honest, and nothing printed."""

import csv
from pathlib import Path

import pytest

from verascope.errors import InputTrouble
from verascope.media.image import decode, read_header
from verascope.media.types import judgeable
from verascope.result import Modality, Warn
from verascope.settings import Limits

HOSTILE = Path(__file__).parents[3] / "shared" / "hostile"
OURS = frozenset(
    ("png", "jpeg", "gif", "webp", "tiff", "svg", "zip", "playlist", "empty", "unknown")
)
WARNINGS = {
    "ok_metadata_limited": Warn.METADATA_LIMITED,
    "ok_trailing_data": Warn.TRAILING_DATA,
    "ok_type_from_bytes": Warn.TYPE_FROM_BYTES,
    "ok_first_frame": Warn.FIRST_FRAME_ONLY,
    "ok_metadata_skipped": Warn.METADATA_SKIPPED,
}
# Its oddity is in the text of a generator's workflow, which provenance reads and pixels do not.
NOT_PIXELS = frozenset({"workflow_deep.png"})


def rows() -> list[dict[str, str]]:
    table = HOSTILE / "expected.csv"
    if not table.exists():
        return []
    with table.open(newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["file"])
def test_gives_the_honest_reason(row: dict[str, str], capfd: pytest.CaptureFixture[str]) -> None:
    data = (HOSTILE / "files" / row["file"]).read_bytes()
    expected = row["reason"].split("_or_")
    if row["real_type"] not in OURS:
        expected.append("unsupported_type")

    outcome, warnings = judge(data, row["file"])

    assert capfd.readouterr() == ("", "")
    if outcome != "ok":
        assert outcome in expected
        return
    assert row["reason"].startswith(("ok", "provenance"))
    if row["reason"] in WARNINGS and row["file"] not in NOT_PIXELS:
        assert WARNINGS[row["reason"]] in warnings


def test_the_table_is_there() -> None:
    if not rows():
        pytest.skip("the shared hostile files are not beside this checkout")
    assert len(rows()) == 87


def judge(data: bytes, name: str) -> tuple[str, tuple[Warn, ...]]:
    limits = Limits()
    try:
        media_type, warnings = judgeable(data, name, frozenset({Modality.IMAGE}))
        header = read_header(data, media_type, limits)
        picture = decode(data, media_type, header, limits)
    except InputTrouble as trouble:
        return str(trouble.reason), ()
    assert picture.pixels.shape[:2] == (header.height, header.width) or picture.truncated
    return "ok", (*warnings, *header.warnings, *picture.warnings)
