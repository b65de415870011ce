"""Which reader a text gets: its bytes must be text, then the user's word or the name decides.

A folder holds many files that are text and no prose: programs, tables, settings. Those are not
judged unless they are named so, or the user says so.
"""

import msgspec

from verascope.errors import InputTrouble
from verascope.media.buffer import Buffer
from verascope.media.read_text import HTML, MARKDOWN, MAX_TEXT_BYTES, PLAIN, decoded
from verascope.media.text import has_wide_bom
from verascope.result import Reason
from verascope.settings import TextInput

HEAD_BYTES = 65_536
NAMED = {"plain": PLAIN, "html": HTML, "markdown": MARKDOWN}
ROWS = frozenset({"text/csv", "application/json"})  # of many texts, each judged by itself


def reader_of(
    data: Buffer, found: str | None, promised: str | None, suffix: str, text: TextInput
) -> str | None:
    """The type as which a text is read; None where it is not to be judged as one.

    Args:
        data: the whole input.
        found: its type by its bytes, if they are text that can be told by itself.
        promised: the type that its name promises, if any.
        suffix: of its name, without the dot; "" where there is none.
        text: what the user said.

    Raises:
        InputTrouble: BAD_ENCODING, CORRUPT, TYPE_MISMATCH or UNSUPPORTED_TYPE.
    """
    named = NAMED.get(text.type or "")
    wanted = named or (promised if promised in NAMED.values() else None)
    if found is None:
        if wanted is None:
            return None
        _must_be_text(data, text)
    if named is not None:
        return named
    if promised in ROWS or found == "application/json":
        raise _of_rows(data, promised or found or "", text)
    if wanted is not None:
        return HTML if wanted == PLAIN and found == HTML else wanted
    if promised is not None and not promised.startswith("text/"):
        detail = f"the name promises {promised}, the bytes are {found}"
        raise InputTrouble(Reason.TYPE_MISMATCH, detail)
    if suffix or found not in (PLAIN, HTML):
        named_so = f", named .{suffix}" if suffix else ""
        detail = f"{found}{named_so}; --type plain judges it as prose"
        raise InputTrouble(Reason.UNSUPPORTED_TYPE, detail)
    return found


def _must_be_text(data: Buffer, text: TextInput) -> None:
    """Look at bytes that are meant for text and are not valid at first sight.

    Raises:
        InputTrouble: BAD_ENCODING or UNSUPPORTED_TYPE: they are none.
    """
    head = bytes(data[:HEAD_BYTES])
    if b"\0" in head and not has_wide_bom(data):
        raise InputTrouble(Reason.UNSUPPORTED_TYPE, "it holds NUL characters, as no text does")
    decoded(head if len(data) > HEAD_BYTES and text.encoding else bytes(data), text.encoding)


def _of_rows(data: Buffer, kind: str, text: TextInput) -> InputTrouble:
    """Why a table of texts is not judged as one text."""
    if kind == "application/json" and len(data) <= MAX_TEXT_BYTES:
        try:
            msgspec.json.decode(decoded(bytes(data), text.encoding))
        except (msgspec.DecodeError, RecursionError) as error:
            return InputTrouble(Reason.CORRUPT, f"it is no JSON: {error}")
    detail = f"{kind} is read row by row: name it .jsonl or .csv and its column by --text-field"
    return InputTrouble(Reason.UNSUPPORTED_TYPE, detail)
