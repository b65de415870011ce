"""`verascope generate`: train built-in generators and write labelled corpora."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from verascope.cli import generating as g
from verascope.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from verascope.generate.contract import Budget
    from verascope.generate.pairs import Plan
    from verascope.provenance.sign import Signer


@click.group()
def generate() -> None:
    """Make synthetic media to train detectors on."""


@generate.command("list")
@click.option("--format", "shape", type=click.Choice(["text", "jsonl"]), default="text")
def list_(shape: str) -> None:
    """List the generators: built-in ones and those of installed packages."""
    from verascope.generate.registry import entries

    for name, entry in entries().items():
        if shape == "jsonl":
            facts = {"name": name, "modality": str(entry.modality), "family": entry.family}
            click.echo(json.dumps(facts))
        else:
            click.echo(f"{name:<16} {entry.modality:<8} {entry.family}")


@generate.command("watermark-key")
@click.option(
    "--scheme",
    type=click.Choice(["kgw", "synthid"]),
    default="kgw",
    show_default=True,
    help="A green list (Kirchenbauer et al. 2023), or a tournament (Dathathri et al. 2024).",
)
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path))
def watermark_key(scheme: Any, out: Path) -> None:
    """Make the key of a watermark of text, readable by you alone.

    \b
      verascope generate watermark-key --out key.toml
      verascope generate sample --run runs/lstm --out texts …   with watermark = "key.toml"
      verascope scan texts/ --watermark-key key.toml
    """
    import os

    from verascope.provenance.watermark_key import key_text, new_key

    try:
        file = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise UsageError(f"{out}: {error.strerror}") from error
    with os.fdopen(file, "w") as key:
        key.write(key_text(new_key(scheme)))
    click.echo(out)


COUNT = click.option(
    "--count",
    default=100,
    show_default=True,
    type=click.IntRange(0),
    help="Synthetic media (and as many real ones) in the corpus; 0 writes none.",
)
CORPUS = click.option(
    "--corpus", "folder", type=g.FOLDER, help="Where to write it.  [default: OUT/corpus]"
)
CHECKPOINT = click.option(
    "--checkpoint", type=g.FILE, help="Use these weights (of the same config); no training."
)
RUN = click.option(
    "--run", "run", required=True, type=g.READABLE, help="Run folder of a finished training."
)
OUTPUTS = click.option("--out", required=True, type=g.FOLDER, help="Folder for the files.")


@generate.command()
@g.with_options(g.family, g.data, g.run_out, g.steps, g.seconds, COUNT, CORPUS, g.max_side)
@g.with_options(g.seed, g.config, CHECKPOINT, g.device, g.threads, g.allow_confounds, g.no_sign)
@g.with_options(g.jobs, g.dry_run)
def image(max_side: int, **options: Any) -> None:
    """Train an image generator and write a corpus: `train` and `corpus` in one.

    \b
    Twins of your photographs, after a minute of training on one core:
      verascope generate image --family reconstructor --data photos --out runs/twins --steps 800
    Small pictures out of nothing:
      verascope generate image --family dcgan --data photos --out runs/dcgan --steps 2000

    Run the same command again to go on after a kill. The run folder holds options, log, previews,
    weights and the self-test; the corpus holds media, manifest.csv and corpus.json, which tells how
    it was made.
    """  # fmt: skip
    _all_in_one("image", {"max_side": max_side}, **options)


@generate.command()
@g.with_options(g.family, g.data, g.run_out, g.steps, g.seconds, COUNT, CORPUS, g.window)
@g.with_options(g.seed, g.config, CHECKPOINT, g.device, g.threads, g.allow_confounds, g.no_sign)
@g.with_options(g.jobs, g.dry_run)
def audio(window: tuple[float, float], **options: Any) -> None:
    """Train a generator of sound and write a corpus: `train` and `corpus` in one.

    \b
    Twins of your recordings by a vocoder that needs no training:
      verascope generate audio --family griffin-lim --data recordings --out runs/gl --count 500
    Recordings of which one second is made; the manifest says which:
      verascope generate audio --family splice --data recordings --out runs/splice

    Sound is mono at 16 kHz. Both classes are cut and encoded alike: FLAC, WAV, Vorbis, Opus, MP3
    and AAC take turns as the seed draws.
    """  # fmt: skip
    _all_in_one("audio", {"window_s": window}, **options)


def _all_in_one(
    modality: str,
    windows: dict[str, Any],
    *,
    steps: int | None,
    seconds: float | None,
    count: int,
    folder: Path | None,
    no_sign: bool,
    allow_confounds: bool,
    jobs: int | None,
    dry_run: bool,
    **options: Any,
) -> None:
    from verascope.generate import parallel
    from verascope.generate.make import make, prepare
    from verascope.result import Modality

    parallel.alone(f"generate {modality}")
    budget = _budget(steps, seconds)
    job = prepare(**options, budget=budget, modality=Modality(modality))
    if dry_run:
        click.echo(json.dumps({**job.resolved(), "count": count}, indent=2))
        return
    plan = _plan(count, job.seed, no_sign, allow_confounds, **windows) if count else None
    folder = folder or job.out / "corpus"
    made = make(job, plan, folder, g.watch(), jobs)
    g.say([f"checkpoint     {made.checkpoint}", *g.tell_test(made.test)])
    if made.corpus is not None:
        g.say(g.tell_corpus(made.corpus, folder))


@generate.command()
@g.with_options(g.family, g.data, g.run_out, g.steps, g.seconds, g.seed, g.config)
@g.with_options(g.device, g.threads, g.dry_run)
def train(dry_run: bool, **options: Any) -> None:
    """Train a generator; the run folder is what the other verbs take as --run.

    \b
      verascope generate train --family dcgan --data photos --out runs/dcgan --steps 2000
    On several cards, each batch shared between them:
      torchrun --nproc-per-node 2 -m verascope generate train --family dcgan ...
    """
    from verascope.generate import parallel
    from verascope.generate.make import make, prepare

    budget = _budget(options.pop("steps"), options.pop("seconds"))
    job = prepare(**options, budget=budget)
    if dry_run:
        click.echo(json.dumps(job.resolved(), indent=2))
        return
    if parallel.follows():  # the first process measures, tells and writes
        job.generator.train(job.data.only("train"), job.budget, seed=job.seed, out=job.out)
        return
    made = make(job, None, job.out, g.watch())
    g.say([f"checkpoint     {made.checkpoint}", *g.tell_test(made.test)])


@generate.command()
@g.with_options(RUN, OUTPUTS)
@click.option("--count", default=16, show_default=True, type=click.IntRange(1))
@click.option("--start", default=0, type=click.IntRange(0), help="Number of the first sample.")
@g.with_options(g.seed, g.device, g.threads, g.no_sign)
def sample(
    run: Path, out: Path, count: int, start: int, seed: int, device: str, no_sign: bool
) -> None:
    """Write samples of a trained generator as PNG or WAV files.

    Sample 123 is the same whatever --start and --count.
    """
    from verascope.generate.forms import form_of
    from verascope.generate.outputs import open_run, write_samples

    generator = open_run(run, device).generator
    signer = _signer(no_sign)
    written = write_samples(generator, out, count=count, seed=seed, start=start, signer=signer)
    g.say([f"{written.files} {form_of(generator.modality).noun} in {out}"])


@generate.command()
@click.argument("folder", type=g.READABLE)
@g.with_options(RUN, OUTPUTS, g.seed, g.device, g.threads, g.no_sign)
def transform(folder: Path, run: Path, out: Path, seed: int, device: str, no_sign: bool) -> int:
    """Write the counterpart of each file in FOLDER, as PNG or WAV under the same name."""
    from verascope.generate.forms import open_media
    from verascope.generate.outputs import open_run, write_transformed

    opened, signer = open_run(run, device), _signer(no_sign)
    found = open_media(opened.generator.modality, folder)
    written = write_transformed(opened.generator, found, out, seed=seed, signer=signer)
    for name, reason in written.troubles.items():
        click.echo(f"{name}: {reason}", err=True)
    click.echo(f"{written.files} {found.noun} in {out}")
    return ExitCode.INCOMPLETE if written.troubles else ExitCode.OK


@generate.command()
@click.option(
    "--run",
    "runs",
    required=True,
    multiple=True,
    type=g.READABLE,
    help="Run folder of a finished training; several take turns.",
)
@g.with_options(g.data)
@click.option("--out", required=True, type=g.FOLDER, help="The corpus; a killed one goes on there.")
@g.with_options(
    COUNT, g.max_side, g.window, g.seed, g.device, g.threads, g.allow_confounds, g.no_sign, g.jobs
)
def corpus(
    runs: tuple[Path, ...],
    data: Path,
    out: Path,
    count: int,
    max_side: int,
    window: tuple[float, float],
    seed: int,
    device: str,
    allow_confounds: bool,
    no_sign: bool,
    jobs: int | None,
) -> None:
    """Write a labelled corpus of real media and what one or more generators make of one kind.

    \b
      verascope generate corpus --run runs/twins --run runs/dcgan --data photos --out corpus
    """
    from verascope.generate.forms import open_media
    from verascope.generate.make import compose
    from verascope.generate.outputs import open_run

    opened = [open_run(run, device) for run in runs]
    plan = _plan(count, seed, no_sign, allow_confounds, max_side=max_side, window_s=window)
    found = open_media(opened[0].generator.modality, data)
    g.say(g.tell_corpus(compose(opened, found, plan, out, jobs), out))


@generate.command()
@g.with_options(g.data)
@click.option("--out", required=True, type=g.FOLDER, help="Folder for runs and corpus.")
@click.option(
    "--decoders",
    default=24,
    show_default=True,
    type=click.IntRange(1),
    help="How many are drawn from the seed; every fourth makes fingerprints.",
)
@g.with_options(g.steps, g.seconds, COUNT, g.max_side, g.seed, g.device, g.threads)
@g.with_options(g.allow_confounds, g.no_sign, g.jobs)
def mixture(
    data: Path,
    out: Path,
    decoders: int,
    steps: int | None,
    seconds: float | None,
    count: int,
    max_side: int,
    seed: int,
    device: str,
    allow_confounds: bool,
    no_sign: bool,
    jobs: int | None,
) -> None:
    """Train many small drawn decoders and write one corpus of their twins.

    \b
      verascope generate mixture --data photos --out mixture --steps 600 --count 5000 --max-side 224

    Each decoder is measured: aligned twins must be at 34 dB or more with a spectrum AUROC of at
    most .75 under the narrowest cut-off that gives this, or another decoder takes their place.
    Run it again to go on after a kill.
    """
    from verascope.generate import parallel
    from verascope.generate.mixture import mixture as made

    parallel.alone("generate mixture")
    plan = _plan(count, seed, no_sign, allow_confounds, max_side=max_side)
    result = made(
        *(data, out),
        decoders=decoders,
        budget=_budget(steps, seconds),
        plan=plan,
        device=device,
        watch=g.watch(),
        jobs=jobs,
    )
    g.say(g.tell_decoders(result.kept))
    g.say([f"left out       {name}: {reason}" for name, reason in result.left_out.items()])
    g.say(g.tell_corpus(result.report, out / "corpus"))


@generate.command("sound-mixture")
@g.with_options(g.data)
@click.option("--out", required=True, type=g.FOLDER, help="Folder for runs and corpora.")
@click.option(
    "--vocoders",
    default=10,
    show_default=True,
    type=click.IntRange(1),
    help="How many are drawn from the seed; families take turns.",
)
@click.option(
    "--family",
    "families",
    multiple=True,
    metavar="NAME",
    help="Draw of this family; repeat it for more.  [default: all five]",
)
@click.option(
    "--keep-out",
    multiple=True,
    metavar="NAME",
    help="A family whose twins go to OUT/unheard alone, of sources that no vocoder learnt from.",
)
@g.with_options(g.steps, g.seconds, COUNT, g.window, g.seed, g.device, g.threads)
@g.with_options(g.allow_confounds, g.no_sign, g.jobs)
def sound_mixture(
    data: Path,
    out: Path,
    vocoders: int,
    families: tuple[str, ...],
    keep_out: tuple[str, ...],
    steps: int | None,
    seconds: float | None,
    count: int,
    window: tuple[float, float],
    seed: int,
    device: str,
    allow_confounds: bool,
    no_sign: bool,
    jobs: int | None,
) -> None:
    """Train many drawn neural vocoders and write one corpus of their twins.

    \b
      verascope generate sound-mixture --data recordings --out mixture --vocoders 10 \\
          --seconds 600 --count 2000 --keep-out token-lm

    Drawn are configurations of vocos, hifigan, vq-codec, token-lm and flow-vocoder. One whose twins
    have a mean mel distance over 1 is drawn again, then left out. Run it again to go on after a
    kill.
    """
    from verascope.generate import parallel
    from verascope.generate.draw_sound import FAMILIES
    from verascope.generate.sound_mixture import sound_mixture as made

    parallel.alone("generate sound-mixture")
    result = made(
        *(data, out),
        vocoders=vocoders,
        budget=_budget(steps, seconds),
        plan=_plan(count, seed, no_sign, allow_confounds, window_s=window),
        families=families or FAMILIES,
        keep_out=keep_out,
        device=device,
        watch=g.watch(),
        jobs=jobs,
    )
    g.say(g.tell_vocoders(result.kept))
    g.say([f"left out       {name}: {reason}" for name, reason in result.left_out.items()])
    g.say(g.tell_corpus(result.report, out / "corpus"))
    if result.unheard is not None:
        g.say(g.tell_corpus(result.unheard, out / "unheard"))


@generate.command()
@click.argument("corpus", type=g.READABLE)
@click.option("--out", required=True, type=g.FOLDER, help="Folder for the shards.")
@click.option("--max-mb", default=500, show_default=True, type=click.IntRange(1), help="A shard's.")
def shards(corpus: Path, out: Path, max_mb: int) -> None:
    """Pack a finished corpus into WebDataset shards, whose bytes depend on the corpus alone."""
    g.need_extra()
    from verascope.generate.shards import write_shards

    for shard in write_shards(corpus, out, max_mb * 1_000_000):
        click.echo(f"{out / shard.path}  {shard.samples} samples  {shard.bytes} bytes")


@generate.command()
@g.with_options(RUN, g.data)
@click.option("--count", default=500, show_default=True, type=click.IntRange(10))
@g.with_options(g.seed, g.device, g.threads)
@click.option(
    "--features",
    metavar="NAME",
    help="An installed encoder, such as clip-vit-b16, in place of fixed random convolutions.",
)
@click.option("--format", "shape", type=click.Choice(["text", "json"]), default="text")
def evaluate(
    run: Path, data: Path, count: int, seed: int, device: str, features: str | None, shape: str
) -> None:
    """Measure a generator of pictures against real ones; nothing is downloaded.

    Each measure stands beside its floor: real pictures against other real ones, as many of each.
    """
    import msgspec

    from verascope.generate.data import open_pictures
    from verascope.generate.evaluate import FEW
    from verascope.generate.evaluate import evaluate as measured
    from verascope.generate.features import NAME, encoder_features, random_features
    from verascope.generate.outputs import open_run
    from verascope.result import Modality

    name, taken = encoder_features(features) if features else (NAME, random_features)
    opened = open_run(run, device)
    if opened.generator.modality is not Modality.IMAGE:
        raise UsageError("only generators of pictures are measured so: see the run's report.json")
    pictures = open_pictures(data)
    train, held_out = (pictures.only(split) for split in ("train", "dev"))
    found = measured(
        opened.generator,
        train,
        held_out if len(held_out) else None,
        count=count,
        seed=seed,
        features=taken,
        features_name=name,
    )
    if shape == "json":
        click.echo(json.dumps(msgspec.to_builtins(found), indent=2))
    else:
        g.say(g.tell_evaluation(found, FEW))


def _budget(steps: int | None, seconds: float | None) -> "Budget":
    from verascope.generate.contract import Budget

    return Budget(steps=1000 if steps is None and seconds is None else steps, seconds=seconds)


def _plan(count: int, seed: int, no_sign: bool, allow_confounds: bool, **windows: Any) -> "Plan":
    from verascope.generate.plan import Plan

    return Plan(
        count=count, seed=seed, sign=not no_sign, allow_confounds=allow_confounds, **windows
    )


def _signer(no_sign: bool) -> "Signer | None":
    from verascope.generate.signing import cached_signer

    return None if no_sign else cached_signer()
