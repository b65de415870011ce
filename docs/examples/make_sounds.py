"""Write docs/gallery/sound-*: a second of what each generator of sound makes, and its spectrogram.

    python docs/examples/make_sounds.py

Takes seconds. Vocoders and splices are shown a drawn voice, never anybody's recording; a speech
engine that is not on this machine is passed over.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from verascope.generate.contract import Budget, Item, Sampler
from verascope.generate.device import pick
from verascope.generate.files import Listed
from verascope.generate.registry import find, names
from verascope.generate.sound_base import spectrogram
from verascope.generate.sound_encode import SoundCodec
from verascope.generate.sounds import RATE, example_sounds
from verascope.generate.speech import Speech
from verascope.result import Modality

GALLERY = Path(__file__).parents[1] / "gallery"
SIGNAL_PROCESSING = ("griffin-lim", "world", "lpc", "splice")
MADE = (220, 40, 40)  # over the spans of a splice that are made


def main() -> None:
    """The drawn voice, its twins, and a sentence by each engine."""
    torch.set_num_threads(1)
    [voice] = example_sounds(1.0, n=1)
    write("voice", voice)
    for name, item in (*twins(voice), *sentences()):
        write(name, item)


def twins(voice: Item) -> Iterator[tuple[str, Item]]:
    """What each vocoder, and a splice, makes of the voice."""
    for name in SIGNAL_PROCESSING:
        generator: Any = find(name)(device=pick("cpu"))
        yield name, next(iter(generator.transform([voice], seed=0)))


def sentences() -> Iterator[tuple[str, Item]]:
    """A second of each engine that is there."""
    for name in names(Modality.AUDIO):
        kind: Any = find(name)
        if not issubclass(kind, Speech) or kind.missing():
            continue
        engine: Any = kind(kind.config_type(seconds=1.0), pick("cpu"))
        assert isinstance(engine, Sampler)
        with tempfile.TemporaryDirectory() as run:
            engine.train(Listed([]), Budget(steps=1), seed=0, out=Path(run))
            yield name, next(engine.sample(1, seed=0))


def write(name: str, item: Item) -> None:
    """One WAV file and one PNG file."""
    (GALLERY / f"sound-{name}.wav").write_bytes(SoundCodec(format="WAV").encode(item.media))
    picture = marked(spectrogram(item.media), item)
    Image.fromarray(picture).save(GALLERY / f"sound-{name}.png", optimize=True)


def marked(picture: NDArray[np.uint8], item: Item) -> NDArray[np.uint8]:
    """The spectrogram with a bar of 4 px over what was made, where that is only a part."""
    per_second = picture.shape[1] * RATE / len(item.media)
    bar = np.full((4, *picture.shape[1:]), 255, np.uint8)
    for start, end in item.spans:
        bar[:, round(start * per_second) : round(end * per_second)] = MADE
    return np.concatenate([bar, picture]) if item.spans else picture


if __name__ == "__main__":
    main()
