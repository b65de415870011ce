"""Public files and traps: what they should come out as, under every trust setting.

The files are not ours to ship; they lie beside the repository where it is developed.
"""

import csv
from pathlib import Path

import pytest

from verascope.provenance.evidence import has_ingredient_failure
from verascope.provenance.verify import verify
from verascope.result import Outcome

SHARED = Path(__file__).parents[3] / "shared"
PROVENANCE = SHARED / "provenance"
HOSTILE = SHARED / "hostile"
MEDIA_TYPES = {
    ".avif": "image/avif",
    ".c2pa": "application/c2pa",
    ".dng": "image/x-adobe-dng",
    ".flac": "audio/flac",
    ".gif": "image/gif",
    ".jpg": "image/jpeg",
    ".m4a": "audio/mp4",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".wav": "audio/wav",
    ".webp": "image/webp",
}
TEST_ROOT = str(PROVENANCE / "trust/test/root.pem")
TRUST = {
    "none": ("none",),
    "official": ("official",),
    "interim": ("interim",),
    "test": (TEST_ROOT,),
    "test+tsa": (TEST_ROOT, f"tsa:{PROVENANCE / 'trust/test/tsa_root.pem'}"),
}


def rows() -> list[dict[str, str]]:
    path = PROVENANCE / "expected.csv"
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


needs_files = pytest.mark.skipif(
    not rows(), reason=f"the public test files are not at {PROVENANCE.name} beside the repository"
)


@needs_files
@pytest.mark.parametrize("trust", TRUST)
def test_recommended_outcomes(trust: str) -> None:
    asked = [row for row in rows() if row["trust"] == trust]
    wrong = [
        f"{row['file']}: {found}, not {row['recommended']}"
        for row in asked
        if (found := _outcome(row["file"], TRUST[trust])) != row["recommended"]
    ]
    assert asked and not wrong


@needs_files
def test_both_lists_trust_what_either_trusts() -> None:
    trusted = {
        row["file"]
        for row in rows()
        if row["trust"] in ("official", "interim") and row["recommended"] == "trusted"
    }
    both = {name for name in trusted if _outcome(name, ("official", "interim")) == "trusted"}
    assert trusted and both == trusted


@needs_files
def test_recorded_failures_are_told() -> None:
    recorded = [row for row in rows() if row["recorded_ingredient_failure"]]
    for row in recorded:
        path = PROVENANCE / "files" / row["file"]
        with path.open("rb") as file:
            answer = verify(file, MEDIA_TYPES[path.suffix], TRUST[row["trust"]])
        codes = {warning.code for warning in answer.warnings}
        assert has_ingredient_failure(answer), row["file"]
        assert codes & {"ingredient_failed", "ingredient_untrusted"}, row["file"]
    assert recorded


def _outcome(names: str, trust: tuple[str, ...]) -> Outcome:
    name, _, beside = names.partition(" + ")
    path = PROVENANCE / "files" / name
    sidecar = (PROVENANCE / "files" / beside).read_bytes() if beside else None
    with path.open("rb") as file:
        return verify(file, MEDIA_TYPES[path.suffix], trust, sidecar=sidecar).outcome


@pytest.mark.skipif(not HOSTILE.exists(), reason="no hostile files beside the repository")
def test_a_lying_manifest_is_not_called_absent() -> None:
    with (HOSTILE / "files/app11_jumbf_lie.jpg").open("rb") as file:
        outcome = verify(file, "image/jpeg", ("official",)).outcome
    assert outcome in (Outcome.UNREADABLE, Outcome.INVALID)
