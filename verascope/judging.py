"""What was found of an input, and what its detectors made of it, to one Result."""

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from verascope import __version__
from verascope.detect.contract import Detector, GivesReasons, Locates, TellsFamily, Windows
from verascope.detect.evidence import evidence as detector_evidence
from verascope.detect.evidence import points_of, reached
from verascope.detect.profile import Profile
from verascope.exchange import Reading
from verascope.provenance import evidence as credential
from verascope.result import (
    DetectorScore,
    Evidence,
    Input,
    Nearest,
    OperatingPoint,
    Reason,
    Result,
    Status,
    status_of,
)
from verascope.verdict import Case, Reach, decide

if TYPE_CHECKING:
    from verascope.detect.heat import Heat  # imports Pillow, which few runs need here


class Judged(NamedTuple):
    """What one detector made of one input.

    A heat map where one was wanted and can be made; the user's calibration where there is one.
    """

    detector: Detector
    score: DetectorScore
    heat: "Heat | None" = None
    profile: Profile | None = None

    @property
    def operating_points(self) -> tuple[OperatingPoint, ...]:
        """The thresholds in force."""
        return points_of(self.detector, self.profile)


def judge(
    detector: Detector, windows: Windows, *, heat: bool = False, profile: Profile | None = None
) -> Judged:
    """Windows to logits to one calibrated score; with `heat`, to a map and its regions too.

    A `profile` sets which operating point the score reaches; it does not change the score.
    """
    if isinstance(detector, TellsFamily):
        logits, nearest = detector.score_and_nearest(windows.values)
    else:
        logits, nearest = detector.score(windows.values), None
    judged = judge_scored(detector, windows, logits, nearest=nearest, profile=profile)
    found = detector.heat(windows) if heat and isinstance(detector, Locates) else None
    if found is None:
        return judged
    least = min(point.threshold for point in judged.operating_points)
    segments = (*judged.score.segments, *found.regions(least))
    score = msgspec.structs.replace(judged.score, segments=segments)
    return Judged(detector, score, found, profile)


def judge_scored(
    detector: Detector,
    windows: Windows,
    logits: NDArray[np.float32],
    *,
    nearest: Nearest | None = None,
    profile: Profile | None = None,
) -> Judged:
    """Windows and their logits to one calibrated score."""
    points = points_of(detector, profile)
    logit = detector.pool(logits)
    estimate = detector.calibrate(logit)
    point = reached(estimate.score, points)
    score = DetectorScore(
        name=detector.name,
        version=detector.version,
        sha256=detector.sha256,
        logit=logit,
        score=estimate.score,
        interval=estimate.interval,
        operating_point=point.name if point else None,
        segments=detector.segments(windows, logits),
        nearest=nearest if point else None,
        reasons=_reasons(detector, windows, logits) if point else (),
    )
    return Judged(detector, score, profile=profile)


def _reasons(detector: Detector, windows: Windows, logits: NDArray[np.float32]) -> tuple[str, ...]:
    return detector.reasons(windows, logits) if isinstance(detector, GivesReasons) else ()


def result_of(reading: Reading, uri: str, judged: list[Judged], timing: dict[str, float]) -> Result:
    """Everything that is known of an input, and the verdict that the table draws from it."""
    # Where several detectors judge one modality, the first one named has the word.
    main = judged[0] if judged else None
    rule = decide(_case(main.score if main else None, reading))
    return Result(
        input=input_of(reading, uri),
        status=_status(reading, scored=main is not None),
        reason=reading.reason,
        detail=reading.detail,
        warnings=reading.warnings,
        verdict=rule.verdict,
        extent=rule.extent,
        rule=rule.name,
        score=main.score.score if main else None,
        interval=main.score.interval if main else None,
        prior=main.detector.prior if main else None,
        operating_points=main.operating_points if main else (),
        detectors=tuple(each.score for each in judged),
        evidence=tuple(_evidence(reading, judged)),
        provenance=reading.provenance,
        timing=timing,
        versions=_versions(judged),
    )


def input_of(reading: Reading, uri: str) -> Input:
    """The facts of an input."""
    return Input(
        uri=uri,
        sha256=reading.sha256,
        bytes=reading.bytes,
        media_type=reading.media_type,
        modality=reading.modality,
        width=reading.width,
        height=reading.height,
        duration_s=reading.duration_s,
        characters=reading.characters,
        language=reading.language,
    )


def _versions(judged: list[Judged]) -> dict[str, str]:
    """What made the Result: the package, the models, the calibrations that set its thresholds."""
    found = {"verascope": __version__, **{each.score.name: each.score.version for each in judged}}
    if labels := [each.profile.label for each in judged if each.profile is not None]:
        found["calibration"] = ", ".join(labels)
    return found


def _status(reading: Reading, *, scored: bool) -> Status:
    if scored:
        return Status.PARTIAL if reading.reason else Status.SCORED
    return status_of(reading.reason or Reason.UNSUPPORTED_TYPE)


def _evidence(reading: Reading, judged: list[Judged]) -> list[Evidence]:
    """Of the detectors, the credential, similar files' credentials and unsigned marks."""
    found = [detector_evidence(each.score, each.detector, each.profile) for each in judged]
    if reading.provenance is not None:
        found += credential.evidence(reading.provenance)
        if reading.provenance.recovered:
            from verascope.provenance import recovery

            found += recovery.evidence(reading.provenance)
    if reading.marks:
        from verascope.provenance import marks

        found += marks.evidence(reading.marks)
    return found


def _case(main: DetectorScore | None, reading: Reading) -> Case:
    """What the verdict table may look at: the score's reach, the credential, unsigned marks."""
    point = main.operating_point if main else None
    case = Case(
        scored=main is not None,
        reach=Reach(point) if point else None,
        hints_ai=_marked_ai(reading),
    )
    provenance = reading.provenance
    if provenance is None:
        return case
    return msgspec.structs.replace(
        case,
        outcome=provenance.outcome,
        declares_ai=credential.declares_ai(provenance),
        claims_capture=credential.claims_capture(provenance),
        has_ai_action=credential.has_ai_action(provenance),
        ingredient_failure=credential.has_ingredient_failure(provenance),
        hints_ai=case.hints_ai or credential.hints_ai(provenance),
    )


def _marked_ai(reading: Reading) -> bool:
    if not reading.marks:
        return False  # as nearly always: spares the import of what explains marks
    from verascope.provenance import marks

    return marks.declares_ai(reading.marks) is not None
