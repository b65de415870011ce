"""A recipe of a head on an encoder: everything that decides what its training gives."""

from collections.abc import Sequence

from msgspec import Struct

from verascope.errors import UsageError

CLASS = "class"  # what a tap's name ends in where it is the class token of a block


class HeadRecipe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a head is trained (verascope/train/kernel.py).

    Attributes:
        taps: the encoder's vectors that it takes; empty takes the later half of those whose name
            ends in "class".
        patches: the tap, a mean over patches, that a linear head is fitted on for heat maps;
            empty makes none.
        views: of each picture that it trains on (verascope/train/views.py).
        components: principal components of a picture's vectors.
        landmarks: training pictures that the kernel compares with.
        narrowness: of the kernel, as a part of the mean squared distance from the middle.
        ridge: penalty on the head's size.
        consistency: penalty on what the head makes of a view beyond the mean over its views.
        balance: sources count with this power of their size, below 1: 0.5 is the square root.
        include: kinds outside the headline that are trained on nevertheless.
    """

    name: str = "default"
    taps: tuple[str, ...] = ()
    patches: str = "block 8 mean"
    views: tuple[str, ...] = ("equal-crops", "whole", "harder")
    components: int = 128
    landmarks: int = 1600
    narrowness: float = 0.5
    ridge: float = 1.0
    consistency: float = 0.3
    balance: float = 0.5
    folds: int = 6
    seed: int = 1
    include: tuple[str, ...] = ()


def chosen_taps(recipe: HeadRecipe, given: Sequence[str]) -> tuple[str, ...]:
    """Which of an encoder's taps a recipe takes.

    Raises:
        UsageError: the encoder does not give one of them.
    """
    if not recipe.taps:
        of_class = tuple(tap for tap in given if tap.endswith(CLASS)) or tuple(given)
        return of_class[len(of_class) // 2 :]
    for tap in recipe.taps:
        if tap not in given:
            raise UsageError(f"the encoder gives no tap {tap!r}; it gives {', '.join(given)}")
    return recipe.taps


RECIPES = {
    "default": HeadRecipe(),
    "tiny": HeadRecipe(
        name="tiny",
        views=("equal-crops", "shared-0"),
        components=8,
        landmarks=16,
        folds=2,
    ),
}
