"""Names to generators: built-in ones and entry points of other packages.

Listing imports nothing heavy; a duplicate name is an error, an unknown one lists its neighbours.
"""

from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import NamedTuple

from verascope.errors import MissingExtraError, UsageError
from verascope.generate.contract import Generator
from verascope.result import Modality

ENTRY_POINTS = "verascope.generators"


class Entry(NamedTuple):
    """A registered generator: its modality, family, and where its class is (`module:Class`)."""

    modality: Modality
    family: str
    target: str


BUILT_IN = {
    "mlp-gan": Entry(Modality.IMAGE, "gan", "verascope.generate.mlp_gan:MlpGan"),
    "dcgan": Entry(Modality.IMAGE, "gan", "verascope.generate.dcgan:Dcgan"),
    "stylegan": Entry(Modality.IMAGE, "gan", "verascope.generate.stylegan:StyleGan"),
    "reconstructor": Entry(
        Modality.IMAGE, "autoencoder", "verascope.generate.reconstructor:Reconstructor"
    ),
    "cyclegan": Entry(Modality.IMAGE, "gan", "verascope.generate.cyclegan:CycleGan"),
    "upscaler": Entry(Modality.IMAGE, "superres", "verascope.generate.upscaler:Upscaler"),
    "inpainter": Entry(Modality.IMAGE, "inpainting", "verascope.generate.inpainter:Inpainter"),
    "griffin-lim": Entry(Modality.AUDIO, "vocoder", "verascope.generate.griffin_lim:GriffinLim"),
    "world": Entry(Modality.AUDIO, "vocoder", "verascope.generate.world:World"),
    "lpc": Entry(Modality.AUDIO, "vocoder", "verascope.generate.lpc:Lpc"),
    "vocos": Entry(Modality.AUDIO, "gan", "verascope.generate.vocos:Vocos"),
    "hifigan": Entry(Modality.AUDIO, "gan", "verascope.generate.hifigan:Hifigan"),
    "vq-codec": Entry(Modality.AUDIO, "codec", "verascope.generate.vq_codec:VqCodec"),
    "token-lm": Entry(Modality.AUDIO, "codec", "verascope.generate.token_lm:TokenLm"),
    "flow-vocoder": Entry(Modality.AUDIO, "flow", "verascope.generate.flow_vocoder:FlowVocoder"),
    "wavegan": Entry(Modality.AUDIO, "gan", "verascope.generate.wavegan:WaveGan"),
    "splice": Entry(Modality.AUDIO, "splice", "verascope.generate.splice:Splice"),
    "espeak-ng": Entry(Modality.AUDIO, "formant", "verascope.generate.espeak_ng:EspeakNg"),
    "flite": Entry(Modality.AUDIO, "concatenative", "verascope.generate.flite:Flite"),
    "svox-pico": Entry(Modality.AUDIO, "parametric", "verascope.generate.svox_pico:SvoxPico"),
    "kokoro-82m-int8": Entry(Modality.AUDIO, "gan", "verascope.generate.kokoro:Kokoro"),
    "ngram": Entry(Modality.TEXT, "markov", "verascope.generate.ngram:Ngram"),
    "char-lstm": Entry(Modality.TEXT, "rnn", "verascope.generate.char_lstm:CharLstm"),
    "transformer": Entry(
        Modality.TEXT, "transformer", "verascope.generate.transformer:Transformer"
    ),
}


@cache
def entries() -> dict[str, Entry]:
    """All registered generators by name.

    A third party registers `"<modality>.<family>.<name>" = "package.module:Class"` in the
    entry-point group `verascope.generators`, so that listing needs no import.

    Raises:
        UsageError: two packages register the same name, or a name has another form.
    """
    found = dict(BUILT_IN)
    for point in entry_points(group=ENTRY_POINTS):
        modality, _, rest = point.name.partition(".")
        family, _, name = rest.partition(".")
        if modality not in list(Modality) or not family or not name:
            raise UsageError(
                f"entry point {point.name!r} must be called <modality>.<family>.<name>"
            )
        if name in found:
            raise UsageError(f"two generators are called {name!r}: uninstall one")
        found[name] = Entry(Modality(modality), family, point.value)
    return found


def names(modality: Modality | None = None) -> tuple[str, ...]:
    """The registered generators of a modality, or all."""
    return tuple(n for n, entry in entries().items() if modality in (None, entry.modality))


def find(name: str) -> type[Generator]:
    """A generator's class by its registered name.

    Raises:
        UsageError: there is no such generator.
        MissingExtraError: it needs torch, which is not installed.
    """
    entry = entries().get(name)
    if entry is None:
        near = get_close_matches(name, entries(), n=3)
        hint = f"did you mean {' or '.join(near)}" if near else f"there are {', '.join(entries())}"
        raise UsageError(f"no generator called {name!r}; {hint}")
    module, _, attribute = entry.target.partition(":")
    try:
        loaded: type[Generator] = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "safetensors", "sklearn"):
            raise
        raise MissingExtraError(error.name, "train") from error
    return loaded
