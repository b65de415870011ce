"""A recipe: everything that decides what a training run gives, besides the corpus."""

from msgspec import Struct

from verascope.train.degrade import Fates


class Architecture(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The network's shape (verascope/train/network.py).

    Attributes:
        widths: channels of the stem and of each residual stage.
        pooled: how many of the last stages give mean and deviation to the head.
        highpass: every stem filter sums to zero over its window, so flat content is invisible.
        spectrum: add the log energy of 8 × 8 DCT bands to the head.
        dropout: of the pooled features.
    """

    widths: tuple[int, ...] = (16, 32, 64, 128)
    pooled: int = 3
    highpass: bool = True
    spectrum: bool = True
    dropout: float = 0.3


class Recipe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a detector of pictures is trained.

    Attributes:
        steps: optimisation steps; the same steps and seed give the same model.
        crop: side of the training crops in pixels; the pooled network accepts any.
        final_crop, final_share: side and share of the last steps, at the size of scanning.
        batch: crops a step, half of them real.
        smoothing: label smoothing; real is taught as `smoothing / 2` instead of 0.
        teacher: an installed encoder; heads on it teach (verascope/train/teacher.py). Empty: none.
        taught: how much the teacher's probability counts, 0 to 1; the label has the rest.
        start: run folder of a DCGAN whose discriminator is trained on, in place of a network of
            `architecture`; with no steps it is the detector as it is. Empty: none.
        start_random: of that discriminator the shape alone.
        ema: decay of the weights' moving average, which is what is scored and exported.
        include: kinds outside the headline that are trained on nevertheless.
    """

    name: str = "default"
    architecture: Architecture = Architecture()
    fates: Fates = Fates()
    steps: int = 400
    batch: int = 48
    crop: int = 128
    final_crop: int = 192
    final_share: float = 0.1
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    warm_up: float = 0.05
    smoothing: float = 0.1
    teacher: str = ""
    taught: float = 0.7
    start: str = ""
    start_random: bool = False
    ema: float = 0.995
    folds: int = 4
    seed: int = 1
    include: tuple[str, ...] = ()


RECIPES = {
    "default": Recipe(),
    "tiny": Recipe(
        name="tiny",
        architecture=Architecture(widths=(4, 6, 8), pooled=2),
        steps=12,
        batch=8,
        crop=64,
        final_crop=96,
        folds=2,
    ),
}
