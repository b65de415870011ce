"""A credential as evidence for a Result, and the questions that the verdict table asks of it."""

from collections.abc import Iterator
from typing import Any

from verascope.provenance import words
from verascope.result import (
    Claim,
    Evidence,
    Extent,
    Manifest,
    Outcome,
    Provenance,
    Strength,
    Supports,
)

KIND = "credential"
INTACT = frozenset({Outcome.TRUSTED, Outcome.VALID_UNTRUSTED})


def declares_ai(provenance: Provenance) -> Extent | None:
    """How much of the file its credential declares as AI, in the name of whoever signed it.

    Under a trusted signer only claims count that are trusted themselves; under an unknown one all
    do, and mean as little. A credential that does not validate declares nothing.
    """
    extents = {claim.extent for claim in _heard(provenance) if claim.source_type in words.AI_TYPES}
    if Extent.WHOLE in extents:
        return Extent.WHOLE
    return Extent.PART if extents else None


def hints_ai(provenance: Provenance) -> bool:
    """Whether an intact credential declares AI anywhere by a signer who is not trusted.

    That may be a part's signer, under a trusted one of the whole.
    """
    return provenance.outcome in INTACT and any(
        claim.source_type in words.AI_TYPES and not claim.trusted for claim in provenance.claims
    )


def claims_capture(provenance: Provenance) -> bool:
    """Whether the credential says that the file as a whole began in a camera or on film."""
    return any(
        claim.source_type in words.CAPTURE_TYPES and claim.extent is Extent.WHOLE
        for claim in _heard(provenance)
    )


def has_ai_action(provenance: Provenance) -> bool:
    """Whether anything in the file's history names AI, by whomever, for however small a part."""
    return any(claim.source_type in words.AI_TYPES for claim in provenance.claims)


def has_ingredient_failure(provenance: Provenance) -> bool:
    """Whether something that went into the file did not validate, or has an unknown signer."""
    return any(warning.code.startswith("ingredient_") for warning in provenance.warnings) or any(
        node.failures for node in _below(provenance.history)
    )


def is_intact(provenance: Provenance | None) -> bool:
    """Whether there is a credential that holds, whoever signed it."""
    return provenance is not None and provenance.outcome in INTACT


def evidence(provenance: Provenance) -> tuple[Evidence, ...]:
    """What the credential adds to a Result; nothing where there is none."""
    return tuple(_evidence(provenance))


def _evidence(provenance: Provenance) -> Iterator[Evidence]:
    match provenance.outcome:
        case Outcome.REMOTE_ONLY | Outcome.UNREADABLE:
            yield _item(provenance, Supports.NEUTRAL, Strength.WEAK)
        case Outcome.INVALID:
            statement = "There is a Content Credential, and it does not validate"
            reason = f": {provenance.detail}." if provenance.detail else "."
            yield _item(provenance, Supports.EDITED, Strength.MODERATE, statement + reason)
        case Outcome.VALID_UNTRUSTED:
            yield from _untrusted(provenance)
        case Outcome.TRUSTED:
            yield from _trusted(provenance)


def _trusted(provenance: Provenance) -> Iterator[Evidence]:
    """A known signer's word: proof of AI, strong for a capture, and what stands against it."""
    who = f"{_signer(provenance)}, whose signature holds and is trusted, says: "
    extent = declares_ai(provenance)
    if extent is not None:
        ai = next(
            c for c in _heard(provenance) if c.source_type in words.AI_TYPES and c.extent is extent
        )
        yield _item(provenance, Supports.SYNTHETIC, Strength.PROOF, who + _say(ai), ai)
    elif claims_capture(provenance):
        capture = next(c for c in _heard(provenance) if c.source_type in words.CAPTURE_TYPES)
        held = not has_ingredient_failure(provenance)
        strength = Strength.STRONG if held else Strength.MODERATE
        yield _item(provenance, Supports.AUTHENTIC, strength, who + _say(capture), capture)
    edits = [claim for claim in _heard(provenance) if claim.kind == "edited"]
    if edits:
        said = "; ".join(dict.fromkeys(claim.statement for claim in edits[:5]))
        yield _item(provenance, Supports.EDITED, Strength.STRONG, f"{who}{said}.")
    if not edits and extent is None and not claims_capture(provenance):
        statement = f"{_signer(provenance)}, whose signature holds and is trusted, does not say "
        yield _item(provenance, Supports.NEUTRAL, Strength.WEAK, statement + "how it was made.")
    yield from _ingredients(provenance)


def _ingredients(provenance: Provenance) -> Iterator[Evidence]:
    """What is wrong with the things that went into the file, each kind of trouble once."""
    weights = {
        "ingredient_failed": (Supports.EDITED, Strength.MODERATE),
        "ingredient_untrusted": (Supports.NEUTRAL, Strength.WEAK),
    }
    for code, (supports, strength) in weights.items():
        warning = next((each for each in provenance.warnings if each.code == code), None)
        if warning is not None:
            yield _item(provenance, supports, strength, warning.statement)


def _untrusted(provenance: Provenance) -> Iterator[Evidence]:
    """An unknown signer's word: worth telling, easily forged."""
    ai = next((c for c in provenance.claims if c.source_type in words.AI_TYPES), None)
    if ai is None:
        yield _item(provenance, Supports.NEUTRAL, Strength.WEAK)
        return
    statement = (
        f"A signature that nobody vouches for says: {_say(ai)} Anyone could have written it."
    )
    yield _item(provenance, Supports.SYNTHETIC, Strength.WEAK, statement, ai)


def _item(
    provenance: Provenance,
    supports: Supports,
    strength: Strength,
    statement: str | None = None,
    claim: Claim | None = None,
) -> Evidence:
    details: dict[str, Any] = {
        "outcome": provenance.outcome,
        "trusted_by": list(provenance.trusted_by),
    }
    if claim is not None:
        details |= {"source_type": claim.source_type, "action": claim.action}
    return Evidence(
        kind=KIND,
        supports=supports,
        strength=strength,
        statement=statement or words.OUTCOMES[provenance.outcome],
        details=details,
    )


def _heard(provenance: Provenance) -> list[Claim]:
    """The claims that count for what they are: all of an unknown signer's, a known one's own."""
    if provenance.outcome not in INTACT:
        return []
    trusted_only = provenance.outcome is Outcome.TRUSTED
    return [claim for claim in provenance.claims if claim.trusted or not trusted_only]


def _say(claim: Claim) -> str:
    says_part = claim.source_type in words.AI_PART  # its words say so already
    part = "a part of it is " if claim.extent is Extent.PART and not says_part else ""
    return f"{part}{claim.statement}."


def _signer(provenance: Provenance) -> str:
    signer = provenance.signer
    return (signer and (signer.name or signer.organization)) or "The signer"


def _below(history: Manifest | None) -> Iterator[Manifest]:
    for each in history.ingredients if history else ():
        yield each
        yield from _below(each)
