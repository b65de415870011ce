"""What an outcome alone does not tell about a credential, as warnings in plain words."""

from collections.abc import Iterator

from verascope.provenance import words
from verascope.provenance.history import Failures, cut, named
from verascope.provenance.report import IDENTITY_PREFIX, Report
from verascope.result import Outcome, ProvenanceWarning

MAX_WARNINGS = 50
# In these containers the library always leaves some bytes out, by the specification.
ALWAYS_EXCLUDES = (
    "video/",
    "audio/mp4",
    "image/avif",
    "image/hei",
    "image/tiff",
    "image/x-",
    "image/dng",
)
UNTRUSTED, EXPIRED = "signingCredential.untrusted", "signingCredential.expired"
ABOUT_SIGNER = frozenset({UNTRUSTED, EXPIRED})


def cautions(
    report: Report, outcome: Outcome, failures: Failures, media_type: str
) -> tuple[ProvenanceWarning, ...]:
    """All warnings, the weightiest first.

    They rest on the report, not on the history made from it, which is cut at a length.
    """
    found = [
        *_about_ingredients(report, failures),
        *_about_signer(report, outcome),
        *_about_content(report, media_type),
        *_about_checks(report),
    ]
    return tuple(dict.fromkeys(found))[:MAX_WARNINGS]


def _about_ingredients(report: Report, failures: Failures) -> Iterator[ProvenanceWarning]:
    """Faults first, so that none is lost where there are too many."""
    failed = {label for label, codes in failures.items() if set(codes) - ABOUT_SIGNER}
    for label in sorted(failures, key=lambda label: label not in failed):
        if label == report.active_manifest:
            continue
        name = _title(report, label)
        faults = [code for code in failures[label] if code not in ABOUT_SIGNER]
        if faults:
            why = "; ".join(dict.fromkeys(words.failure(code) for code in faults))
            yield ProvenanceWarning(
                code="ingredient_failed",
                statement=f"{name}, which went into this file, does not validate: {why}. "
                "What its credential says cannot be relied upon.",
            )
        else:
            yield ProvenanceWarning(
                code="ingredient_untrusted",
                statement=f"{name}, which went into this file, {_signer(failures[label])}. "
                "What its credential says is anyone's word.",
            )


def _signer(codes: tuple[str, ...]) -> str:
    """What is wrong with the signer of an ingredient, and who found so."""
    if UNTRUSTED in codes:
        return "was signed by nobody on a trust list"
    return "was signed with a certificate that had expired, so found the program that took it in"


def _title(report: Report, label: str) -> str:
    raw = report.manifests.get(label)
    title = cut(raw.title) if raw else None
    return f"“{title}”" if title else "An earlier version or a part"


def _about_signer(report: Report, outcome: Outcome) -> Iterator[ProvenanceWarning]:
    signer = named(report.active, trusted=False)
    if outcome is not Outcome.TRUSTED and signer:
        name = signer.name or signer.organization or "no name"
        yield ProvenanceWarning(
            code="unproven_name",
            statement=f"The signer calls itself “{name}”. That proves nothing: a certificate with "
            "any name can be made by anyone.",
        )
    if report.says("signingCredential.expired"):
        yield ProvenanceWarning(
            code="expired_certificate",
            statement="The signer's certificate has expired, and no trusted time stamp says that "
            "the file was signed before. That is no sign of a change.",
        )


def _about_content(report: Report, media_type: str) -> Iterator[ProvenanceWarning]:
    informational = {code.code for code in report.codes.informational}
    excluded = any(code.endswith(".additionalExclusionsPresent") for code in informational)
    if excluded and not media_type.startswith(ALWAYS_EXCLUDES):
        yield ProvenanceWarning(
            code="excluded_bytes",
            statement="Some bytes outside the credential are not covered by the signature and may "
            "be anything.",
        )
    if any(manifest.redactions for manifest in report.manifests.values()):
        yield ProvenanceWarning(
            code="redacted",
            statement="Something was removed on purpose from the file's recorded history.",
        )


def _about_checks(report: Report) -> Iterator[ProvenanceWarning]:
    codes = (*report.codes.success, *report.codes.informational, *report.codes.failure)
    labels = [each.label for each in report.active.assertions or ()]
    if any(text.startswith(IDENTITY_PREFIX + "identity") for text in labels) or any(
        each.code.startswith(IDENTITY_PREFIX) for each in codes
    ):
        yield ProvenanceWarning(
            code="identity_not_checked",
            statement="The credential also names a person or organisation (CAWG identity). That "
            "was not checked.",
        )
    if not any("notRevoked" in each.code or "ocsp.revoked" in each.code for each in codes):
        yield ProvenanceWarning(
            code="revocation_not_checked",
            statement="Whether the signer's certificate was withdrawn was not checked: that needs "
            "a network.",
        )
