"""A recipe of a network on log power spectra: all that decides its training, besides the corpus."""

from msgspec import Struct


class AudioRecipe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a detector of sound is trained from nothing.

    Attributes:
        widths: channels of the stem and of each residual stage.
        pooled: how many of the last stages give mean and deviation to the head.
        dropout: of the pooled features.
        steps: optimisation steps; the same steps and seed give the same model.
        batch: windows a step, half of them real.
        contrast: weight of the contrastive loss inside a pair, beside the cross-entropy.
        codec: share of the windows that go through a drawn codec.
        band: share that are limited to a drawn band.
        noise: share that get a drawn noise floor.
        smoothing: of labels; real is taught as `smoothing / 2` instead of 0.
        ema: decay of the weights' moving average, which is what is scored and exported.
        include: kinds outside the headline that are trained on nevertheless.
    """

    name: str = "default"
    widths: tuple[int, ...] = (12, 20, 40, 72)
    pooled: int = 2
    dropout: float = 0.3
    steps: int = 600
    batch: int = 32
    contrast: float = 0.5
    codec: float = 0.6
    band: float = 0.3
    noise: float = 0.3
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    warm_up: float = 0.05
    smoothing: float = 0.1
    ema: float = 0.99
    folds: int = 7
    seed: int = 1
    include: tuple[str, ...] = ()


RECIPES = {
    "default": AudioRecipe(),
    "tiny": AudioRecipe(name="tiny", widths=(4, 6, 8), steps=8, batch=8, codec=0.2, folds=2),
}
