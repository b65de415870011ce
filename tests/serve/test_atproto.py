"""Labels as the AT Protocol defines them: bound to a version, taken back when judged otherwise."""

import json
import re
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")

from tests.conftest import Command
from verascope.result import Extent, Input, Outcome, Provenance, Result, Status, Verdict
from verascope.serve.adapters.atproto import definitions, labels
from verascope.serve.schema import engine_of
from verascope.serve.store import Store

DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
POST = "at://did:plc:someone/app.bsky.feed.post/1"
# com.atproto.label.defs#label, as published: what is required, and of which form.
REQUIRED = {"src", "uri", "val", "cts"}
OPTIONAL = {"ver", "cid", "neg", "exp", "sig"}
DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def judged(store: Store, ident: str, cid: str | None, **fields: object) -> None:
    context = json.dumps({"uri": POST, "cid": cid} if cid else {"post": 7})
    store.take(ident=ident, key_id="k", body_sha256="", name="a.jpg", context=context)
    given = {"input": Input(uri="a.jpg"), "status": Status.SCORED} | fields
    store.finish(ident, Result(**given))  # type: ignore[arg-type]


@pytest.fixture
def here(tmp_path: Path) -> Store:
    return Store(engine_of(f"sqlite:///{tmp_path / 'store.sqlite'}"))


def test_labels_are_of_the_published_form(here: Store) -> None:
    judged(here, "1", "cid-1", verdict=Verdict.SYNTHETIC, extent=Extent.WHOLE)
    judged(here, "2", None, verdict=Verdict.SYNTHETIC)  # no address
    (label,) = labels(here.done(), DID)
    assert label.keys() >= REQUIRED and label.keys() <= REQUIRED | OPTIONAL
    assert (label["src"], label["uri"], label["cid"]) == (DID, POST, "cid-1")
    assert label["val"] == "ai-generated" and len(label["val"].encode()) <= 128
    assert DATETIME.fullmatch(label["cts"])


def test_another_judgement_takes_the_label_back(here: Store) -> None:
    broken = Provenance(outcome=Outcome.INVALID)
    judged(here, "1", "cid-1", verdict=Verdict.SYNTHETIC, extent=Extent.PART)
    judged(here, "2", "cid-1", verdict=Verdict.SYNTHETIC, extent=Extent.PART)  # nothing new
    judged(here, "3", "cid-1", verdict=Verdict.UNREMARKABLE, provenance=broken)
    found = [(each["val"], each.get("neg", False)) for each in labels(here.done(), DID)]
    assert found == [("ai-altered", False), ("ai-altered", True), ("provenance-broken", False)]


def test_an_edited_post_loses_the_label_of_its_old_version(here: Store) -> None:
    judged(here, "1", "cid-1", verdict=Verdict.SYNTHETIC)
    judged(here, "2", "cid-2", verdict=Verdict.SYNTHETIC)
    found = [(each["cid"], each.get("neg", False)) for each in labels(here.done(), DID)]
    assert found == [("cid-1", False), ("cid-1", True), ("cid-2", False)]


def test_the_command_and_the_definitions(here: Store, verascope: Command, tmp_path: Path) -> None:
    judged(here, "1", "cid-1", verdict=Verdict.SYNTHETIC)
    done = verascope("labels", "--source", DID, "--data", tmp_path)
    assert json.loads(done.out)["val"] == "ai-generated"
    assert verascope("labels", "--data", tmp_path).code == 64
    told = definitions()
    assert all(len(each["identifier"]) <= 100 and each["locales"] for each in told)
    assert {each["severity"] for each in told} <= {"inform", "alert", "none"}


def test_a_matrix_content_scanner_reads_the_exit_status(
    verascope: Command, examples: Path, tmp_path: Path
) -> None:
    """It runs a script on a file and lets it pass where that exits with 0."""
    photo = examples / "photographs" / "coffee.webp"
    assert verascope("scan", "--quiet", "--quality", "fast", photo).code == 0
    every = "synthetic,inconclusive,unremarkable"
    flagged = verascope("scan", "--quiet", "--quality", "fast", photo, "--fail-on", every)
    assert flagged.code == 1
    (tmp_path / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    assert verascope("scan", "--quiet", tmp_path / "cut.jpg").code == 2
