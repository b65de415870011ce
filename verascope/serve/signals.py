"""A Result in a few numbers for a ranker. None is ever renamed; new ones may come."""

from verascope.result import Outcome, Result, Verdict

POINTS = ("high_precision", "high_recall")


def signals(result: Result) -> dict[str, float | None]:
    """Numbers from 0 to 1, null where nothing was measured."""
    low, high = result.interval or (None, None)
    thresholds = {point.name: point.threshold for point in result.operating_points}
    found: dict[str, float | None] = {
        "synthetic_score": result.score,
        "synthetic_score_low": low,
        "synthetic_score_high": high,
        "verdict_synthetic": _flag(result.verdict is Verdict.SYNTHETIC, result.verdict),
        "verdict_inconclusive": _flag(result.verdict is Verdict.INCONCLUSIVE, result.verdict),
    }
    for name in POINTS:
        known = result.score is not None and name in thresholds
        found[f"reaches_{name}"] = (
            float(result.score >= thresholds[name]) if known and result.score is not None else None
        )
    provenance = result.provenance
    claims = provenance.claims if provenance else ()
    found["credential_trusted"] = _flag(
        provenance is not None and provenance.outcome is Outcome.TRUSTED, provenance
    )
    found["credential_invalid"] = _flag(
        provenance is not None and provenance.outcome is Outcome.INVALID, provenance
    )
    found["credential_declares_ai"] = _flag(
        any(claim.kind == "generated" for claim in claims), provenance
    )
    return found


def _flag(holds: bool, known: object) -> float | None:
    return float(holds) if known is not None else None
