"""One call from a folder of media to a labelled corpus: train, measure, write."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from verascope.errors import UsageError
from verascope.generate import corpus
from verascope.generate.contract import (
    Budget,
    Config,
    Generator,
    Sampler,
    Transformer,
    Watch,
    read_config,
)
from verascope.generate.files import Files
from verascope.generate.forms import Test, form_of, open_media
from verascope.generate.outputs import Run
from verascope.generate.pairs import Plan, measure
from verascope.generate.registry import find
from verascope.generate.run import write_json
from verascope.result import Modality


class Job(NamedTuple):
    """What to make; resolved before anything runs, so that it can be shown first."""

    generator: Generator
    data: Files
    budget: Budget
    seed: int
    out: Path
    checkpoint: Path | None  # sample from these weights, train nothing

    def resolved(self) -> dict[str, Any]:
        """All options, as `--dry-run` prints them."""
        return {
            "generator": self.generator.name,
            "family": self.generator.family,
            "config": msgspec.to_builtins(self.generator.config),
            "config_sha256": self.generator.config.sha256(),
            "budget": msgspec.to_builtins(self.budget),
            "seed": self.seed,
            "out": str(self.out),
            "checkpoint": str(self.checkpoint) if self.checkpoint else None,
            "data": str(self.data.root),
            "data_sha256": self.data.sha256,
            self.data.noun: {s: len(self.data.only(s)) for s in ("train", "dev")},
        }


class Made(NamedTuple):
    """What came of a job."""

    checkpoint: Path
    test: Test
    corpus: dict[str, Any] | None


def prepare(
    name: str,
    data: Path,
    out: Path,
    *,
    budget: Budget,
    seed: int = 0,
    config: Path | Config | None = None,
    checkpoint: Path | None = None,
    device: str = "auto",
    modality: Modality | None = None,
) -> Job:
    """Resolve a job.

    Args:
        name: a registered generator.
        data: a folder of media, or a corpus of which the real train media are taken.
        out: the run folder.
        budget: how long to train.
        seed: of the training and of the samples.
        config: the generator's options, or a TOML file of them.
        checkpoint: weights of an earlier run with the same config.
        device: auto, cpu, cuda, …
        modality: what the generator must make; None: anything.

    Raises:
        UsageError: the generator, the config or the data cannot be used.
    """
    kind = find(name)
    if modality not in (None, kind.modality):
        wanted, made = (form_of(m).noun for m in (modality, kind.modality))
        raise UsageError(f"{name} makes {made}, not {wanted}: use `generate {kind.modality}`")
    from verascope.generate.device import pick

    if not isinstance(config, Config):
        config = read_config(kind.config_type, config)
    maker: Any = kind
    return Job(
        maker(config, pick(device)), open_media(kind.modality, data), budget, seed, out, checkpoint
    )


def make(
    job: Job,
    plan: Plan | None,
    folder: Path,
    watch: Watch | None = None,
    jobs: int | None = None,
) -> Made:
    """Train (or go on, or load), measure the generator, and write a corpus where a plan is given.

    Transformers turn train and dev media into twins, each kept in its split; samplers have seen
    the train split, so a corpus of samples has only that. Writes report.json into the run folder.

    Raises:
        TrainingStoppedError: the training diverged.
        ConfoundedError: the corpus would teach a detector something else than the generator.
    """
    generator, train = job.generator, job.data.only("train")
    if job.checkpoint is not None:
        checkpoint = job.checkpoint
        generator.load(checkpoint)
    else:
        checkpoint = generator.train(train, job.budget, seed=job.seed, out=job.out, watch=watch)
    if not isinstance(generator, Sampler | Transformer):
        raise UsageError(f"{generator.name} can neither sample nor transform")
    shown = job.data if isinstance(generator, Transformer) else train
    test = measure(generator, shown, plan or Plan(count=1, seed=job.seed))
    job.out.mkdir(parents=True, exist_ok=True)
    write_json(job.out / "report.json", msgspec.to_builtins(test))
    if plan is None:
        return Made(checkpoint, test, None)
    maker = corpus.Maker(generator, checkpoint, test)
    report = corpus.write([maker], shown, plan, folder, jobs=jobs)
    return Made(checkpoint, test, report)


def compose(
    runs: Sequence[Run], data: Files, plan: Plan, out: Path, jobs: int | None = None
) -> dict[str, Any]:
    """Write a corpus of several trained generators, which take turns; returns corpus.json.

    Dev media have counterparts only where every generator transforms.

    Raises:
        ConfoundedError: the corpus would teach a detector something else than the generators.
    """
    sampled = any(isinstance(run.generator, Sampler) for run in runs)
    shown = data.only("train") if sampled else data
    makers = [
        corpus.Maker(run.generator, run.checkpoint, measure(run.generator, shown, plan))
        for run in runs
    ]
    return corpus.write(makers, shown, plan, out, jobs=jobs)
