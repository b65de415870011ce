"""Run folders to media: open a finished run, and write what its generator makes as files."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from verascope.errors import InputTrouble, UsageError
from verascope.generate.contract import Generator, Item, Sampler, Transformer
from verascope.generate.files import Files
from verascope.generate.forms import form_of
from verascope.generate.registry import find
from verascope.generate.run import CHECKPOINT
from verascope.generate.signing import sign_made
from verascope.provenance.sign import Signer


class Run(NamedTuple):
    """A finished run: its generator with the weights loaded, and where they are from."""

    generator: Generator
    checkpoint: Path


class Written(NamedTuple):
    """What became of each file: how many are there, and which inputs could not be read."""

    files: int
    troubles: dict[str, str]


def open_run(folder: Path, device: str = "auto") -> Run:
    """The generator of a run folder, by the folder's own options.

    Raises:
        UsageError: it is no run folder, or its training has written no weights yet.
    """
    from verascope.generate.device import pick

    try:
        options = json.loads((folder / "options.json").read_bytes())
        kind: Any = find(options["generator"])
        config = msgspec.convert(options["config"], kind.config_type)
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"{folder} is not a run folder of `generate train`: {error}") from error
    checkpoint = folder / CHECKPOINT
    if not checkpoint.is_file():
        raise UsageError(f"{folder} has no {CHECKPOINT} yet: train it first")
    generator = kind(config, pick(device))
    generator.load(checkpoint)
    return Run(generator, checkpoint)


def write_samples(
    generator: Generator, out: Path, *, count: int, seed: int, start: int, signer: Signer | None
) -> Written:
    """Write samples `start` to `start + count - 1` as OUT/NNNNNN.png (or .wav).

    Raises:
        UsageError: the generator only transforms.
    """
    if not isinstance(generator, Sampler):
        noun = form_of(generator.modality).noun
        raise UsageError(f"{generator.name} turns {noun} into others: use `generate transform`")
    named = ((Path(f"{i.key:06d}"), i) for i in generator.sample(count, seed, start=start))
    return _write(named, out, generator, signer, {})


def write_transformed(
    generator: Generator, files: Files, out: Path, *, seed: int, signer: Signer | None
) -> Written:
    """Write each file's counterpart under the file's own name, as PNG or WAV.

    Raises:
        UsageError: the generator only samples.
    """
    if not isinstance(generator, Transformer):
        noun = form_of(generator.modality).noun
        raise UsageError(f"{generator.name} makes {noun} out of nothing: use `generate sample`")
    troubles: dict[str, str] = {}

    def counterparts() -> Iterator[tuple[Path, Item]]:
        for index, row in enumerate(files.rows):
            try:
                item = replace(files[index], key=index)
                made = next(iter(generator.transform([item], seed)))
            except InputTrouble as trouble:
                troubles[row.path] = str(trouble.reason)
                continue
            yield Path(row.path).with_suffix(""), made

    return _write(counterparts(), out, generator, signer, troubles)


def _write(
    named: Iterable[tuple[Path, Item]],
    out: Path,
    generator: Generator,
    signer: Signer | None,
    troubles: dict[str, str],
) -> Written:
    """Each file appears whole or not at all; the names lack their suffix."""
    files, codec = 0, form_of(generator.modality).lossless
    for name, item in named:
        target = out / f"{name}{codec.suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")  # signing may use the name without the dot
        part.write_bytes(codec.encode(item.media))
        if signer is None:
            part.replace(target)
        else:
            sign_made(part, target, signer, generator)
            part.unlink()
        files += 1
    return Written(files, troubles)
