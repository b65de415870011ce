"""Sound by PyAV (FFmpeg): AAC in ADTS, and the sound of MP4.

FFmpeg would follow whatever a file names. Here the demuxer is named, not probed; it reads the one
file object; references, protocols and other codecs are off; opening anything else is refused.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from verascope.errors import InputTrouble
from verascope.media.sound_file import mono
from verascope.media.sound_header import check_format
from verascope.result import Reason

DEMUXERS = {"audio/mp4": "mov", "audio/aac": "aac"}
FAMILIES = {"mov": "mov,mp4,m4a,3gp,3g2,mj2", "aac": "aac"}  # as FFmpeg calls them
PCM = (f"pcm_{kind}{end}" for kind in ("s16", "s24", "s32", "f32", "f64") for end in ("le", "be"))
DECODERS = frozenset(
    {"aac", "aac_fixed", "alac", "mp3", "mp3float", "opus", "vorbis", "flac"}
    | {*PCM, "pcm_s8", "pcm_u8", "pcm_alaw", "pcm_mulaw"}
)
MAX_BAD_PACKETS = 100  # in a row
MARGIN_S = 0.2  # decoded before a place that was sought, and dropped


class AvReader:
    """A file that is open in FFmpeg. A context manager; the file stays the caller's.

    Raises:
        InputTrouble: CORRUPT or UNSUPPORTED_TYPE.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        import av

        self._errors = (av.error.FFmpegError, OSError, ValueError)
        demuxer = DEMUXERS[name]
        options = {
            "format_whitelist": FAMILIES[demuxer],
            "codec_whitelist": ",".join(sorted(DECODERS)),
            "protocol_whitelist": "none",
        }
        if demuxer == "mov":
            options |= {"enable_drefs": "0", "use_absolute_path": "0"}
        try:
            self._container: Any = av.open(
                file, format=demuxer, container_options=options, io_open=_refuse
            )
        except self._errors as error:
            raise InputTrouble(Reason.CORRUPT, "its header cannot be read") from error
        self.damaged = False
        try:
            self._stream = self._find()
            self.rate, self.channels = int(self._stream.rate), int(self._stream.channels)
            check_format(self.rate, self.channels)
        except InputTrouble:
            self.close()
            raise

    def _find(self) -> Any:
        """The first stream of sound, if its codec is one of ours."""
        if not self._container.streams.audio:
            raise InputTrouble(Reason.CORRUPT, "there is no stream of sound in it")
        stream = self._container.streams.audio[0]
        codec = stream.codec_context
        if codec is None or codec.codec.name not in DECODERS:
            what = "its codec" if codec is None else codec.codec.name
            raise InputTrouble(Reason.UNSUPPORTED_TYPE, f"{what} is not read")
        codec.thread_count = 1
        return stream

    @property
    def duration_s(self) -> float | None:
        """As the stream's header has it; None where it does not say."""
        ticks = self._stream.duration
        return float(ticks * self._stream.time_base) if ticks and ticks > 0 else None

    def read(self, start_s: float) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Pieces from a time on: rate in Hz and float32 [n], the mean of the channels.

        Packets that cannot be decoded are passed over; `damaged` tells.
        """
        try:
            if start_s > 0:
                self._seek(max(0.0, start_s - MARGIN_S))
            for frame in self._frames():
                piece, rate = mono(samples(frame)), int(frame.sample_rate)
                yield rate, _from(piece, rate, frame.time, start_s)
        except self._errors:
            self.damaged = True

    def _seek(self, time_s: float) -> None:
        ticks = int(time_s / self._stream.time_base)
        self._container.seek(ticks, stream=self._stream, backward=True)

    def _frames(self) -> Iterator[Any]:
        bad = 0
        for packet in self._container.demux(self._stream):
            try:
                frames = packet.decode()
            except self._errors:
                self.damaged, bad = True, bad + 1
                if bad > MAX_BAD_PACKETS:
                    return
                continue
            bad = 0
            yield from frames

    def close(self) -> None:
        """Let go of the file, which stays open."""
        with suppress(*self._errors):
            self._container.close()

    def __enter__(self) -> "AvReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def samples(frame: Any) -> NDArray[np.float32]:
    """A frame's samples, float32 [n, channels], full scale at 1."""
    values = frame.to_ndarray()
    channels = len(frame.layout.channels)
    table = values.T if frame.format.is_planar else values.reshape(-1, channels)
    floats: NDArray[np.float32] = table.astype(np.float32)
    if table.dtype == np.uint8:
        floats -= 128
        floats /= 128
    elif table.dtype.kind == "i":
        floats /= -float(np.iinfo(table.dtype).min)
    return floats


def _from(
    piece: NDArray[np.float32], rate: int, time_s: float | None, start_s: float
) -> NDArray[np.float32]:
    """What of a piece lies at or after the start."""
    if start_s <= 0 or time_s is None:
        return piece
    return piece[max(0, round((start_s - time_s) * rate)) :]


def _refuse(url: str, flags: int, options: dict[str, str]) -> NoReturn:
    """Nothing but the given file is ever opened."""
    raise PermissionError("a sound file names another file")
