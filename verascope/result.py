"""The one answer shape: what every face of Verascope returns for one input.

Unknown fields are allowed when a Result is read back, and no field is ever renamed.
"""

from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

SCHEMA_VERSION = "1.1.0"


class Modality(StrEnum):
    """What kind of medium an input is."""

    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    TEXT = "text"

    @property
    def noun(self) -> str:
        """One of it, in a sentence."""
        return "recording" if self is Modality.AUDIO else str(self)


class Status(StrEnum):
    """How far the judging of an input came."""

    SCORED = "scored"
    PARTIAL = "partial"
    SKIPPED = "skipped"
    FAILED = "failed"


class Reason(StrEnum):
    """Why an input was not (wholly) scored. A closed list; SENTENCES says each in words."""

    EMPTY = "empty"
    NOT_A_FILE = "not_a_file"
    UNSUPPORTED_TYPE = "unsupported_type"
    TYPE_MISMATCH = "type_mismatch"
    ENCRYPTED = "encrypted"
    TOO_SHORT = "too_short"
    TOO_LITTLE_CONTENT = "too_little_content"
    NO_FRAMES = "no_frames"
    NOT_PROSE = "not_prose"
    NO_SPEECH = "no_speech"
    LANGUAGE_NOT_COVERED = "language_not_covered"
    NOT_FOUND = "not_found"
    PERMISSION_DENIED = "permission_denied"
    TOO_LARGE = "too_large"
    TOO_MANY_FRAMES = "too_many_frames"
    TRUNCATED = "truncated"
    CORRUPT = "corrupt"
    BAD_ENCODING = "bad_encoding"
    TIMEOUT = "timeout"
    MEMORY_LIMIT = "memory_limit"
    WORKER_CRASHED = "worker_crashed"


SENTENCES: dict[Reason, str] = {
    Reason.EMPTY: "The file has no bytes.",
    Reason.NOT_A_FILE: "This is a folder, link, pipe or device, not a regular file.",
    Reason.UNSUPPORTED_TYPE: "No installed detector reads this type of file.",
    Reason.TYPE_MISMATCH: "The name promises one type, the bytes are another that is not judged.",
    Reason.ENCRYPTED: "The content is encrypted.",
    Reason.TOO_SHORT: "There is too little of it to judge.",
    Reason.TOO_LITTLE_CONTENT: "The picture or sound holds too little to judge.",
    Reason.NO_FRAMES: "The video holds no frame that can be shown.",
    Reason.NOT_PROSE: "The text is not prose.",
    Reason.NO_SPEECH: "The recording holds no speech.",
    Reason.LANGUAGE_NOT_COVERED: "No false positive rate is known for this language.",
    Reason.NOT_FOUND: "There is no such file.",
    Reason.PERMISSION_DENIED: "The file may not be read by this user.",
    Reason.TOO_LARGE: "The file is over a limit on bytes, pixels or duration.",
    Reason.TOO_MANY_FRAMES: "The file claims more frames than the limit.",
    Reason.TRUNCATED: "The file ends before its content does.",
    Reason.CORRUPT: "The file is damaged and cannot be decoded.",
    Reason.BAD_ENCODING: "The bytes are not valid text.",
    Reason.TIMEOUT: "Reading the file took longer than the limit.",
    Reason.MEMORY_LIMIT: "Reading the file needed more memory than the limit.",
    Reason.WORKER_CRASHED: "The isolated process that read the file died.",
}

# Not ours to judge: such an input never changes the exit code.
SKIP_REASONS = frozenset(
    {
        Reason.EMPTY,
        Reason.NOT_A_FILE,
        Reason.UNSUPPORTED_TYPE,
        Reason.TYPE_MISMATCH,
        Reason.ENCRYPTED,
        Reason.TOO_SHORT,
        Reason.TOO_LITTLE_CONTENT,
        Reason.NO_FRAMES,
        Reason.NOT_PROSE,
        Reason.NO_SPEECH,
        Reason.LANGUAGE_NOT_COVERED,
    }
)


def status_of(reason: Reason) -> Status:
    """The status of an input that got no score for this reason: skipped or failed."""
    return Status.SKIPPED if reason in SKIP_REASONS else Status.FAILED


class Warn(StrEnum):
    """Codes in `warnings`: the input was read, but something about it was odd."""

    METADATA_LIMITED = "metadata_limited"
    METADATA_SKIPPED = "metadata_skipped"
    TRAILING_DATA = "trailing_data"
    TYPE_FROM_BYTES = "type_from_bytes"
    FIRST_FRAME_ONLY = "first_frame_only"
    DAMAGED = "damaged"  # data with errors: decoded as far as viewers and players do
    SMALLER_THAN_CROP = "smaller_than_crop"
    SAMPLED = "sampled"  # a long recording: evenly spaced excerpts of it were judged
    NARROW_BAND = "narrow_band"  # nothing above 4 kHz, as of a telephone: detectors know less of it
    PROVENANCE_STOPPED = "provenance_stopped"


class Verdict(StrEnum):
    """The answer to: was it made by a machine? See verdict.py for the rules."""

    SYNTHETIC = "synthetic"
    INCONCLUSIVE = "inconclusive"
    UNREMARKABLE = "unremarkable"
    AUTHENTICATED = "authenticated"


class Extent(StrEnum):
    """How much of the input the verdict is about."""

    WHOLE = "whole"
    PART = "part"


class Outcome(StrEnum):
    """What checking an input's Content Credential gave: one of seven, never fewer."""

    NONE = "none"
    REMOTE_ONLY = "remote_only"
    UNSUPPORTED = "unsupported"
    UNREADABLE = "unreadable"
    INVALID = "invalid"
    VALID_UNTRUSTED = "valid_untrusted"
    TRUSTED = "trusted"


class Supports(StrEnum):
    """Which reading a piece of evidence speaks for."""

    SYNTHETIC = "synthetic"
    AUTHENTIC = "authentic"
    EDITED = "edited"
    NEUTRAL = "neutral"


class Strength(StrEnum):
    """How much a piece of evidence weighs."""

    PROOF = "proof"
    STRONG = "strong"
    MODERATE = "moderate"
    WEAK = "weak"


class Input(Struct, frozen=True, kw_only=True):
    """The input as far as it could be read. Sizes are of the upright picture, in pixels.

    Of a text, `characters` counts those that are judged, and `language` is an ISO 639 code;
    `author` is whose post a row is, where that was asked for.
    """

    uri: str
    part: str | None = None
    sha256: str | None = None
    bytes: int | None = None
    media_type: str | None = None
    modality: Modality | None = None
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    characters: int | None = None
    language: str | None = None
    author: str | None = None


class Segment(Struct, frozen=True, kw_only=True):
    """One window of the input with its own score.

    `box` is (x, y, width, height) in pixels of the upright picture; `span` is (start, end), in
    seconds for sound and video, in characters for text.
    """

    logit: float
    score: float
    box: tuple[int, int, int, int] | None = None
    span: tuple[float, float] | None = None


class OperatingPoint(Struct, frozen=True, kw_only=True):
    """A threshold on the calibrated score, and how many real and synthetic inputs reach it.

    Both shares are of inputs whose sources were kept out of the training of the model that scored
    them, with 95 % intervals over those sources: `false_positive_rate` of the real ones with its
    `interval`, `true_positive_rate` of the synthetic ones, null where that was not measured.
    """

    name: str
    threshold: float
    false_positive_rate: float
    interval: tuple[float, float]
    true_positive_rate: float | None = None
    true_positive_interval: tuple[float, float] | None = None


class Nearest(Struct, frozen=True, kw_only=True):
    """The family of generators whose traces are nearest, as a hint and no more.

    `confidence` is how often hints of this strength were right for generators' sources that were
    kept out of training, with its 95 % interval over sources.
    """

    family: str
    confidence: float
    interval: tuple[float, float]


class DetectorScore(Struct, frozen=True, kw_only=True):
    """What one detector said. `operating_point` names the strictest point that was reached.

    `nearest` is given where one was reached and the detector knows families, `reasons` where it can
    say in words what weighed most.
    """

    name: str
    version: str
    sha256: str
    logit: float
    score: float
    interval: tuple[float, float]
    operating_point: str | None
    segments: tuple[Segment, ...] = ()
    nearest: Nearest | None = None
    reasons: tuple[str, ...] = ()


class Evidence(Struct, frozen=True, kw_only=True):
    """One reason for the verdict, in plain words, with what it rests on."""

    kind: str
    supports: Supports
    strength: Strength
    statement: str
    details: dict[str, Any] = {}


class Signer(Struct, frozen=True, kw_only=True):
    """Who signed. Names are the signer's own words unless `trusted`."""

    name: str | None
    organization: str | None
    trusted: bool
    algorithm: str | None = None
    serial_number: str | None = None


class Claim(Struct, frozen=True, kw_only=True):
    """One thing that a manifest says of the making of the media.

    `kind` is captured, generated, edited or other; `statement` says it in words. `source_type` is
    the last word of the IPTC or C2PA term (`trainedAlgorithmicMedia`), or all of what is written
    where it is no such term. `trusted` where a signer on a trust list says it and nothing about
    that manifest failed; otherwise anyone may say it.
    """

    kind: str
    statement: str
    action: str | None = None
    source_type: str | None = None
    extent: Extent = Extent.WHOLE
    manifest: str | None = None
    signer: str | None = None
    trusted: bool = False


class ProvenanceWarning(Struct, frozen=True, kw_only=True):
    """Something about a credential that its outcome alone does not tell."""

    code: str
    statement: str


class Manifest(Struct, frozen=True, kw_only=True):
    """A node of the history: one manifest (or a bare ingredient) and what went into it.

    `label` is null for an ingredient without a credential of its own. `failures` are the codes
    that were recorded when the ingredient was added, and those found now.
    """

    label: str | None
    title: str | None
    claim_generator: str | None = None
    signer: Signer | None = None
    signed_at: str | None = None
    relationship: str | None = None
    failures: tuple[str, ...] = ()
    ingredients: tuple["Manifest", ...] = ()


class Recovered(Struct, frozen=True, kw_only=True):
    """A registered file that looks like the input, and the credential that it had.

    Never the input's own: `distance` of 256 bits differ, and `outcome`, `trusted_by`, `signer` and
    `claims` are what verifying that other file said when it was registered. `turned` says how the
    input has to be turned to look so. The hashes are those of the file and of its manifest store.
    """

    distance: int
    turned: str
    registered_at: str
    sha256: str
    manifest_sha256: str
    outcome: Outcome
    trusted_by: tuple[str, ...] = ()
    signer: Signer | None = None
    claims: tuple[Claim, ...] = ()


class Provenance(Struct, frozen=True, kw_only=True):
    """What the input's Content Credential says, and whether it holds.

    `trust_lists` are the lists that were asked, `trusted_by` those that know the signer.
    `failures` are the library's codes for the active manifest and what it rests on, `detail` its
    own words for the first of them or for why nothing could be read. `signed_at_trusted`: an
    independent time stamp from a listed authority says so, not the signer's own clock.
    `recovered` are registered files that look alike, if a registry was asked: other files.
    """

    outcome: Outcome
    detail: str | None = None
    trust_lists: tuple[str, ...] = ()
    trusted_by: tuple[str, ...] = ()
    signer: Signer | None = None
    signed_at: str | None = None
    signed_at_trusted: bool = False
    claims: tuple[Claim, ...] = ()
    warnings: tuple[ProvenanceWarning, ...] = ()
    failures: tuple[str, ...] = ()
    history: Manifest | None = None
    remote_url: str | None = None
    recovered: tuple[Recovered, ...] = ()


class Verification(Struct, frozen=True, kw_only=True):
    """What `verify` answers for one input: its Provenance, or the reason why there is none.

    `status` is `scored` whenever one of the seven outcomes was reached.
    """

    input: Input
    status: Status
    reason: Reason | None = None
    detail: str | None = None
    provenance: Provenance | None = None

    @classmethod
    def of(cls, input: Input, provenance: Provenance) -> "Verification":
        """The answer for an input whose outcome was reached."""
        return cls(input=input, status=Status.SCORED, provenance=provenance)

    @classmethod
    def failed(cls, input: Input, reason: Reason, detail: str | None = None) -> "Verification":
        """The answer for an input that could not be asked: skipped or failed, by the reason."""
        return cls(input=input, status=status_of(reason), reason=reason, detail=detail)

    def to_json(self) -> bytes:
        """One line of JSON (UTF-8, no newline), the fields of Provenance at the top level.

        The fields are the same whatever happened; without a Provenance they are null or empty.
        """
        about = {"input": self.input, "status": self.status, "reason": self.reason}
        if self.provenance is not None:
            return msgspec.json.encode(about | msgspec.structs.asdict(self.provenance))
        nothing = msgspec.structs.asdict(Provenance(outcome=Outcome.NONE, detail=self.detail))
        return msgspec.json.encode(about | nothing | {"outcome": None})


class PolicyDecision(Struct, frozen=True, kw_only=True):
    """The action that the policy chose and the rule that chose it."""

    action: str
    rule: str


class Result(Struct, frozen=True, kw_only=True):
    """One input's answer. Every input gets exactly one, whatever happened to it.

    `score` is the calibrated probability (0 to 1) that the input is synthetic if synthetic and
    real inputs are as frequent as `prior` says; `interval` its 95 % interval; both null where
    nothing was scored. `timing` is in milliseconds by stage; `attempts` is 2 where the first one
    cost a worker its life.
    """

    input: Input
    status: Status
    reason: Reason | None = None
    detail: str | None = None
    warnings: tuple[str, ...] = ()
    verdict: Verdict | None = None
    extent: Extent | None = None
    rule: str | None = None
    score: float | None = None
    interval: tuple[float, float] | None = None
    prior: float | None = None
    operating_points: tuple[OperatingPoint, ...] = ()
    detectors: tuple[DetectorScore, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    provenance: Provenance | None = None
    policy: PolicyDecision | None = None
    attempts: int = 1
    timing: dict[str, float] = {}
    versions: dict[str, str] = {}
    schema_version: str = SCHEMA_VERSION

    def to_json(self) -> bytes:
        """The Result as one line of JSON (UTF-8, no newline)."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, line: bytes | str) -> "Result":
        """Read a Result back; unknown fields are ignored.

        Raises:
            msgspec.ValidationError: the line is not a Result.
        """
        return msgspec.json.decode(line, type=cls)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of Result (draft 2020-12)."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:verascope:result:{SCHEMA_VERSION}",
        "title": "Verascope Result",
    }
    return head | msgspec.json.schema(Result)
