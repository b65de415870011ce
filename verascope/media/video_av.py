"""Video by PyAV (FFmpeg): key frames, and runs of frames that are found by time.

FFmpeg would follow whatever a file names. Here the demuxer is named, not probed; it reads the one
file object; references, protocols and other codecs are off; opening anything else is refused.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, BinaryIO, NoReturn

import numpy as np
from msgspec import Struct

from verascope.errors import InputTrouble
from verascope.media.header import check_size
from verascope.media.picture import Pixels
from verascope.result import Reason
from verascope.settings import Limits

DEMUXERS = {
    "video/mp4": "mov",
    "video/quicktime": "mov",
    "video/webm": "matroska",
    "video/x-msvideo": "avi",
}
FAMILIES = {"mov": "mov,mp4,m4a,3gp,3g2,mj2", "matroska": "matroska,webm", "avi": "avi"}
DECODERS = frozenset(
    {"h264", "hevc", "vp8", "vp9", "libvpx", "libvpx-vp9", "av1", "libdav1d"}
    | {"mpeg4", "mjpeg", "prores"}
)
MAX_BAD_PACKETS = 100  # in a row


class VideoFrame(Struct, frozen=True, eq=False):
    """One frame: when it is shown, in seconds, and uint8 [h, w, 3], RGB, upright."""

    time_s: float
    pixels: Pixels


class VideoReader:
    """A file that is open in FFmpeg. A context manager; the file stays the caller's.

    Attributes:
        width, height: as stored, in pixels; a frame may be turned.
        duration_s: as the header has it; None where it does not say.
        damaged: something of what was read so far could not be decoded.

    Raises:
        InputTrouble: CORRUPT, NO_FRAMES, TOO_LARGE or UNSUPPORTED_TYPE.
    """

    def __init__(self, file: BinaryIO, name: str, limits: Limits) -> None:
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
            self._stream = self._find(limits)
            self.duration_s = self._duration_s(limits)
        except InputTrouble:
            self.close()
            raise

    def _find(self, limits: Limits) -> Any:
        """The first stream of pictures, if its codec and its size are ours."""
        if not self._container.streams.video:
            raise InputTrouble(Reason.NO_FRAMES, "there is no stream of pictures in it")
        stream = self._container.streams.video[0]
        codec = stream.codec_context
        if codec is None or codec.codec.name not in DECODERS:
            what = "its codec" if codec is None else codec.codec.name
            raise InputTrouble(Reason.UNSUPPORTED_TYPE, f"{what} is not read")
        self.width, self.height = int(codec.width), int(codec.height)
        check_size(self.width, self.height, limits)
        codec.options = {"max_pixels": str(limits.max_pixels)}  # the stream may change its size
        codec.thread_count = 1
        return stream

    def _duration_s(self, limits: Limits) -> float | None:
        ticks = self._stream.duration
        length_s = float(ticks * self._stream.time_base) if ticks and ticks > 0 else None
        if length_s is None and self._container.duration:
            length_s = self._container.duration / 1e6
        if length_s is not None and length_s > limits.max_duration_s:
            detail = f"{length_s:,.0f} s, the limit is {limits.max_duration_s:g}"
            raise InputTrouble(Reason.TOO_LARGE, detail)
        return length_s

    def key_frames(self) -> Iterator[VideoFrame]:
        """Those frames that need no other, from the start on."""
        self._seek(0.0)
        self._stream.codec_context.skip_frame = "NONKEY"
        try:
            yield from self._frames()
        finally:
            self._stream.codec_context.skip_frame = "DEFAULT"

    def run(self, start_s: float, most: int) -> Iterator[VideoFrame]:
        """Up to `most` frames one after the other, those shown at a time and after it."""
        self._seek(start_s)
        for frame in self._frames(start_s):
            if most < 1:
                return
            most -= 1
            yield frame

    def _seek(self, time_s: float) -> None:
        try:
            ticks = int(time_s / self._stream.time_base)
            self._container.seek(ticks, stream=self._stream, backward=True)
        except self._errors:
            self.damaged = True

    def _frames(self, start_s: float = 0.0) -> Iterator[VideoFrame]:
        """Frames in the order of time; packets that cannot be decoded are passed over."""
        bad = 0
        try:
            for packet in self._container.demux(self._stream):
                try:
                    frames = packet.decode()
                except self._errors:
                    self.damaged, bad = True, bad + 1
                    if bad > MAX_BAD_PACKETS:
                        return
                    continue
                bad = 0
                yield from (_shown(each) for each in frames if _time_s(each) >= start_s)
        except self._errors:
            self.damaged = True

    def close(self) -> None:
        """Let go of the file, which stays open."""
        with suppress(*self._errors):
            self._container.close()

    def __enter__(self) -> "VideoReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _time_s(frame: Any) -> float:
    return float(frame.time or 0.0)


def _shown(frame: Any) -> VideoFrame:
    """Turned as the file's display matrix says; FFmpeg's decoders leave that to the player."""
    pixels = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90))
    return VideoFrame(_time_s(frame), pixels)


def _refuse(url: str, flags: int, options: dict[str, str]) -> NoReturn:
    """Nothing but the given file is ever opened."""
    raise PermissionError("a video file names another file")
