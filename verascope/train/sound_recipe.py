"""A recipe of a detector of sound made of heads on frozen encoders: all that decides its training.

The settings were chosen by leave-sources-out on the train split alone (docs/audio-detector.md).
"""

from msgspec import Struct

from verascope.train.head_recipe import HeadRecipe


class HeadPart(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One head: kernel ridge regression on some taps of one encoder (verascope/train/kernel.py).

    Attributes:
        encoder: installed, or `spectral`, which the package has.
        taps: the encoder's vectors that it takes together.
        narrowness: of the kernel; small ones make a nearly linear head.
        ridge: penalty on its size.
    """

    encoder: str
    taps: tuple[str, ...]
    components: int = 150
    narrowness: float = 0.5
    ridge: float = 0.05


class SoundRecipe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a detector of sound is trained: each head by itself, then the mean of their logits.

    Attributes:
        heads: its heads.
        teachers: heads that teach these; none: labels alone. A recording is taught by teachers
            that never saw its source.
        taught: how much the teachers' logit counts, 0 to 1; the label has the rest.
        views: of each recording that it trains on (verascope/train/sound_views.py).
        consistency: penalty on what a head makes of a view beyond the mean over its views.
        balance: sources count with this power of their size, below 1: 0.5 is the square root.
        built_in: share of each class's weight that corpora of our own generators have together.
        landmarks: training recordings, under one view or more, that a kernel compares with.
    """

    name: str
    heads: tuple[HeadPart, ...]
    teachers: tuple[HeadPart, ...] = ()
    taught: float = 0.5
    views: tuple[str, ...] = ("raw", "telephone", "opus")
    consistency: float = 0.0
    balance: float = 0.5
    built_in: float = 0.15
    landmarks: int = 800
    folds: int = 7
    seed: int = 1
    include: tuple[str, ...] = ()

    def of(self, head: HeadPart) -> HeadRecipe:
        """A head's own recipe, as the kernel takes it."""
        return HeadRecipe(
            components=head.components,
            landmarks=self.landmarks,
            narrowness=head.narrowness,
            ridge=head.ridge,
            consistency=self.consistency,
            seed=self.seed,
        )


TRANSFORMER = HeadPart(
    encoder="distillmos",
    taps=("transformer 3", "transformer 4", "transformer 5"),
    components=80,
    narrowness=0.1,
    ridge=0.5,
)
CONVOLUTION = HeadPart(encoder="distillmos", taps=("bands 6",), components=80)
WORDS = HeadPart(
    encoder="whisper-base", taps=("block 3",), components=80, narrowness=0.1, ridge=0.3
)
ACCURATE = (TRANSFORMER, CONVOLUTION, WORDS)
TEXTURE = HeadPart(encoder="spectral", taps=("texture",), components=80, ridge=0.025)
BANDS = HeadPart(encoder="spectral", taps=("bands",), components=80, ridge=0.033)
RECIPES = {
    "accurate": SoundRecipe(name="accurate", heads=ACCURATE),
    "fast": SoundRecipe(name="fast", heads=(TEXTURE, BANDS), teachers=ACCURATE, landmarks=2000),
    "tiny": SoundRecipe(
        name="tiny",
        heads=(HeadPart(encoder="spectral", taps=("texture",), components=8),),
        views=("raw",),
        landmarks=16,
        folds=2,
    ),
}
