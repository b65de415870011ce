"""What a registry knows of files that look like an input, told beside the input's own outcome."""

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from verascope.provenance import words
from verascope.provenance.evidence import INTACT
from verascope.provenance.fingerprint import BITS, Fingerprint, usable
from verascope.result import (
    Evidence,
    Extent,
    Input,
    Provenance,
    ProvenanceWarning,
    Recovered,
    Strength,
    Supports,
)

if TYPE_CHECKING:
    from verascope.provenance.registry import Registry

CODE = "similar_registered"
TROUBLE_CODE = "registry_unreadable"
MAX_CLAIMS = 3


class Matches(NamedTuple):
    """Registered files that look alike, and what kept others from being found."""

    files: tuple[Recovered, ...] = ()
    trouble: str | None = None


class Found(NamedTuple):
    """What the worker says of a file that is to be registered."""

    provenance: Provenance
    fingerprint: Fingerprint | None
    store: bytes | None


class Registration(NamedTuple):
    """What became of a file that was to be registered; `refused` says why it is not."""

    input: Input
    new: bool = False
    refused: str | None = None


def register(registry: "Registry", source: Input, found: Found) -> Registration:
    """Register a file whose credential holds and whose fingerprint means something."""
    from verascope.provenance.registry import Asset

    provenance, fingerprint, store = found
    if provenance.outcome not in INTACT or not store:
        why = f"It has no credential that holds ({provenance.outcome})."
        return Registration(source, refused=why)
    if fingerprint is not None and fingerprint.missing is not None:
        return Registration(source, refused=f"{fingerprint.missing}.")
    if fingerprint is None or not usable(fingerprint):
        return Registration(source, refused="It is too plain for a fingerprint to mean anything.")
    asset = Asset(
        sha256=source.sha256 or "",
        media_type=source.media_type or "",
        fingerprint=fingerprint,
        store=store,
        provenance=provenance,
    )
    return Registration(source, new=registry.add(asset))


def told(provenance: Provenance, found: Matches) -> Provenance:
    """The same outcome, with what was found beside it and a warning for each, and for trouble."""
    warnings = [ProvenanceWarning(code=CODE, statement=statement(each)) for each in found.files]
    if found.trouble is not None:
        said = f"Similar files may have been missed: {found.trouble}."
        warnings.append(ProvenanceWarning(code=TROUBLE_CODE, statement=said))
    return msgspec.structs.replace(
        provenance, recovered=found.files, warnings=(*provenance.warnings, *warnings)
    )


def evidence(provenance: Provenance) -> tuple[Evidence, ...]:
    """Weak, always: a similar file had these credentials, and this one may have been changed."""
    return tuple(
        Evidence(
            kind="recovered",
            supports=Supports.SYNTHETIC if _declares_ai(each) else Supports.NEUTRAL,
            strength=Strength.WEAK,
            statement=statement(each),
            details={
                "distance": each.distance,
                "sha256": each.sha256,
                "manifest_sha256": each.manifest_sha256,
                "outcome": each.outcome,
            },
        )
        for each in provenance.recovered
    )


def statement(found: Recovered) -> str:
    """A match in plain words, its distance first."""
    signer = found.signer and (found.signer.name or found.signer.organization)
    said = "; ".join(dict.fromkeys(claim.statement for claim in found.claims[:MAX_CLAIMS]))
    lists = f" (list {', '.join(found.trusted_by)})" if found.trusted_by else ""
    turned = "" if found.turned == "as it is" else f", {found.turned}"
    return (
        f"A similar file ({found.distance} of {BITS} bits differ{turned}) was registered on "
        f"{found.registered_at[:10]} with a Content Credential that was then {found.outcome}"
        f"{lists}, signed by “{signer or 'no name'}”"
        + (f", and says: {said}" if said else "")
        + ". That is said of that file, not of this one."
    )


def _declares_ai(found: Recovered) -> bool:
    return any(
        claim.trusted and claim.extent is Extent.WHOLE and claim.source_type == words.AI_WHOLE
        for claim in found.claims
    )
