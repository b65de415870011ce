"""The page for others: what comes from the file can neither be markup nor steer the reader."""

import re

from verascope.provenance.inspect import Inspection
from verascope.provenance.page import page
from verascope.result import Claim, Extent, Input, Manifest, Outcome, Provenance, Signer

EVIL = "a\x1b[2Jb\u202ec\udce9\u2066<script>"


def shown(provenance: Provenance) -> str:
    inspection = Inspection(provenance=provenance, store_json='{"title": "\u202e<b>"}')
    return page(Input(uri=EVIL), inspection)


def test_nothing_invisible_comes_through() -> None:
    stranger = Signer(name=EVIL, organization=None, trusted=False)
    below = Manifest(label="b", title=EVIL, signer=stranger, relationship="parentOf")
    history = Manifest(label="a", title=EVIL, signer=stranger, ingredients=(below,))
    text = shown(Provenance(outcome=Outcome.INVALID, detail=EVIL, signer=stranger, history=history))
    assert all(line.isprintable() for line in text.splitlines())
    assert text.encode() and "<script>" not in text and "<b>" not in text
    assert len(re.findall(r"a\\x1b\[2Jb\\u202ec\\udce9\\u2066&lt;script&gt;", text)) >= 6


def test_a_part_is_called_a_part() -> None:
    claim = Claim(
        kind="generated",
        statement="made by generative AI",
        source_type="trainedAlgorithmicMedia",
        extent=Extent.PART,
        manifest="a",
    )
    history = Manifest(label="a", title=None)
    text = shown(Provenance(outcome=Outcome.TRUSTED, claims=(claim,), history=history))
    assert "made by generative AI (of a part)" in text
