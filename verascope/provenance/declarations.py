"""What a file's metadata declares of its making, by the names that generators and editors use."""

from collections.abc import Iterator
from typing import Any

from verascope.provenance import words
from verascope.provenance.history import cut
from verascope.provenance.mark import Declared, Mark
from verascope.provenance.metadata import Metadata
from verascope.provenance.parameters import parameters, read_json
from verascope.provenance.xmp import Property, properties

IPTC_EXT = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
TC260 = "http://www.tc260.org.cn/ns/AIGC/1.0/"


def declarations(metadata: Metadata) -> Iterator[Mark]:
    """Every declaration in the metadata; the same one may come more than once."""
    for packet in metadata.packets:
        for prop in properties(packet):
            yield from _xmp(prop)
    novelai = ("Software", "NovelAI") in metadata.texts
    for key, text in metadata.texts:
        if key == "AIGC":
            yield _aigc(text)
        else:
            yield from parameters(key, text, novelai=novelai)


def _xmp(prop: Property) -> Iterator[Mark]:
    if (prop.namespace, prop.name) == (IPTC_EXT, "DigitalSourceType"):
        yield _source_type(prop.value)
    elif (prop.namespace, prop.name) == (TC260, "AIGC"):
        yield _aigc(prop.value)
    elif (prop.namespace, prop.name) == (PHOTOSHOP, "Credit") and "made with google ai" in (
        prop.value.lower()
    ):
        yield Mark(
            kind="xmp_credit",
            declared=Declared.AI,
            value=cut(prop.value),
            statement="Its credit line says: Made with Google AI.",
        )


def _source_type(written: str) -> Mark:
    """IPTC's digital source type, by its last word."""
    value = words.source_type(written)
    known = words.SOURCE_TYPES.get(value)
    declared = Declared.NOT_AI if known else Declared.OTHER
    if value == words.AI_WHOLE:
        declared = Declared.AI
    elif value in words.AI_PART:
        declared = Declared.AI_PART
    said = known.statement if known else f"of the source type “{value}”, unknown to us"
    statement = f"Its metadata (IPTC) says: {said}."
    return Mark(kind="iptc_dst", declared=declared, value=value, statement=statement)


def _aigc(text: str) -> Mark:
    """China's GB 45438 label: 1 is AI, 2 may be, 3 is suspected."""
    label = str(_aigc_object(text).get("Label", ""))
    declared = {"1": Declared.AI, "2": Declared.MAYBE_AI, "3": Declared.MAYBE_AI}.get(label)
    said = {"1": "made by AI", "2": "perhaps made by AI", "3": "suspected to be made by AI"}
    return Mark(
        kind="gb45438",
        declared=declared or Declared.OTHER,
        value=f"Label={label}" if label in said else "",
        statement=f"Its AIGC label (GB 45438) says: {said.get(label, 'nothing readable')}.",
    )


def _aigc_object(text: str) -> dict[str, Any]:
    """The label's object; some writers use single quotes, or put it into a list."""
    for attempt in (text, text.replace("'", '"')):
        found = read_json(attempt)
        first = found[0] if isinstance(found, list) and found else found
        if isinstance(first, dict):
            return first
    return {}
