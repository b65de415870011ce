"""The one encoder of a corpus of sound: real and made recordings leave through it alike.

Mono, 16 kHz, no tags. The same samples give the same bytes: where a container wants a random
number, a fixed one stands.
"""

import io
import zlib
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from verascope.generate.codecs import AAC_KBIT, MP3_KBIT, OPUS_KBIT
from verascope.generate.contract import Array
from verascope.generate.sounds import RATE

Format = Literal["FLAC", "WAV", "VORBIS", "OPUS", "MP3", "AAC"]
VORBIS_LEVEL = (0.2, 0.8)  # libsndfile's compression level: 0 is the best quality, 1 the smallest
# Container, encoder and sample format, as FFmpeg calls them.
MUXED = {
    "OPUS": ("ogg", "libopus", "s16"),
    "MP3": ("mp3", "libmp3lame", "s16p"),
    "AAC": ("ipod", "aac", "fltp"),
}
OPTIONS = {"ogg": {}, "mp3": {"id3v2_version": "0"}, "ipod": {}}
SUFFIX = {"FLAC": ".flac", "WAV": ".wav", "VORBIS": ".ogg", "OPUS": ".opus", "MP3": ".mp3"}
SERIAL = 1  # of an Ogg stream


class SoundEncoding(Struct, frozen=True, kw_only=True):
    """What encodings a corpus mixes, as shares. One draw serves a recording and its counterpart."""

    flac: float = 0.25
    wav: float = 0.15
    vorbis: float = 0.1
    opus: float = 0.15
    mp3: float = 0.2
    aac: float = 0.15

    def draw(self, rng: np.random.Generator) -> "SoundCodec":
        """The codec of one item."""
        shares = np.array([self.flac, self.wav, self.vorbis, self.opus, self.mp3, self.aac])
        formats: tuple[Format, ...] = ("FLAC", "WAV", "VORBIS", "OPUS", "MP3", "AAC")
        kind = formats[int(rng.choice(len(formats), p=shares / shares.sum()))]
        rates = {
            "VORBIS": rng.uniform(*VORBIS_LEVEL),
            "OPUS": np.exp(rng.uniform(*np.log(OPUS_KBIT))),
            "MP3": rng.choice(MP3_KBIT),
            "AAC": rng.integers(AAC_KBIT[0], AAC_KBIT[1] + 1),
        }
        return SoundCodec(format=kind, rate=round(float(rates.get(kind, 0)), 3))


class SoundCodec(Struct, frozen=True, kw_only=True):
    """One encoder setting; `rate` in kbit/s, of Vorbis the compression level, else unused."""

    format: Format
    rate: float = 0.0

    @property
    def suffix(self) -> str:
        """Of the file name, with the dot."""
        return SUFFIX.get(self.format, ".m4a")

    def encode(self, media: Array) -> bytes:
        """Bytes of a file for int16 [n] at 16 kHz, without any tags."""
        if self.format in MUXED:
            return _muxed(media, *MUXED[self.format], self.rate)
        import soundfile

        out = io.BytesIO()
        if self.format == "VORBIS":
            soundfile.write(out, media, RATE, "VORBIS", format="OGG", compression_level=self.rate)
            return with_serial(out.getvalue(), SERIAL)
        soundfile.write(out, media, RATE, "PCM_16", format=self.format)
        return out.getvalue()


def _muxed(media: Array, container: str, encoder: str, form: str, kbit: float) -> bytes:
    import av

    out = io.BytesIO()
    options = {"fflags": "+bitexact", **OPTIONS[container]}
    whole = media if form.startswith("s16") else (media / np.float32(32_768)).astype(np.float32)
    with av.open(out, "w", format=container, options=options) as file:
        stream: Any = file.add_stream(encoder, rate=RATE)
        stream.layout, stream.format, stream.bit_rate = "mono", form, round(kbit * 1000)
        stream.codec_context.thread_count = 1
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(whole[None]), form, "mono")
        frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), 0
        for part in (frame, None):
            for packet in stream.encode(part):
                file.mux(packet)
    return out.getvalue()


def with_serial(content: bytes, serial: int) -> bytes:
    """An Ogg file with another serial number in each of its pages (RFC 3533, section 6)."""
    data, at = bytearray(content), 0
    while at < len(data):
        segments = data[at + 26]
        end = at + 27 + segments + sum(data[at + 27 : at + 27 + segments])
        data[at + 14 : at + 18] = serial.to_bytes(4, "little")
        data[at + 22 : at + 26] = bytes(4)
        data[at + 22 : at + 26] = _checksum(bytes(data[at:end])).to_bytes(4, "little")
        at = end
    return bytes(data)


def _checksum(page: bytes) -> int:
    """CRC-32 of the same polynomial as zlib's, but most significant bit first and from zero."""
    mirrored = _mirror(np.frombuffer(page, np.uint8))
    reflected = zlib.crc32(mirrored.tobytes(), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(_mirror(np.frombuffer(reflected.to_bytes(4, "little"), np.uint8)), "big")


def _mirror(octets: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Each byte's bits in the other order."""
    return np.packbits(np.unpackbits(octets, bitorder="little"))
