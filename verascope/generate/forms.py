"""What the corpus writer has to know of a modality: windows, files, headers, measures.

Everything else about a corpus (order, pairs, journal, manifest, signing) is the same for all.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeAlias

import msgspec
import numpy as np

from verascope.errors import InputTrouble, UsageError
from verascope.generate import null, sound_null
from verascope.generate.activity import window
from verascope.generate.contract import Array, Item
from verascope.generate.data import Pictures, crop, crop_origin
from verascope.generate.encode import Codec
from verascope.generate.files import Files
from verascope.generate.manifest import Row
from verascope.generate.plan import Plan
from verascope.generate.sound_encode import SoundCodec
from verascope.generate.sound_test import SoundTest, mel_distance, sound_test
from verascope.generate.sounds import RATE, Sounds, cut_origin
from verascope.generate.spectrum import WINDOW_PX, SelfTest, psnr, self_test
from verascope.generate.text_test import TextTest, text_test
from verascope.generate.texts import Texts, as_media, as_text, whole_words
from verascope.generate.versions import LIBRARIES
from verascope.result import Modality, Reason

LINES = "texts.jsonl"
MIN_SIDE = 64
MIN_PSNR_DB = 34.0
MAX_MEL_L1 = 2.0  # of one twin: over it nothing of the original is left; LPC's worst has 1.5

Test: TypeAlias = SelfTest | SoundTest | TextTest


class Encoder(Protocol):
    """One encoder setting."""

    @property
    def suffix(self) -> str:
        """Of the file name, with the dot."""

    def encode(self, media: Array) -> bytes:
        """Bytes of a file, without any metadata."""


class Form(Protocol):
    """A modality, as the corpus writer sees it.

    Attributes:
        noun: what its media are called, in the plural.
        files: how a folder of them is opened.
        lossless: the encoder of what is written outside a corpus.
        features: names of what header() returns.
        others: fields of a Plan that say nothing here.
        libraries: those whose version decides the bytes of a file.
        window: what of a real medium the self-test needs at least, in words.
    """

    noun: str
    files: type[Files]
    lossless: Encoder
    features: tuple[str, ...]
    others: tuple[str, ...]
    libraries: tuple[str, ...]
    window: str

    def cut(self, item: Item, plan: Plan, rng: np.random.Generator) -> Item:
        """A random window of a real item, in native samples.

        Raises:
            InputTrouble: it is too small, or holds too little.
        """

    def codec(self, plan: Plan, rng: np.random.Generator) -> Encoder:
        """The encoder of one pair."""

    def header(self, content: bytes) -> list[float]:
        """What a file's header tells: one number for each of `features`."""

    def pilot(self, plan: Plan) -> Plan:
        """The plan whose windows the self-test takes."""

    def test(self, real: Sequence[Array], made: Sequence[Array], *, paired: bool) -> Test:
        """Measure made media against as many real ones."""

    def poor(self, real: Array, made: Array) -> str | None:
        """Why an aligned twin is too far from its original, or None."""

    def alike(self, real: Item, made: Item) -> tuple[Item, Item]:
        """A real medium and a sample beside it, so that their extent tells nothing."""

    def gather(self, out: Path, rows: Sequence[Row]) -> None:
        """Write what trainers want of all files together, if anything."""


class PictureForm:
    """Pictures: uint8 [h, w, 3]."""

    noun = "pictures"
    files: ClassVar[type[Files]] = Pictures
    lossless: ClassVar[Encoder] = Codec(format="PNG", quality=0, subsampling=0)
    features = null.FEATURES
    others = ("window_s", "sound")
    libraries = LIBRARIES
    window = f"windows of {MIN_SIDE} px or more"

    def cut(self, item: Item, plan: Plan, rng: np.random.Generator) -> Item:
        """A crop of at most `max_side`; see Form."""
        height, width = (min(side, plan.max_side) for side in item.media.shape[:2])
        if min(height, width) < MIN_SIDE:
            raise InputTrouble(Reason.TOO_LITTLE_CONTENT)
        media, (x, y) = crop(item.media, height, width, rng)
        origin = item.origin
        if media.shape != item.media.shape:
            origin = crop_origin(origin, height, width, x, y)
        return replace(item, media=media, pair=pair_of(media), origin=origin)

    def codec(self, plan: Plan, rng: np.random.Generator) -> Encoder:
        """See Form."""
        return plan.encoding.draw(rng)

    def header(self, content: bytes) -> list[float]:
        """See Form."""
        return null.header(content)

    def pilot(self, plan: Plan) -> Plan:
        """At most 128 px, so that a few large photographs give enough of them."""
        return msgspec.structs.replace(plan, max_side=min(plan.max_side, WINDOW_PX))

    def test(self, real: Sequence[Array], made: Sequence[Array], *, paired: bool) -> Test:
        """See Form."""
        return self_test(real, made, paired=paired)

    def poor(self, real: Array, made: Array) -> str | None:
        """See Form."""
        return f"under {MIN_PSNR_DB:.0f} dB" if psnr(real, made) < MIN_PSNR_DB else None

    def alike(self, real: Item, made: Item) -> tuple[Item, Item]:
        """As they are; see Form."""
        return real, made

    def gather(self, out: Path, rows: Sequence[Row]) -> None:
        """Nothing; see Form."""


class SoundForm:
    """Recordings: int16 [n], mono, 16 kHz."""

    noun = "recordings"
    files: ClassVar[type[Files]] = Sounds
    lossless: ClassVar[Encoder] = SoundCodec(format="WAV")
    features = sound_null.FEATURES
    others = ("max_side", "encoding")
    libraries = (*LIBRARIES[:-1], "av", "soundfile", "soxr")
    window = "windows of 2 s or more, 45 % of them active,"

    def cut(self, item: Item, plan: Plan, rng: np.random.Generator) -> Item:
        """A window of a length between the two of `window_s`, or as long as there is; see Form."""
        shortest, longest = (round(s * RATE) for s in plan.window_s)
        most = min(longest, len(item.media))
        if most < shortest:
            raise InputTrouble(Reason.TOO_SHORT)
        start, end = window(item.media, int(rng.integers(shortest, most + 1)), rng)
        media, origin = item.media[start:end], cut_origin(item.origin, start, end)
        return replace(item, media=media, pair=pair_of(media), origin=origin)

    def codec(self, plan: Plan, rng: np.random.Generator) -> Encoder:
        """See Form."""
        return plan.sound.draw(rng)

    def header(self, content: bytes) -> list[float]:
        """See Form."""
        return sound_null.header(content)

    def pilot(self, plan: Plan) -> Plan:
        """The plan itself."""
        return plan

    def test(self, real: Sequence[Array], made: Sequence[Array], *, paired: bool) -> Test:
        """See Form."""
        return sound_test(real, made, paired=paired)

    def poor(self, real: Array, made: Array) -> str | None:
        """See Form."""
        far = mel_distance(real, made) > MAX_MEL_L1
        return f"mel distance over {MAX_MEL_L1:.0f}" if far else None

    def alike(self, real: Item, made: Item) -> tuple[Item, Item]:
        """As they are; see Form."""
        return real, made

    def gather(self, out: Path, rows: Sequence[Row]) -> None:
        """Nothing; see Form."""


class Utf8(msgspec.Struct, frozen=True):
    """The encoder of texts: UTF-8."""

    suffix: str = ".txt"

    def encode(self, media: Array) -> bytes:
        """Bytes of code points, uint32 [n]."""
        return as_text(media).encode("utf-8", "replace")


class TextForm:
    """Texts: uint32 [n], code points; their corpora are JSON Lines too."""

    noun = "texts"
    files: ClassVar[type[Files]] = Texts
    lossless: ClassVar[Encoder] = Utf8()
    features = ("characters", "bytes")
    others = ("max_side", "encoding", "window_s", "sound")
    libraries = LIBRARIES
    window = "texts of 30 characters or more"

    def cut(self, item: Item, plan: Plan, rng: np.random.Generator) -> Item:
        """The whole text; see Form."""
        return replace(item, pair=pair_of(item.media))

    def codec(self, plan: Plan, rng: np.random.Generator) -> Encoder:
        """See Form."""
        return self.lossless

    def header(self, content: bytes) -> list[float]:
        """See Form."""
        return [float(len(content.decode("utf-8", "replace"))), float(len(content))]

    def pilot(self, plan: Plan) -> Plan:
        """The plan itself."""
        return plan

    def test(self, real: Sequence[Array], made: Sequence[Array], *, paired: bool) -> Test:
        """See Form."""
        return text_test(real, made)

    def poor(self, real: Array, made: Array) -> str | None:
        """See Form."""
        return None

    def alike(self, real: Item, made: Item) -> tuple[Item, Item]:
        """Both cut at a word's end to the shorter one's length; see Form."""
        length = min(len(real.media), len(made.media))
        cut = (whole_words(as_text(item.media), length) for item in (real, made))
        one, other = map(as_media, cut)
        return replace(real, media=one), replace(made, media=other)

    def gather(self, out: Path, rows: Sequence[Row]) -> None:
        """All texts with their rows as JSON Lines, which `train text` reads; see Form."""
        lines = (
            {**msgspec.structs.asdict(row), "text": (out / row.path).read_text("utf-8")}
            for row in rows
        )
        part = out / f"{LINES}.part"
        part.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
        part.replace(out / LINES)


@cache
def form_of(modality: Modality) -> Form:
    """The form of a modality.

    Raises:
        UsageError: no corpus can be made of it.
    """
    forms: dict[Modality, Any] = {
        Modality.IMAGE: PictureForm,
        Modality.AUDIO: SoundForm,
        Modality.TEXT: TextForm,
    }
    if modality not in forms:
        raise UsageError(f"there are no corpora of {modality} yet")
    form: Form = forms[modality]()
    return form


def common_form(modalities: Sequence[Modality]) -> Form:
    """The form of several generators' one modality.

    Raises:
        UsageError: they have not the same.
    """
    if len(set(modalities)) != 1:
        found = " and ".join(sorted(set(modalities)))
        raise UsageError(f"one corpus holds one modality, not {found}")
    return form_of(modalities[0])


def open_media(modality: Modality, folder: Path) -> Files:
    """Real media of a modality in a folder or corpus; see Files.open."""
    return form_of(modality).files.open(folder)


def pair_of(media: Array) -> str:
    """The name of a pair: one medium may be cut more than once, a pair is one window."""
    return hashlib.sha256(media.tobytes()).hexdigest()[:16]
