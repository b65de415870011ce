"""One unsigned declaration: of which kind it is and what it says."""

from enum import StrEnum

from msgspec import Struct


class Declared(StrEnum):
    """What a mark says of its file."""

    AI = "ai"
    AI_PART = "ai_part"
    MAYBE_AI = "maybe_ai"
    NOT_AI = "not_ai"
    OTHER = "other"
    MARKED = "marked"
    SIGNED_MANIFEST_PRESENT = "signed_manifest_present"
    BROKEN_MANIFEST = "broken_manifest"


class Mark(Struct, frozen=True, kw_only=True):
    """One declaration: of which kind, what it says, its value, and in words."""

    kind: str
    declared: Declared
    value: str
    statement: str
