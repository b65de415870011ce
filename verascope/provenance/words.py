"""Every C2PA term that a person may meet, in plain words."""

import re
from typing import NamedTuple

from verascope.result import Claim, Extent, Outcome

OUTCOMES: dict[Outcome, str] = {
    Outcome.NONE: "There is no Content Credential in this file. That says nothing about it: most "
    "files have none, and every platform that re-encodes removes it.",
    Outcome.REMOTE_ONLY: "The file only names an address where its Content Credential should be. "
    "Nothing was fetched.",
    Outcome.UNSUPPORTED: "Content Credentials cannot be read from this kind of file.",
    Outcome.UNREADABLE: "Whether there is a Content Credential, and whether it holds, could not be "
    "found out.",
    Outcome.INVALID: "There is a Content Credential, and it does not validate. The file or the "
    "credential was changed after signing, or it was never made as the rules demand.",
    Outcome.VALID_UNTRUSTED: "The Content Credential is intact, but nobody vouches for its signer. "
    "Anyone could have made it.",
    Outcome.TRUSTED: "The Content Credential is intact and its signer is on a trust list. What it "
    "says is the signer's word.",
}


class SourceType(NamedTuple):
    """What a declared digital source type means: a Claim's kind, and in words."""

    kind: str
    statement: str


# A term in full, or its last word alone. Another vocabulary's word of that name means what it says
# there, which we do not know.
TERM = re.compile(
    r"(?:https?://(?:cv\.iptc\.org/newscodes|c2pa\.org)/digitalsourcetype/)?([^/:]+)/?",
    re.IGNORECASE,
)
MAX_TERM = 100  # characters that are kept of one that is unknown
# IPTC's and C2PA's terms, by their last word.
SOURCE_TYPES: dict[str, SourceType] = {
    "trainedAlgorithmicMedia": SourceType("generated", "made by generative AI"),
    "compositeWithTrainedAlgorithmicMedia": SourceType(
        "generated", "partly made or changed by generative AI"
    ),
    "compositeSynthetic": SourceType("generated", "put together, with parts made by generative AI"),
    "algorithmicMedia": SourceType(
        "generated", "made by an algorithm that was not trained (no AI)"
    ),
    "algorithmicallyEnhanced": SourceType("edited", "enhanced by an algorithm"),
    "dataDrivenMedia": SourceType("generated", "made from data by a program"),
    "trainedAlgorithmicData": SourceType("other", "data made by a trained algorithm"),
    "digitalCapture": SourceType("captured", "captured by a camera or a recorder"),
    "computationalCapture": SourceType(
        "captured", "captured by a camera that combines several exposures"
    ),
    "negativeFilm": SourceType("captured", "scanned from a film negative"),
    "positiveFilm": SourceType("captured", "scanned from a film positive"),
    "print": SourceType("captured", "scanned from a print"),
    "compositeCapture": SourceType("captured", "put together from several captures"),
    "screenCapture": SourceType("other", "captured from a screen"),
    "virtualRecording": SourceType("other", "recorded in a virtual scene"),
    "composite": SourceType("edited", "put together from several parts"),
    "humanEdits": SourceType("edited", "changed by a person"),
    "minorHumanEdits": SourceType("edited", "changed a little by a person"),
    "digitalCreation": SourceType("other", "drawn or made by a person in a program"),
    "digitalArt": SourceType("other", "drawn or made by a person in a program"),
    "softwareImage": SourceType("other", "made in a program"),
    "empty": SourceType("other", "an empty file to begin with"),
}
AI_WHOLE = "trainedAlgorithmicMedia"
AI_PART = frozenset({"compositeWithTrainedAlgorithmicMedia", "compositeSynthetic"})
AI_TYPES = AI_PART | {AI_WHOLE}
CAPTURE_TYPES = frozenset(
    {"digitalCapture", "computationalCapture", "negativeFilm", "positiveFilm"}
)

# Actions without the prefix `c2pa.`: a Claim's kind, and in words.
ACTIONS: dict[str, tuple[str, str]] = {
    "created": ("other", "created"),
    "opened": ("other", "opened"),
    "placed": ("edited", "another piece of media placed in it"),
    "removed": ("edited", "a part removed"),
    "edited": ("edited", "edited"),
    "edited.metadata": ("other", "metadata edited"),
    "cropped": ("edited", "cropped"),
    "resized": ("edited", "resized"),
    "orientation": ("edited", "turned"),
    "color_adjustments": ("edited", "colours or tones adjusted"),
    "filtered": ("edited", "filtered"),
    "drawing": ("edited", "drawn upon"),
    "dubbed": ("edited", "voice replaced"),
    "translated": ("edited", "translated"),
    "transcoded": ("other", "transcoded"),
    "converted": ("other", "converted to another format"),
    "repackaged": ("other", "repackaged"),
    "published": ("other", "published"),
    "redacted": ("other", "something in its history redacted"),
    "watermarked": ("other", "an invisible watermark added"),
    "watermarked.bound": ("other", "an invisible watermark added"),
    "watermarked.unbound": ("other", "an invisible watermark added"),
    "unknown": ("other", "changed in a way that the signer does not know"),
}

# What a signer says others may do with the media (`cawg.training-mining`).
TRAINING: dict[str, str] = {
    "ai_generative_training": "training generative AI with it",
    "ai_training": "training AI with it",
    "ai_inference": "giving it to AI as input",
    "data_mining": "mining it for data",
}
USES: dict[str, str] = {
    "allowed": "allowed",
    "notAllowed": "not allowed",
    "constrained": "allowed under conditions",
}

# What a failed check means. Each ends the sentence "…: ".
FAILURES: dict[str, str] = {
    "assertion.dataHash.mismatch": "its content is not what was signed",
    "assertion.bmffHash.mismatch": "its content is not what was signed",
    "assertion.boxesHash.mismatch": "its content is not what was signed",
    "assertion.collectionHash.mismatch": "its content is not what was signed",
    "assertion.hashedURI.mismatch": "a statement in the credential was changed after signing",
    "assertion.missing": "a statement is missing from the credential",
    "assertion.action.malformed": "its list of actions breaks the rules",
    "claimSignature.mismatch": "the signature does not fit the credential",
    "claimSignature.missing": "the signature is missing",
    "claim.malformed": "the credential breaks the rules",
    "claim.missing": "the credential is incomplete",
    "timeStamp.mismatch": "the time stamp does not fit",
    "ingredient.manifest.mismatch": "the credential of something that went into it was changed",
    "ingredient.manifest.missing": "the credential of something that went into it is missing",
    "signingCredential.untrusted": "its signer is on no trust list",
    "signingCredential.expired": "its signer's certificate had expired",
    "signingCredential.invalid": "its signer's certificate may not be used for signing",
    "signingCredential.ocsp.revoked": "its signer's certificate was revoked",
}


def source_type(written: str) -> str:
    """The last word of a digital source type of IPTC or C2PA; anything else as it was written."""
    term = TERM.fullmatch(written.strip())
    return (term[1] if term else written.strip())[:MAX_TERM]


def claimed(claim: Claim) -> str:
    """What a claim says, and that it is of a part only where its words do not say so already."""
    silent = claim.source_type in AI_PART or claim.kind not in ("generated", "captured")
    part = " (of a part)" if claim.extent is Extent.PART and not silent else ""
    return claim.statement + part


def failure(code: str) -> str:
    """A C2PA status code in words."""
    return FAILURES.get(code, f"the check {code} failed")
