"""The properties of an XMP packet, by an XML parser that refuses entities and document types."""

from typing import NamedTuple
from xml.parsers import expat

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
MAX_VALUES = 5_000


class Property(NamedTuple):
    """One property and its value, however it was written: attribute, element or resource."""

    namespace: str
    name: str
    value: str


class _RefusedError(ValueError):
    """The packet tries what no metadata needs."""


def properties(packet: bytes) -> tuple[Property, ...]:
    """Every simple property of a packet up to where it breaks; none if it declares a DTD."""
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator="\n")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(packet.strip(b"\0 \r\n\t"), True)
    except _RefusedError:
        return ()
    except (expat.ExpatError, UnicodeDecodeError):
        pass  # what came before the break stands
    return tuple(reader.found)


def _refuse(*_: object) -> None:
    raise _RefusedError


class _Reader:
    """Gathers attributes and texts while the parser walks."""

    def __init__(self) -> None:
        self.found: list[Property] = []
        self._path: list[tuple[str, str]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        owner = _split(name)
        self._path.append(owner)
        for key, value in attributes.items():
            namespace, short = _split(key)
            if namespace != RDF:
                self._note((namespace, short), value)
            elif short == "resource":
                self._note(owner, value)

    def end(self, name: str) -> None:
        self._path.pop()

    def text(self, text: str) -> None:
        """Text belongs to the nearest element that is no list of RDF's."""
        owner = next((each for each in reversed(self._path) if each[0] != RDF), None)
        if text.strip() and owner is not None:
            self._note(owner, text)

    def _note(self, owner: tuple[str, str], value: str) -> None:
        if len(self.found) >= MAX_VALUES:
            raise _RefusedError
        self.found.append(Property(*owner, value.strip()))


def _split(name: str) -> tuple[str, str]:
    namespace, _, short = name.rpartition("\n")
    return namespace, short
