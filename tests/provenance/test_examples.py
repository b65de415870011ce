"""The example files are what their README says."""

from pathlib import Path

import pytest

from verascope.provenance.verify import verify
from verascope.result import Outcome

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("signed.jpg", Outcome.VALID_UNTRUSTED),
        ("tampered.jpg", Outcome.INVALID),
        ("photographs/rocket.jpg", Outcome.NONE),
    ],
)
def test_example(name: str, outcome: Outcome) -> None:
    with (EXAMPLES / name).open("rb") as file:
        assert verify(file, "image/jpeg", ("official", "interim")).outcome is outcome
