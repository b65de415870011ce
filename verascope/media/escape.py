"""Foreign text that is safe to print: nothing in it can steer a terminal or reorder a line."""

import unicodedata

# Control characters, lone surrogates, line and paragraph separators, invisible formatting.
UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Joiners that Persian, Hindi and emoji are written with.
JOINERS = frozenset("\u200c\u200d")


def printable(text: str) -> str:
    r"""The text with its unsafe characters written as \xNN, \uNNNN or \UNNNNNNNN."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(character) for character in text)


def _escaped(character: str) -> str:
    if unicodedata.category(character) not in UNSAFE or character in JOINERS:
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
