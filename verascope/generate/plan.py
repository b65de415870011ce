"""What a corpus is to hold."""

from msgspec import Struct

from verascope.generate.encode import Encoding
from verascope.generate.sound_encode import SoundEncoding


class Plan(Struct, frozen=True, kw_only=True):
    """What a corpus is to hold.

    Attributes:
        count: pairs of a real and a synthetic medium.
        max_side: real pictures are cropped (never resized) to at most this, px.
        encoding: of pictures.
        window_s: real recordings are cut (never stretched) to between these lengths, s.
        sound: encoding of recordings.
        sign: give every made file a credential.
        allow_confounds: write it although a check failed; corpus.json says so.
    """

    count: int
    seed: int
    max_side: int = 512
    encoding: Encoding = Encoding()
    window_s: tuple[float, float] = (2.0, 4.0)
    sound: SoundEncoding = SoundEncoding()
    sign: bool = True
    allow_confounds: bool = False
