"""What a sound file says of itself before anything is decoded, and whether that can be."""

from msgspec import Struct

from verascope.errors import InputTrouble
from verascope.result import Reason, Warn
from verascope.settings import Limits

RATES_HZ = (4_000, 768_000)
MAX_CHANNELS = 64
# Samples that a byte can stand for: silence in FLAC, 65,535 of them in a frame of 10 bytes.
MAX_SAMPLES_PER_BYTE = 6_554


class Span(Struct, frozen=True):
    """A piece of the file that can be decoded by itself, and the sound in it that is wanted.

    Attributes:
        start, end: in bytes; the first wanted sample may need what stands before it.
        front: a header of our own that the decoder sees before it.
        start_s: when the wanted sound starts, in seconds from the file's start.
        lead_s: how much is decoded before it and dropped.
        length_s: how much is wanted; None is all that the piece holds.
    """

    start: int
    end: int
    front: bytes = b""
    start_s: float = 0.0
    lead_s: float = 0.0
    length_s: float | None = None


class SoundHeader(Struct, frozen=True):
    """The length and state of a recording, from its header and structure.

    Attributes:
        duration_s: None where the format does not tell it.
        rate: in Hz.
        channels: as the container says.
        warnings: what was odd about the file around the samples.
        complete: the file reaches the end that its structure claims.
        spans: the pieces of the file that decoding needs; all of the file if empty.
    """

    duration_s: float | None
    rate: int
    channels: int
    warnings: tuple[Warn, ...] = ()
    complete: bool = True
    spans: tuple[Span, ...] = ()


def check_format(rate: int, channels: int) -> None:
    """Refuse what no recorder writes.

    Raises:
        InputTrouble: CORRUPT.
    """
    if not RATES_HZ[0] <= rate <= RATES_HZ[1]:
        raise InputTrouble(Reason.CORRUPT, f"the header claims {rate:,} samples a second")
    if not 1 <= channels <= MAX_CHANNELS:
        raise InputTrouble(Reason.CORRUPT, f"the header claims {channels:,} channels")


def check_length(duration_s: float, rate: int, held: int, limits: Limits) -> None:
    """Refuse more sound than the limit, and more than a file of so many bytes can hold.

    Raises:
        InputTrouble: CORRUPT or TOO_LARGE.
    """
    if duration_s * rate > held * MAX_SAMPLES_PER_BYTE:
        raise InputTrouble(
            Reason.CORRUPT, f"the header claims {duration_s:,.0f} s in {held:,} bytes"
        )
    if duration_s > limits.max_duration_s:
        raise InputTrouble(
            Reason.TOO_LARGE, f"{duration_s:,.0f} s, the limit is {limits.max_duration_s:,.0f}"
        )
