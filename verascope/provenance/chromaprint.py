"""Chromaprint's fingerprint of sound: 32 bits each 0.124 s (Lalinský 2011, after Ke et al. 2005).

The library is a user's own (Debian's libchromaprint1); it is loaded as it is, since a binding of
its eight functions is shorter than what the packages that bind it bring along.
"""

import ctypes
from collections.abc import Iterable
from functools import cache

import numpy as np
from numpy.typing import NDArray

NAMES = ("libchromaprint.so.1", "libchromaprint.1.dylib", "libchromaprint.dylib", "chromaprint.dll")
MISSING = "libchromaprint is not installed (Debian: libchromaprint1), which sound needs for this"
ALGORITHM = 1  # its default, TEST2, since 0.7: other numbers give other words
RATE = 16_000
PIECE = 1 << 20  # samples given at once
MAX_WORDS = 100_000  # three hours and a half

Words = NDArray[np.uint32]


class ChromaprintError(Exception):
    """The library is not there, or could not do what was asked."""


def words(samples: NDArray[np.int16]) -> Words:
    """The fingerprint of a whole sound.

    Args:
        samples: mono at RATE, int16 [n].

    Returns:
        uint32 [m], at most MAX_WORDS; none of less than 2.8 s.

    Raises:
        ChromaprintError: the library is not there.
    """
    return words_of(samples[start : start + PIECE] for start in range(0, len(samples), PIECE))


def words_of(pieces: Iterable[NDArray[np.int16]]) -> Words:
    """As `words`, of a sound that comes in pieces, so that it need not be held whole."""
    library = _library()
    context = library.chromaprint_new(ALGORITHM)
    try:
        _done(library.chromaprint_start(context, RATE, 1))
        for piece in pieces:
            held = np.ascontiguousarray(piece, np.int16)
            _done(library.chromaprint_feed(context, held.ctypes.data, len(held)))
        _done(library.chromaprint_finish(context))
        return _raw(library, context)[:MAX_WORDS]
    finally:
        library.chromaprint_free(context)


@cache
def _library() -> ctypes.CDLL:
    """The library, with the types of what is called of it."""
    for name in NAMES:
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        library.chromaprint_new.restype = ctypes.c_void_p
        library.chromaprint_new.argtypes = (ctypes.c_int,)
        library.chromaprint_start.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_int)
        library.chromaprint_feed.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
        library.chromaprint_finish.argtypes = (ctypes.c_void_p,)
        library.chromaprint_get_raw_fingerprint.argtypes = (
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.POINTER(ctypes.c_uint32)),
            ctypes.POINTER(ctypes.c_int),
        )
        library.chromaprint_dealloc.argtypes = (ctypes.c_void_p,)
        library.chromaprint_free.argtypes = (ctypes.c_void_p,)
        library.chromaprint_free.restype = library.chromaprint_dealloc.restype = None
        return library
    raise ChromaprintError(MISSING)


def _raw(library: ctypes.CDLL, context: int) -> Words:
    """The words, copied out of the library's memory."""
    found, count = ctypes.POINTER(ctypes.c_uint32)(), ctypes.c_int()
    _done(
        library.chromaprint_get_raw_fingerprint(context, ctypes.byref(found), ctypes.byref(count))
    )
    if not found:
        return np.empty(0, np.uint32)
    try:
        return np.ctypeslib.as_array(found, (count.value,)).astype(np.uint32)
    finally:
        library.chromaprint_dealloc(found)


def _done(returned: int) -> None:
    if returned != 1:
        raise ChromaprintError("chromaprint could not read this sound")
