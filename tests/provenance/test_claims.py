"""Claims in words, their extent, and the history, on reports written by hand."""

import json
from typing import Any

import msgspec
import pytest

from tests.provenance.chain import SOURCE_TYPES
from verascope.provenance import words
from verascope.provenance.cautions import cautions
from verascope.provenance.claims import MAX_CLAIMS, claims
from verascope.provenance.history import MAX_DEPTH, MAX_NODES, ingredient_failures, tree, visits
from verascope.provenance.report import Report, Results, parse
from verascope.result import Claim, Extent, Manifest, Outcome


def manifest(*actions: dict[str, Any], below: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    return {
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": list(actions)}}],
        "ingredients": list(below),
        "signature_info": {"common_name": "S"},
    }


def below(label: str, relationship: str = "parentOf", *failures: str) -> dict[str, Any]:
    codes = [{"code": code, "url": f"self#jumbf=/c2pa/{label}/x"} for code in failures]
    return {
        "active_manifest": label,
        "relationship": relationship,
        "validation_results": {"activeManifest": {"failure": codes}},
    }


def action(name: str, source_type: str | None = None, **more: object) -> dict[str, Any]:
    typed = {"digitalSourceType": SOURCE_TYPES + source_type} if source_type else {}
    return {"action": f"c2pa.{name}", **typed, **more}


def report(**manifests: dict[str, Any]) -> Report:
    first = next(iter(manifests))
    return parse(json.dumps({"active_manifest": first, "manifests": manifests}))


def claimed(found: Report, *, trusted: bool = True) -> tuple[Claim, ...]:
    return claims(visits(found), ingredient_failures(found), trusted=trusted)


@pytest.mark.parametrize(
    ("name", "source_type", "extent"),
    [
        ("created", "trainedAlgorithmicMedia", Extent.WHOLE),
        ("edited", "trainedAlgorithmicMedia", Extent.PART),
        ("created", "compositeWithTrainedAlgorithmicMedia", Extent.PART),
        ("created", "compositeSynthetic", Extent.PART),
        ("created", "digitalCapture", Extent.WHOLE),
        ("placed", "digitalCapture", Extent.PART),
        ("opened", None, Extent.WHOLE),
    ],
)
def test_extent(name: str, source_type: str | None, extent: Extent) -> None:
    (claim,) = claimed(report(a=manifest(action(name, source_type))))
    assert (claim.extent, claim.source_type) == (extent, source_type)


@pytest.mark.parametrize(
    "written",
    [
        "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
        "https://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia/",
        "http://c2pa.org/digitalsourcetype/trainedAlgorithmicMedia",
        "  trainedAlgorithmicMedia ",
    ],
)
def test_source_type_however_it_is_written(written: str) -> None:
    direct = {"action": "c2pa.created", "digitalSourceType": written}
    nested = {"action": "c2pa.created", "parameters": {"digitalSourceType": written}}
    for each in (direct, nested):
        (claim,) = claimed(report(a=manifest(each)))
        assert claim.statement == "made by generative AI"


@pytest.mark.parametrize(
    "written",
    [
        "https://example.org/not/trainedAlgorithmicMedia",
        "http://cv.iptc.org.example/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
        "http://cv.iptc.org/newscodes/genre/trainedAlgorithmicMedia",
        "example:trainedAlgorithmicMedia",
    ],
)
def test_a_word_of_another_vocabulary_is_other(written: str) -> None:
    (claim,) = claimed(report(a=manifest({"action": "c2pa.created", "digitalSourceType": written})))
    assert (claim.kind, claim.source_type) == ("other", written)


def test_an_unknown_source_type_is_other_and_shown() -> None:
    (claim,) = claimed(report(a=manifest(action("created", "dreamt"))))
    assert claim.kind == "other" and "“dreamt”" in claim.statement


def test_templates_are_read() -> None:
    data = {"actions": [], "templates": [action("edited", "compositeWithTrainedAlgorithmicMedia")]}
    raw = {"assertions": [{"label": "c2pa.actions.v2__1", "data": data}]}
    assert [claim.extent for claim in claimed(report(a=raw))] == [Extent.PART]


@pytest.mark.parametrize("data", [None, [], "x", {"actions": 3}, {"actions": [None, 7, {}]}])
def test_data_that_is_no_list_of_actions_is_passed_over(data: object) -> None:
    raw = {"assertions": [{"label": "c2pa.actions", "data": data}]}
    assert all(claim.source_type is None for claim in claimed(report(a=raw)))


def test_ai_of_the_whole_comes_down_from_the_parent() -> None:
    found = report(
        a=manifest(action("opened"), action("cropped"), below=(below("b"),)),
        b=manifest(action("created", "trainedAlgorithmicMedia")),
    )
    assert claimed(found)[-1].extent is Extent.WHOLE


def test_a_component_is_a_part_and_so_are_its_parents() -> None:
    found = report(
        a=manifest(action("created", "composite"), below=(below("b", "componentOf"),)),
        b=manifest(action("opened"), below=(below("c"),)),
        c=manifest(action("created", "trainedAlgorithmicMedia")),
    )
    assert claimed(found)[-1].extent is Extent.PART


def test_what_was_only_an_input_claims_nothing() -> None:
    found = report(
        a=manifest(action("created", "trainedAlgorithmicMedia"), below=(below("b", "inputTo"),)),
        b=manifest(action("created", "digitalCapture")),
    )
    assert [claim.manifest for claim in claimed(found)] == ["a"]


@pytest.mark.parametrize("code", ["signingCredential.untrusted", "assertion.dataHash.mismatch"])
def test_a_parent_with_a_fault_is_not_believed(code: str) -> None:
    found = report(
        a=manifest(action("opened"), below=(below("b", "parentOf", code),)),
        b=manifest(action("created", "digitalCapture")),
    )
    assert [claim.trusted for claim in claimed(found)] == [True, False]
    assert not any(claim.trusted for claim in claimed(found, trusted=False))


def test_a_fault_that_names_no_manifest_counts_for_all_below() -> None:
    record = below("b") | {"validation_status": [{"code": "timeStamp.mismatch", "url": "Cose"}]}
    found = report(
        a=manifest(action("opened"), below=(record,)),
        b=manifest(action("created", "digitalCapture")),
    )
    assert [claim.trusted for claim in claimed(found)] == [True, False]


def test_every_word_has_a_known_kind() -> None:
    kinds = {"captured", "generated", "edited", "other"}
    assert {each.kind for each in words.SOURCE_TYPES.values()} == kinds
    assert {kind for kind, _ in words.ACTIONS.values()} <= kinds


def test_a_store_that_names_itself_ends() -> None:
    found = report(a=manifest(below=(below("b"),)), b=manifest(below=(below("a"), below("b"))))
    assert [visit.label for visit in visits(found)] == ["a", "b"]
    assert _count(tree(found, {}, None)) == 4  # a, b, and two bare records of what is above


def test_a_store_that_doubles_at_every_level_stays_small() -> None:
    levels = {f"m{i}": manifest(below=(below(f"m{i + 1}"),) * 2) for i in range(60)}
    found = report(**levels)
    assert len(visits(found)) == 60
    history = tree(found, {}, None)
    assert MAX_NODES <= _count(history) <= 2 * MAX_NODES + MAX_DEPTH


def _count(node: Manifest | None) -> int:
    return 0 if node is None else 1 + sum(_count(each) for each in node.ingredients)


def test_a_fault_beyond_the_shown_history_is_told() -> None:
    depth = MAX_DEPTH + 10
    levels = {f"m{i}": manifest(below=(below(f"m{i + 1}"),)) for i in range(depth)}
    levels[f"m{depth}"] = manifest(below=(below("end", "parentOf", "assertion.dataHash.mismatch"),))
    found = report(**levels, end=manifest())
    told = cautions(found, Outcome.TRUSTED, ingredient_failures(found), "image/jpeg")
    assert told[0].code == "ingredient_failed"


def test_a_known_signer_is_no_excuse_for_another_fault() -> None:
    link = {"url": "self#jumbf=/c2pa/b/c2pa.signature"}
    said = "signing certificate trusted, found in [mine.pem{}] trust anchors"
    for stamps, left in (("", False), (" time stamps", True)):
        trusted = {"code": "signingCredential.trusted", "explanation": said.format(stamps)} | link
        inside = {"code": "claimSignature.insideValidity"} | link
        delta = {"validationDeltas": {"success": [trusted, inside]}}
        codes = ("signingCredential.untrusted", "signingCredential.expired", "claim.malformed")
        a = manifest(below=(below("b", "parentOf", *codes),))
        found = Report(
            active_manifest="a",
            manifests=report(a=a, b=manifest()).manifests,
            validation_results=msgspec.convert({"ingredientDeltas": [delta]}, Results),
        )
        assert ingredient_failures(found)["b"] == (codes if left else codes[1:])


def test_an_expired_certificate_is_what_another_program_found() -> None:
    """No fault of the bytes, and nothing that was seen here."""
    codes = {"signingCredential.expired": "so found the program that took it in"}
    codes["signingCredential.untrusted"] = "nobody on a trust list"
    for code, words_ in codes.items():
        found = report(a=manifest(below=(below("b", "parentOf", code),)), b=manifest())
        told = cautions(found, Outcome.TRUSTED, ingredient_failures(found), "image/jpeg")
        assert told[0].code == "ingredient_untrusted" and words_ in told[0].statement


def test_ai_is_not_hidden_behind_many_actions() -> None:
    noise = [action("cropped", reason=str(n), description=str(n)) for n in range(MAX_CLAIMS + 50)]
    found = claimed(report(a=manifest(*noise, action("edited", "trainedAlgorithmicMedia"))))
    assert len(found) == MAX_CLAIMS
    assert any(claim.source_type == "trainedAlgorithmicMedia" for claim in found)


def test_foreign_text_is_cut_wherever_it_comes_from() -> None:
    long = "x" * 100_000
    record = below(long, "parentOf", long) | {"title": long}
    raw = manifest(action(long, long, description=long, softwareAgent=long), below=(record,))
    raw |= {"title": long, "claim_generator": long, "signature_info": {"common_name": long}}
    found = parse(json.dumps({"active_manifest": "a", "manifests": {"a": raw, long: raw}}))
    failures = ingredient_failures(found)
    everything = (
        claims(visits(found), failures, trusted=True),
        tree(found, failures, None),
        cautions(found, Outcome.TRUSTED, failures, "image/jpeg"),
    )
    assert len(repr(everything)) < 30_000
