"""Videos that the tests encode themselves: frames by time, upright, and whatever the bytes are."""

import functools
import io
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from verascope.errors import InputTrouble
from verascope.media.video_av import VideoReader
from verascope.result import Reason
from verascope.settings import Limits

HOSTILE = Path(__file__).parents[3] / "shared" / "hostile" / "files"
SMALL = Limits(max_pixels=1_000_000)
TIMES_MS = (0, 40, 80, 500, 540, 1000, 1040, 1500, 1540, 1580, 1620, 1660)  # a variable frame rate


@functools.cache
def clip(form: str = "mp4", codec: str = "libx264") -> bytes:
    """Frame k has grey level 20 k on its right, red on its left; several key frames."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=form) as out:
        stream: Any = out.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        stream.codec_context.gop_size = 4
        for number, time_ms in enumerate(TIMES_MS):
            pixels = np.full((96, 128, 3), 20 * number, np.uint8)
            pixels[:, :64] = (200, 0, 0)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = time_ms, Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return buffer.getvalue()


def opened(data: bytes, name: str = "video/mp4", limits: Limits = SMALL) -> VideoReader:
    return VideoReader(io.BytesIO(data), name, limits)


def test_a_run_begins_at_its_time_whatever_the_frame_rate() -> None:
    with opened(clip()) as reader:
        for start in (3, 9, 0):
            found = list(reader.run(TIMES_MS[start] / 1000 - 0.001, 2))
            wanted = [time / 1000 for time in TIMES_MS[start : start + 2]]
            assert [each.time_s for each in found] == pytest.approx(wanted, abs=0.002)
            levels = [each.pixels[:, 80:].mean() for each in found]
            assert levels == pytest.approx([20 * start, 20 * start + 20], abs=8)
        assert not reader.damaged


def test_key_frames_alone_and_then_runs_again() -> None:
    with opened(clip()) as reader:
        found = [each.time_s for each in reader.key_frames()]
        with av.open(io.BytesIO(clip())) as plain:
            packets = [p for p in plain.demux(video=0) if p.is_keyframe and p.pts is not None]
            wanted = [float(p.pts * p.time_base) for p in packets]
        assert 1 < len(wanted) < len(TIMES_MS)
        assert found == pytest.approx(wanted)
        assert len(list(reader.run(0, 99))) == len(TIMES_MS)


def test_turned_as_the_display_matrix_says() -> None:
    data = bytearray(clip())
    at = data.index(b"tkhd") + 44
    assert struct.unpack_from(">3i", data, at) == (0x10000, 0, 0)
    struct.pack_into(">5i", data, at, 0, 0x10000, 0, -0x10000, 0)  # a quarter, clockwise
    with opened(bytes(data)) as reader:
        (frame,) = reader.run(0.5, 1)
    assert frame.pixels.shape == (128, 96, 3)
    assert frame.pixels[:56, :, 0].mean() > 180  # what was on the left
    assert frame.pixels[72:, :, 0].mean() < 80


@pytest.mark.parametrize(
    ("form", "codec", "name"),
    [("webm", "libvpx-vp9", "video/webm"), ("avi", "mpeg4", "video/x-msvideo")],
)
def test_other_containers(form: str, codec: str, name: str) -> None:
    with opened(clip(form, codec), name) as reader:
        assert (reader.width, reader.height) == (128, 96)
        assert next(reader.run(0, 1)).pixels.shape == (96, 128, 3)


def test_limits_hold_before_anything_is_decoded() -> None:
    for limits in (Limits(max_pixels=100 * 96), Limits(max_duration_s=1)):
        with pytest.raises(InputTrouble) as caught:
            opened(clip(), limits=limits)
        assert caught.value.reason is Reason.TOO_LARGE


@pytest.mark.parametrize("name", ["ffconcat.mp4", "hls_playlist.mp4", "dash.mp4", "stream.sdp.mp4"])
def test_playlists_are_no_video(name: str) -> None:
    if not HOSTILE.exists():
        pytest.skip("the shared hostile files are not beside this checkout")
    with pytest.raises(InputTrouble):
        opened((HOSTILE / name).read_bytes())


@settings(deadline=None, database=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_cut_and_damaged_files_end_in_frames_or_a_reason(drawn: st.DataObject) -> None:
    data = bytearray(clip(*drawn.draw(st.sampled_from([("mp4", "libx264"), ("avi", "mpeg4")]))))
    name = "video/mp4" if data[4:8] == b"ftyp" else "video/x-msvideo"
    for _ in range(drawn.draw(st.integers(0, 4))):
        data[drawn.draw(st.integers(0, len(data) - 1))] = drawn.draw(st.integers(0, 255))
    try:
        with opened(bytes(data[: drawn.draw(st.integers(0, len(data)))]), name) as reader:
            for frame in reader.run(0, 99):
                assert frame.pixels.dtype == np.uint8
                assert frame.pixels.size <= 3 * SMALL.max_pixels
    except InputTrouble:
        pass
