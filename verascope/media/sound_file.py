"""Sound by libsndfile, piece by piece: WAV, FLAC, Ogg, MP3, AIFF, AU and CAF."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from verascope.errors import InputTrouble
from verascope.media.sound_header import check_format
from verascope.result import Reason

FORMATS = {
    "audio/wav": ("WAV", "WAVEX", "RF64"),
    "audio/flac": ("FLAC",),
    "audio/ogg": ("OGG",),
    "audio/mpeg": ("MP3",),
    "audio/aiff": ("AIFF",),
    "audio/basic": ("AU",),
    "audio/x-caf": ("CAF",),
}
SUBTYPES = frozenset(
    {"PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"}
    | {"IMA_ADPCM", "MS_ADPCM", "GSM610", "VORBIS", "OPUS"}
    | {"ALAC_16", "ALAC_20", "ALAC_24", "ALAC_32"}
    | {"MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III"}
)
PIECE_SAMPLES = 1 << 18  # of all channels together
UNKNOWN_FRAMES = 1 << 62  # libsndfile's length of what it cannot tell


class FileReader:
    """A sound file that is open in libsndfile. A context manager; the file stays the caller's.

    Raises:
        InputTrouble: CORRUPT or UNSUPPORTED_TYPE.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        import soundfile

        self._errors = (soundfile.SoundFileError, OSError, ValueError, RuntimeError)
        try:
            self._sound: Any = soundfile.SoundFile(file)
        except self._errors as error:
            raise InputTrouble(Reason.CORRUPT, "its header cannot be read") from error
        self.rate = int(self._sound.samplerate)
        self.channels = int(self._sound.channels)
        self.damaged = False
        try:
            check_format(self.rate, self.channels)
            if self._sound.format not in FORMATS[name] or self._sound.subtype not in SUBTYPES:
                what = f"{self._sound.format} of {self._sound.subtype}"
                raise InputTrouble(Reason.UNSUPPORTED_TYPE, f"{what} is not read")
        except InputTrouble:
            self.close()
            raise

    @property
    def duration_s(self) -> float | None:
        """As the header has it; None where it does not say."""
        frames = int(self._sound.frames)
        return frames / self.rate if 0 < frames < UNKNOWN_FRAMES else None

    def read(self, start_s: float) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Pieces from a time on: rate in Hz and float32 [n], the mean of the channels.

        It ends early at what cannot be decoded; `damaged` tells.
        """
        frames = PIECE_SAMPLES // self.channels
        try:
            if start_s > 0:
                self._sound.seek(round(start_s * self.rate))
            while len(piece := self._sound.read(frames, dtype="float32", always_2d=True)):
                yield self.rate, mono(piece)
        except self._errors:
            self.damaged = True

    def close(self) -> None:
        """Let go of the file, which stays open."""
        with suppress(*self._errors):
            self._sound.close()

    def __enter__(self) -> "FileReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def mono(piece: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean of the channels, float32 [n] of float32 [n, c].

    Raises:
        InputTrouble: CORRUPT where a sample is no number or infinite.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        mean = piece[:, 0] if piece.shape[1] == 1 else piece.mean(axis=1)
    if not np.isfinite(mean).all():
        raise InputTrouble(Reason.CORRUPT, "samples that are no finite numbers")
    return mean
