"""A recipe of `text-style`: all that decides its training.

The settings were chosen by leaving out one source after the other, on the train split alone
(docs/text-detector.md).
"""

from msgspec import Struct


class TextRecipe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the views of `text-style` are fitted.

    Attributes:
        character_bits, word_bits: of the tables of n-grams: 2 to this many columns each.
        linear_c: inverse penalty of the models on n-grams.
        style_c: inverse penalty of the model on features of style.
        length: of the longest n-grams of the language models.
        fewest: occurrences of an n-gram that a language model keeps.
        shares: of each view in a head's logit: characters, words, style, language models.
        lengths: characters at which logits are brought to log-odds.
        most_of_a_source: times the nominal false positive rate that a point may have on any one
            real source of `counted` texts or more, all of them out of fold.
        counted: texts that make a source's own rate count.
    """

    name: str = "text-style"
    character_bits: int = 18
    word_bits: int = 17
    linear_c: float = 3.0
    style_c: float = 0.003
    length: int = 4
    fewest: int = 2
    shares: tuple[float, float, float, float] = (0.4, 0.2, 0.1, 0.3)
    lengths: tuple[int, ...] = (80, 150, 300, 600)
    most_of_a_source: float = 2.0
    counted: int = 200
    seed: int = 1


class TextHeadRecipe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the accurate tier is fitted.

    Attributes:
        encoder, build: installed.
        taps: the encoder's vectors that the head takes together.
        c: inverse penalty of the head.
        share: of the head in the logit; the tables have the rest.
        tables: recipe of the tables, which are left-out ones when figures are taken.
    """

    name: str = "text-smollm"
    encoder: str = "smollm2-135m"
    build: str = "layer6"
    taps: tuple[str, ...] = ("layer 2", "layer 4", "layer 6")
    c: float = 1e-3
    share: float = 0.5
    tables: TextRecipe = TextRecipe()
    seed: int = 1


TINY = TextRecipe(name="tiny", character_bits=12, word_bits=11, length=3)
RECIPES = {"default": TextRecipe(), "tiny": TINY}
DEEP = TextHeadRecipe(
    name="layer24", build="layer24", taps=("layer 6", "layer 12", "layer 18", "layer 24")
)
HEAD_RECIPES = {
    "default": TextHeadRecipe(),
    "layer24": DEEP,
    "tiny": TextHeadRecipe(name="tiny", tables=TINY),
}
