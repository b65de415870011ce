"""Declarations and marks without a signature. Anyone can write them, and anyone remove them."""

from verascope.media.buffer import Buffer
from verascope.provenance.mark import Declared, Mark
from verascope.provenance.metadata import read_metadata
from verascope.result import Evidence, Extent, Strength, Supports

MAX_MARKS = 20
MAX_TEXT_BYTES = 16 << 20
SYNTHETIC = frozenset({Declared.AI, Declared.AI_PART, Declared.MAYBE_AI})
MANIFESTS = frozenset({Declared.SIGNED_MANIFEST_PRESENT, Declared.BROKEN_MANIFEST})
KEYED = "text_watermark"  # not read off the file: a key shows it
FORGEABLE = "It is not signed: anyone could have written it, and it is easily removed."


def marks(data: Buffer, media_type: str) -> tuple[Mark, ...]:
    """The unsigned declarations in a file, each kind and value once.

    Args:
        data: the whole file.
        media_type: what its bytes are.
    """
    if media_type.startswith("text/"):
        from verascope.provenance.text_marks import text_marks

        found = list(text_marks(bytes(data[:MAX_TEXT_BYTES])))
    else:
        metadata = read_metadata(data, media_type)
        if not any(metadata):
            return ()  # as most pictures of platforms: spares the import of what reads it
        from verascope.provenance.declarations import declarations

        found = list(declarations(metadata))
    return tuple(dict.fromkeys(found))[:MAX_MARKS]


def declares_ai(found: tuple[Mark, ...]) -> Extent | None:
    """How much of the file the marks declare as AI, or suspect of it."""
    declared = {mark.declared for mark in found}
    if declared & {Declared.AI, Declared.MAYBE_AI}:
        return Extent.WHOLE
    return Extent.PART if Declared.AI_PART in declared else None


def evidence(found: tuple[Mark, ...]) -> tuple[Evidence, ...]:
    """Marks as evidence: weak for synthesis where they declare it, else neutral."""
    return tuple(
        Evidence(
            kind="mark",
            supports=Supports.SYNTHETIC if mark.declared in SYNTHETIC else Supports.NEUTRAL,
            strength=Strength.STRONG if _is_keyed(mark) else Strength.WEAK,
            statement=_statement(mark),
            details={"mark": mark.kind, "declared": mark.declared, "value": mark.value},
        )
        for mark in found
    )


def _statement(mark: Mark) -> str:
    """In words; what is left of a signed manifest cannot be called unsigned."""
    alone = mark.declared in MANIFESTS or mark.kind == KEYED
    return mark.statement if alone else f"{mark.statement} {FORGEABLE}"


def _is_keyed(mark: Mark) -> bool:
    """Whether it is a watermark that only a key shows, and the key did."""
    return mark.kind == KEYED and mark.declared in SYNTHETIC
