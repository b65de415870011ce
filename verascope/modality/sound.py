"""Sound: duration, mono samples at 16 kHz, the windows that detectors cut from each part of it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from verascope.detect import speech
from verascope.detect.contract import Detector, Windows
from verascope.detect.spectrum import BINS, power
from verascope.errors import InputTrouble
from verascope.media import sound
from verascope.media.sound import RATE_HZ, SoundHeader
from verascope.modality.base import Decoded, Look, Source
from verascope.provenance.fingerprint import Fingerprint, fingerprint
from verascope.provenance.mark import Mark
from verascope.result import Modality, Reason, Warn

TELEPHONE_HZ = 4_000
NARROW_DB = -45.0  # what is left above it, of all power; a voice with its sibilants has −35 or more


class Sound:
    """A Method; a medium is a `media.sound.Sound`, and its size the number of its samples."""

    def look(self, source: Source) -> Look:
        """The duration, where the header tells it."""
        header = sound.read_header(source.file, source.data, source.media_type, source.limits)
        length_s = header.duration_s
        size = None if length_s is None else round(length_s * RATE_HZ)
        facts = {"duration_s": _rounded(length_s)}
        return Look(facts, header.warnings, size, header, _short(header))

    def too_small(self, size: int, least: int) -> InputTrouble:
        """By its length."""
        detail = f"{size / RATE_HZ:.2f} s of sound, {least / RATE_HZ:g} s are needed"
        return InputTrouble(Reason.TOO_SHORT, detail)

    def decode(self, source: Source, header: SoundHeader) -> Decoded:
        """All of it, or excerpts of a long recording."""
        found = sound.decode(source.file, source.media_type, header, source.limits)
        seconds = sum(len(part.samples) for part in found.parts) / RATE_HZ
        left = f"{seconds:.1f} s of it" if found.truncated else None
        return Decoded(found, {"duration_s": _rounded(found.duration_s)}, found.warnings, left)

    def check(self, medium: sound.Sound) -> None:
        """Whether there is enough in it."""
        found = speech.trouble(medium.parts)
        if found is None:
            return
        reason, detail = found
        if reason is Reason.TOO_SHORT and medium.truncated:
            reason = Reason.TRUNCATED
        raise InputTrouble(reason, detail)

    def cut(self, detector: Detector, medium: sound.Sound) -> Windows:
        """The windows of every part that is long enough; places are in seconds of the recording.

        Raises:
            InputTrouble: no part is, or the detector found no speech in any.
        """
        parts = [part for part in medium.parts if len(part.samples) >= detector.min_side]
        if not parts:
            longest = max(len(part.samples) for part in medium.parts)
            raise self.too_small(longest, detector.min_side)
        cuts = [_moved(detector.windows(part.samples), part.start_s) for part in parts]
        cuts = [windows for windows in cuts if len(windows.values)]
        if not cuts:
            raise InputTrouble(Reason.NO_SPEECH, "music, noise, or something else")
        if len(cuts) == 1:
            return cuts[0]
        values = np.concatenate([windows.values for windows in cuts])
        return Windows(values, np.concatenate([windows.places for windows in cuts]))

    def remarks(self, windows: Sequence[Windows]) -> tuple[Warn, ...]:
        """Where all that is judged sounds like a telephone."""
        return (Warn.NARROW_BAND,) if any(_narrow(each.values) for each in windows) else ()

    def fingerprint(self, medium: sound.Sound) -> Fingerprint | None:
        """By Chromaprint, of a recording that was decoded whole; excerpts have none."""
        if len(medium.parts) != 1:
            return None
        return fingerprint(medium.parts[0].samples, Modality.AUDIO)

    def watermarks(self, medium: sound.Sound) -> tuple[Mark, ...]:
        """None here: they take models, which run in the parent, on the windows."""
        return ()


def _short(header: SoundHeader) -> InputTrouble | None:
    """What the header already tells: too short, or too little left of what it claims."""
    length_s, least_s = header.duration_s, speech.MIN_SOUND_S
    if length_s is None or length_s >= least_s:
        return None
    claimed_s = header.claimed_s or least_s
    cut = not header.complete and claimed_s >= least_s
    detail = f"{length_s:.2f} s of sound, {least_s:g} s are needed"
    return InputTrouble(Reason.TRUNCATED if cut else Reason.TOO_SHORT, detail)


def _moved(windows: Windows, start_s: float) -> Windows:
    """With the places of a part, float64 [n, 2] in seconds, as places of the recording."""
    return Windows(windows.values, windows.places + start_s) if start_s else windows


def _narrow(windows: NDArray[np.int16]) -> bool:
    """Whether windows int16 [n, samples] hold next to nothing above what telephones carry."""
    mean = np.mean([power(one[None])[0].mean(0) for one in windows], axis=0)
    above = mean[round(TELEPHONE_HZ / (RATE_HZ / 2) * BINS) :].sum()
    return bool(10 * np.log10((above + 1e-12) / (mean.sum() + 1e-12)) < NARROW_DB)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
