"""What the law asks of a Result: the fields that a scanner can fill; the others stay null.

`dsa-sor`: a statement of reasons as the DSA Transparency Database takes it (Regulation (EU)
2022/2065, articles 17 and 24(5)). `sb942`: what California's Bus. & Prof. Code § 22757 calls system
provenance data, never personal provenance data. Neither is legal advice; what a decision rests on,
its grounds and its dates are the platform's to say.
"""

from typing import Any

from verascope.result import Outcome, Result, Verdict

LEFT = (  # to the platform
    "decision_visibility",
    "decision_ground",
    "category",
    "content_date",
    "application_date",
    "source_type",
    "automated_decision",
    "territorial_scope",
)
MODALITIES = {"image": "IMAGE", "video": "VIDEO", "audio": "AUDIO", "text": "TEXT"}
SIGNED = (Outcome.TRUSTED, Outcome.VALID_UNTRUSTED)


def dsa_sor(result: Result) -> dict[str, Any]:
    """The parts of a statement of reasons that follow from a Result."""
    kinds = [f"CONTENT_TYPE_{MODALITIES[result.input.modality]}"] if result.input.modality else []
    if result.verdict is Verdict.SYNTHETIC:
        kinds.append("CONTENT_TYPE_SYNTHETIC_MEDIA")
    versions = ", ".join(f"{name} {version}" for name, version in sorted(result.versions.items()))
    facts = " ".join(each.statement for each in result.evidence) or (result.detail or "")
    found: dict[str, Any] = {
        "puid": result.input.sha256,
        "automated_detection": "Yes",
        "content_type": kinds,
        "decision_facts": f"{facts} (Found by {versions}.)".strip(),
    }
    return found | dict.fromkeys(LEFT)


def sb942(result: Result) -> dict[str, Any]:
    """Which provenance data are there, what made the file, when; nobody's name."""
    provenance = result.provenance
    manifest = provenance.history if provenance else None
    name, _, version = (manifest.claim_generator or "" if manifest else "").partition("/")
    signed = provenance is not None and provenance.outcome in SIGNED
    return {
        "input": result.input.uri,
        "available": manifest is not None,
        "signed": signed,
        "generator_name": name or None,
        "generator_version": version.split(" ")[0] or None,
        "created_at": provenance.signed_at if provenance else None,
        "unique_id": manifest.label if manifest else None,
        "outcome": provenance.outcome if provenance else None,
    }


FORMATS = {"dsa-sor": dsa_sor, "sb942": sb942}
