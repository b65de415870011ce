"""What a credential adds to a Result, for each outcome, and the verdict table's questions."""

import pytest

from verascope.provenance import evidence as credential
from verascope.result import (
    Claim,
    Extent,
    Manifest,
    Outcome,
    Provenance,
    ProvenanceWarning,
    Signer,
    Strength,
    Supports,
)

AI = "trainedAlgorithmicMedia"


def claim(source_type: str | None, *, trusted: bool = True, part: bool = False) -> Claim:
    extent = Extent.PART if part else Extent.WHOLE
    kind = "generated" if source_type == AI else "captured" if source_type else "edited"
    return Claim(kind=kind, statement="x", source_type=source_type, extent=extent, trusted=trusted)


def provenance(outcome: Outcome, *claims: Claim, warn: str | None = None) -> Provenance:
    warnings = (ProvenanceWarning(code=warn, statement="w"),) if warn else ()
    trusted = outcome is Outcome.TRUSTED
    signer = Signer(name="Camera", organization=None, trusted=trusted)
    return Provenance(outcome=outcome, claims=claims, warnings=warnings, signer=signer)


def weights(answer: Provenance) -> list[tuple[Supports, Strength]]:
    return [(each.supports, each.strength) for each in credential.evidence(answer)]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (provenance(Outcome.NONE), []),
        (provenance(Outcome.UNSUPPORTED), []),
        (provenance(Outcome.REMOTE_ONLY), [(Supports.NEUTRAL, Strength.WEAK)]),
        (provenance(Outcome.UNREADABLE), [(Supports.NEUTRAL, Strength.WEAK)]),
        (provenance(Outcome.INVALID, claim(AI)), [(Supports.EDITED, Strength.MODERATE)]),
        (
            provenance(Outcome.VALID_UNTRUSTED, claim(AI, trusted=False)),
            [(Supports.SYNTHETIC, Strength.WEAK)],
        ),
        (
            provenance(Outcome.VALID_UNTRUSTED, claim("digitalCapture", trusted=False)),
            [(Supports.NEUTRAL, Strength.WEAK)],
        ),
        (provenance(Outcome.TRUSTED, claim(AI)), [(Supports.SYNTHETIC, Strength.PROOF)]),
        (
            provenance(Outcome.TRUSTED, claim("digitalCapture")),
            [(Supports.AUTHENTIC, Strength.STRONG)],
        ),
        (
            provenance(Outcome.TRUSTED, claim("digitalCapture"), claim(None)),
            [(Supports.AUTHENTIC, Strength.STRONG), (Supports.EDITED, Strength.STRONG)],
        ),
        (
            provenance(Outcome.TRUSTED, claim("digitalCapture"), warn="ingredient_failed"),
            [(Supports.AUTHENTIC, Strength.MODERATE), (Supports.EDITED, Strength.MODERATE)],
        ),
        (
            provenance(Outcome.TRUSTED, claim(AI, trusted=False), warn="ingredient_untrusted"),
            [(Supports.NEUTRAL, Strength.WEAK), (Supports.NEUTRAL, Strength.WEAK)],
        ),
        (provenance(Outcome.TRUSTED), [(Supports.NEUTRAL, Strength.WEAK)]),
    ],
)
def test_weights(answer: Provenance, expected: list[tuple[Supports, Strength]]) -> None:
    assert weights(answer) == expected


def test_invalid_is_never_called_tampered() -> None:
    (found,) = credential.evidence(provenance(Outcome.INVALID))
    assert "does not validate" in found.statement and "tamper" not in found.statement


@pytest.mark.parametrize(
    ("answer", "extent"),
    [
        (provenance(Outcome.TRUSTED, claim(AI)), Extent.WHOLE),
        (provenance(Outcome.TRUSTED, claim(AI, part=True)), Extent.PART),
        (provenance(Outcome.TRUSTED, claim(AI, part=True), claim(AI)), Extent.WHOLE),
        (provenance(Outcome.TRUSTED, claim("compositeSynthetic", part=True)), Extent.PART),
        (provenance(Outcome.TRUSTED, claim(AI, trusted=False)), None),
        (provenance(Outcome.TRUSTED, claim("algorithmicMedia")), None),
        (provenance(Outcome.VALID_UNTRUSTED, claim(AI, trusted=False)), Extent.WHOLE),
        (provenance(Outcome.INVALID, claim(AI, trusted=False)), None),
    ],
)
def test_declares_ai(answer: Provenance, extent: Extent | None) -> None:
    assert credential.declares_ai(answer) is extent


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (provenance(Outcome.TRUSTED, claim("computationalCapture")), True),
        (provenance(Outcome.TRUSTED, claim("negativeFilm")), True),
        (provenance(Outcome.TRUSTED, claim("screenCapture")), False),
        (provenance(Outcome.TRUSTED, claim("digitalCapture", part=True)), False),
        (provenance(Outcome.TRUSTED, claim("digitalCapture", trusted=False)), False),
        (provenance(Outcome.INVALID, claim("digitalCapture", trusted=False)), False),
    ],
)
def test_claims_capture(answer: Provenance, expected: bool) -> None:
    assert credential.claims_capture(answer) is expected


def test_hints_and_actions_of_strangers() -> None:
    stranger = provenance(Outcome.TRUSTED, claim("digitalCapture"), claim(AI, trusted=False))
    assert credential.hints_ai(stranger) and credential.has_ai_action(stranger)
    known = provenance(Outcome.TRUSTED, claim(AI))
    assert not credential.hints_ai(known) and credential.has_ai_action(known)
    assert not credential.hints_ai(provenance(Outcome.INVALID, claim(AI, trusted=False)))


def test_a_failure_deep_in_the_history_is_seen() -> None:
    deep = Manifest(label="c", title=None, failures=("assertion.dataHash.mismatch",))
    middle = Manifest(label="b", title=None, ingredients=(deep,))
    history = Manifest(label="a", title=None, ingredients=(middle,))
    answer = Provenance(outcome=Outcome.TRUSTED, history=history)
    assert credential.has_ingredient_failure(answer)
    assert not credential.has_ingredient_failure(Provenance(outcome=Outcome.TRUSTED))
