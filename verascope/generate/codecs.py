"""Round trips through codecs: what happens to a recording on its way through a phone or a platform.

Done to both classes alike, in training and in evaluation; never a label. Everything happens in
memory, and what comes back is as long as what went in and in step with it.
"""

import io
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from verascope.errors import UsageError
from verascope.generate.contract import Array
from verascope.generate.sounds import FULL, RATE, quantised

Codec = Literal["opus", "mp3", "aac", "telephone"]
CODECS: tuple[Codec, ...] = get_args(Codec)
OPUS_KBIT = (6.0, 64.0)  # drawn evenly in octaves
MP3_KBIT = (32, 40, 48, 56, 64, 80, 96, 112, 128)  # what MPEG-2 layer III has at 16 kHz
AAC_KBIT = (32, 96)  # more than 96 do not fit into its frames at 16 kHz
BAND_HZ, EDGE_HZ = (300.0, 3400.0), 100.0  # of a telephone line, and how gently it ends
GSM = 0.25  # share of the telephone calls that are made by GSM full rate


class Trip(Struct, frozen=True, kw_only=True):
    """One way through a codec.

    Attributes:
        codec: which.
        kbit: kbit/s; a telephone has its own.
        gsm: the call is made by GSM full rate, not through G.711 alone.
        thorough: the encoder's own default effort; else what is four times as fast.
    """

    codec: Codec
    kbit: float = 0.0
    gsm: bool = False
    thorough: bool = False


class _Coder(NamedTuple):
    """An encoder and a decoder as FFmpeg calls them.

    `rate` is the decoder's, `late` the samples by which it comes late.
    """

    encoder: str
    decoder: str
    form: str
    quick: dict[str, str]
    rate: int = RATE
    late: int = 0


CODERS = {
    "opus": _Coder("libopus", "libopus", "s16", {"compression_level": "5"}, rate=48_000),
    "mp3": _Coder("libmp3lame", "mp3", "s16p", {"compression_level": "7"}),
    "aac": _Coder("aac", "aac", "fltp", {"aac_coder": "fast"}, late=1024),
}


def draw(codec: str, rng: np.random.Generator) -> Trip:
    """One of the ways through a codec.

    Raises:
        UsageError: there is no such codec.
    """
    if codec == "opus":
        return Trip(codec="opus", kbit=round(float(np.exp(rng.uniform(*np.log(OPUS_KBIT)))), 1))
    if codec == "mp3":
        return Trip(codec="mp3", kbit=MP3_KBIT[int(rng.integers(len(MP3_KBIT)))])
    if codec == "aac":
        return Trip(codec="aac", kbit=int(rng.integers(AAC_KBIT[0], AAC_KBIT[1] + 1)))
    if codec == "telephone":
        return Trip(codec="telephone", gsm=bool(rng.random() < GSM))
    raise UsageError(f"no codec is called {codec!r}; there are {', '.join(CODECS)}")


def round_trip(samples: Array, codec: str, rng: np.random.Generator) -> NDArray[np.int16]:
    """A recording after a drawn way through a codec; see travel()."""
    return travel(samples, draw(codec, rng))


def travel(samples: Array, trip: Trip) -> NDArray[np.int16]:
    """A recording after its trip: int16 [n] to int16 [n], in step with it."""
    if len(samples) == 0:
        return np.asarray(samples, np.int16)
    made = _call(samples, trip.gsm) if trip.codec == "telephone" else _coded(samples, trip)
    made = made[: len(samples)]
    return quantised(np.pad(made, (0, len(samples) - len(made))))


def _coded(samples: Array, trip: Trip) -> NDArray[np.floating[Any]]:
    """Through encoder and decoder, packet by packet: no container is written."""
    import soxr
    from av import AudioFrame
    from av.audio.codeccontext import AudioCodecContext

    coder = CODERS[trip.codec]
    encoder: Any = AudioCodecContext.create(coder.encoder, "w")
    _set(encoder, RATE, {} if trip.thorough else coder.quick)
    encoder.format, encoder.bit_rate = coder.form, round(trip.kbit * 1000)
    whole = samples if coder.form.startswith("s16") else (samples / FULL).astype(np.float32)
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(whole[None]), coder.form, "mono")
    frame.sample_rate = RATE
    packets = [*encoder.encode(frame), *encoder.encode(None)]

    decoder: Any = AudioCodecContext.create(coder.decoder, "r")
    _set(decoder, RATE, {})
    decoder.extradata = encoder.extradata
    frames = [part for packet in [*packets, None] for part in decoder.decode(packet)]
    decoded = np.concatenate([part.to_ndarray().ravel() for part in frames])
    wave = decoded / np.float32(FULL) if decoded.dtype == np.int16 else decoded
    if coder.rate != RATE:
        wave = soxr.resample(wave, coder.rate, RATE, "HQ")
    return np.asarray(wave[coder.late :])


def _set(context: Any, rate: int, options: dict[str, str]) -> None:
    context.sample_rate, context.layout, context.thread_count = rate, "mono", 1
    context.options = options


def _call(samples: Array, gsm: bool) -> NDArray[np.floating[Any]]:
    """A telephone call: 300 to 3400 Hz at 8 kHz, μ-law (ITU-T G.711), by GSM 06.10 before that."""
    import soundfile
    import soxr

    spectrum = np.fft.rfft(samples / FULL)
    hz = np.arange(len(spectrum)) * RATE / len(samples)
    below, above = (hz - BAND_HZ[0]) / EDGE_HZ, (BAND_HZ[1] - hz) / EDGE_HZ
    # Nothing is left above 4 kHz: every second sample says it all.
    wave = np.fft.irfft(spectrum * np.clip(1 + np.minimum(below, above), 0, 1), len(samples))[::2]
    for kind in ("GSM610", "ULAW") if gsm else ("ULAW",):
        file = io.BytesIO()
        soundfile.write(file, quantised(wave), RATE // 2, format="WAV", subtype=kind)
        file.seek(0)
        wave, _ = soundfile.read(file)
    return np.asarray(soxr.resample(wave, RATE // 2, RATE, "HQ"))
