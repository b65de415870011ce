"""The corpus writer, on a small reconstructor and a small DCGAN that were really trained."""

import csv
import hashlib
import json
import signal
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image

from verascope.errors import UsageError
from verascope.generate import corpus, manifest
from verascope.generate.checks import ConfoundedError, check_fingerprints, check_null
from verascope.generate.contract import Budget, Item, item_rng
from verascope.generate.data import Listed, crop, decode, example_pictures, open_pictures
from verascope.generate.dcgan import Dcgan
from verascope.generate.encode import Codec
from verascope.generate.null import Null, header, header_null
from verascope.generate.pairs import Plan, measure
from verascope.generate.reconstructor import Reconstructor, ReconstructorConfig
from verascope.generate.run import CHECKPOINT
from verascope.generate.spectrum import SelfTest, psnr

GOOD = SelfTest(pictures=2, psnr_db=40.0, spectrum_auroc=0.5, spectrum_floor=0.5, peak_db=0.0)
SMALL = ReconstructorConfig(crop=32, learning_rate=6e-3, adversarial=0, low_pass_px=2.0)


PHOTOGRAPHS = Path(__file__).parents[2] / "examples" / "photographs"


@cache
def pictures() -> Listed:
    """Four crops of each example photograph, which is their source."""
    items: list[Item] = []
    for photograph in open_pictures(PHOTOGRAPHS):
        for _ in range(4):
            key = len(items)
            media, _ = crop(photograph.media, 96, 96, item_rng(0, key))
            source = photograph.origin
            items.append(replace(photograph, media=media, key=key, pair=f"{key}", source=source))
    return Listed(items)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a reconstructor that is good enough for twins of the drawn pictures."""
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("reconstructor")
    Reconstructor(SMALL).train(pictures(), Budget(steps=300), seed=0, out=out)
    return out


@pytest.fixture
def generator(run: Path) -> Reconstructor:
    loaded = Reconstructor(SMALL)
    loaded.load(run / CHECKPOINT)
    return loaded


def write(
    generator: Any, run: Path, out: Path, *, jobs: int | None = None, **plan: Any
) -> dict[str, Any]:
    """Unsigned, so that bytes can be compared; test_signing.py has the signed ones."""
    asked = Plan(**({"count": 10, "seed": 3, "sign": False} | plan))
    maker = corpus.Maker(generator, run / CHECKPOINT, GOOD)
    return corpus.write([maker], pictures(), asked, out, jobs=jobs)


def contents(out: Path) -> dict[str, bytes]:
    return {str(f.relative_to(out)): f.read_bytes() for f in out.rglob("*") if f.is_file()}


def test_the_round_trip(generator: Reconstructor, run: Path, tmp_path: Path) -> None:
    report = write(generator, run, tmp_path)
    rows = list(manifest.read(tmp_path / "manifest.csv"))
    assert [r.label for r in rows] == ["real", "synthetic"] * 10
    assert report["counts"] == {"train real": 10, "train synthetic": 10}
    assert report["signed"] is False
    assert report["confounds_allowed"] is False
    for row in rows:
        content = (tmp_path / row.path).read_bytes()
        assert hashlib.sha256(content).hexdigest() == row.sha256
        assert len(content) == row.bytes
    for real, made in zip(rows[::2], rows[1::2], strict=True):
        for field in ("pair", "split", "source", "kind", "licence"):
            assert getattr(real, field) == getattr(made, field)
        assert (real.generator, made.generator, made.family) == ("", "reconstructor", "autoencoder")
        assert made.config_sha256 == generator.config.sha256()
        a, b = (Image.open(tmp_path / row.path) for row in (real, made))
        assert (a.size, a.format) == (b.size, b.format)
        assert getattr(a, "quantization", None) == getattr(b, "quantization", None)
        assert not b.getexif()
        assert psnr(decode(tmp_path / real.path), decode(tmp_path / made.path)) > 28
    assert len({r.pair for r in rows}) == 10
    digest = hashlib.sha256((tmp_path / "manifest.csv").read_bytes()).hexdigest()
    assert report["manifest_sha256"] == digest
    assert {"corpus.json", "croissant.json", "manifest.csv"} <= contents(tmp_path).keys()
    assert not [name for name in contents(tmp_path) if "journal" in name or name.endswith(".part")]


def test_the_self_test_needs_enough_pictures(generator: Reconstructor) -> None:
    test = measure(generator, pictures(), Plan(count=1, seed=0))
    assert isinstance(test, SelfTest)
    assert test.pictures == 24
    assert test.psnr_db is not None
    assert test.psnr_db > 34
    with pytest.raises(UsageError, match="fewer than 10"):
        measure(generator, Listed(example_pictures(96, 3)), Plan(count=1, seed=0))


def test_plain_outputs_are_labelled_fingerprints(run: Path, tmp_path: Path) -> None:
    plain = Reconstructor(msgspec.structs.replace(SMALL, low_pass_px=0))
    assert not plain.aligned
    checkpoint = plain.train(pictures(), Budget(steps=2), seed=0, out=tmp_path / "run")
    plan = Plan(count=6, seed=0, allow_confounds=True)
    corpus.write([corpus.Maker(plain, checkpoint, GOOD)], pictures(), plan, tmp_path / "c")
    kinds = {r.label: r.kind for r in manifest.read(tmp_path / "c" / "manifest.csv")}
    assert kinds == {"real": "", "synthetic": "fingerprint"}


def test_the_same_plan_gives_the_same_bytes_on_any_number_of_threads(
    generator: Reconstructor, run: Path, tmp_path: Path
) -> None:
    for name, jobs in (("a", 1), ("b", 4)):
        write(generator, run, tmp_path / name, jobs=jobs)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_a_finished_corpus_is_left_alone_and_another_refused(
    generator: Reconstructor, run: Path, tmp_path: Path
) -> None:
    write(generator, run, tmp_path)
    before = {f: f.stat().st_mtime_ns for f in tmp_path.rglob("*")}
    write(generator, run, tmp_path)
    assert before == {f: f.stat().st_mtime_ns for f in tmp_path.rglob("*")}
    with pytest.raises(UsageError, match="another corpus"):
        write(generator, run, tmp_path, seed=4)


CHILD = """
import os, signal, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
sys.path.insert(0, sys.argv[3])
import test_corpus as t
from verascope.generate.writer import Writer
written = Writer.write_pair
def dying(self, generator, key, pair):
    if key == 6:
        # Killed with one file of the pair half written and the journal's line cut off.
        (self.out / "real" / "000006.png.part").write_bytes(b"half")
        (self.out / "synthetic" / ".verascope-abc").mkdir()
        with (self.out / "journal.jsonl").open("ab") as log:
            log.write(b'{"rows":[{"pa')
        os.kill(os.getpid(), signal.SIGKILL)
    return written(self, generator, key, pair)
Writer.write_pair = dying
run = Path(sys.argv[1])
generator = t.Reconstructor(t.SMALL)
generator.load(run / t.CHECKPOINT)
t.write(generator, run, Path(sys.argv[2]), jobs=1)
"""


def test_a_killed_writer_goes_on_where_it_was(
    generator: Reconstructor, run: Path, tmp_path: Path
) -> None:
    cut, whole = tmp_path / "cut", tmp_path / "whole"
    here = str(Path(__file__).parent)
    child = subprocess.run([sys.executable, "-c", CHILD, str(run), str(cut), here], check=False)
    assert child.returncode == -signal.SIGKILL
    assert not (cut / "manifest.csv").exists()
    journal = (cut / "journal.jsonl").read_bytes().splitlines()[1:-1]
    told = [row["path"] for line in journal for row in json.loads(line)["rows"]]
    assert told
    finished = {cut / path: (cut / path).stat().st_mtime_ns for path in told}

    write(generator, run, cut)
    write(generator, run, whole)
    assert all(f.stat().st_mtime_ns == before for f, before in finished.items())
    assert contents(cut) == contents(whole)


def test_another_plan_does_not_go_on_in_a_begun_corpus(
    generator: Reconstructor, run: Path, tmp_path: Path
) -> None:
    (tmp_path / "journal.jsonl").write_bytes(b'{"generator":"other"}\n')
    with pytest.raises(UsageError, match="beginning of another corpus"):
        write(generator, run, tmp_path)


def test_twins_that_the_spectrum_gives_away_are_refused(
    generator: Reconstructor, run: Path, tmp_path: Path
) -> None:
    bad = msgspec.structs.replace(GOOD, spectrum_auroc=0.9)
    plan = Plan(count=4, seed=0)
    maker = corpus.Maker(generator, run / CHECKPOINT, bad)
    with pytest.raises(ConfoundedError, match="spectrum"):
        corpus.write([maker], pictures(), plan, tmp_path)
    assert not list(tmp_path.iterdir())


def test_twins_under_34_db_never_enter(run: Path, tmp_path: Path) -> None:
    untrained = Reconstructor.tiny()
    untrained.train(pictures(), Budget(steps=1), seed=0, out=tmp_path / "run")
    with pytest.raises(UsageError, match=r"only 0 of 4 are good: .*under 34 dB"):
        write(untrained, tmp_path / "run", tmp_path / "corpus", count=4, seed=0)


def test_a_picture_that_fits_whole_comes_only_once(
    generator: Reconstructor, run: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="repeated"):
        write(generator, run, tmp_path, count=25)
    report = write(generator, run, tmp_path / "crops", count=40, max_side=64)
    assert report["counts"]["train real"] == 40


def test_samples_and_real_crops_leave_in_one_size(tmp_path: Path) -> None:
    generator = Dcgan.tiny()
    checkpoint = generator.train(pictures(), Budget(steps=3), seed=0, out=tmp_path / "run")
    plan = Plan(count=12, seed=0, allow_confounds=True)
    report = corpus.write(
        [corpus.Maker(generator, checkpoint, GOOD)], pictures(), plan, tmp_path / "c"
    )
    assert report["header_null"] is not None
    rows = list(manifest.read(tmp_path / "c" / "manifest.csv"))
    sizes = {Image.open(tmp_path / "c" / row.path).size for row in rows}
    assert sizes == {(16, 16)}
    assert {r.source for r in rows if r.label == "synthetic"} == {"dcgan"}


def test_several_generators_take_turns(generator: Reconstructor, run: Path, tmp_path: Path) -> None:
    sampler = Dcgan.tiny()
    checkpoint = sampler.train(pictures(), Budget(steps=2), seed=0, out=tmp_path / "run")
    makers = [
        corpus.Maker(generator, run / CHECKPOINT, GOOD),
        corpus.Maker(sampler, checkpoint, GOOD),
    ]
    plan = Plan(count=8, seed=0, allow_confounds=True, sign=False)
    report = corpus.write(makers, pictures(), plan, tmp_path / "c")
    rows = [r for r in manifest.read(tmp_path / "c" / "manifest.csv") if r.label == "synthetic"]
    assert [row.generator for row in rows] == ["reconstructor", "dcgan"] * 4
    assert len(report["self_tests"]) == len(report["how"]["generators"]) == 2


def test_a_mixture_holds_a_quarter_of_fingerprints_at_most() -> None:
    check_fingerprints(["fingerprint"])
    check_fingerprints(["fingerprint", "", "", ""])
    with pytest.raises(ConfoundedError, match="50%"):
        check_fingerprints(["fingerprint", ""])


def save(k: int, quality: int) -> list[float]:
    return header(
        Codec(format="JPEG", quality=quality, subsampling=2).encode(
            example_pictures(64, k + 1)[k].media
        )
    )


def test_the_null_sees_a_quality_that_tells_the_label() -> None:
    labels, groups = [0, 1] * 20, [str(k // 2) for k in range(40)]
    fair = np.array([save(k // 2, 80) for k in range(40)])
    null = header_null(fair, labels, groups)
    assert null is not None
    assert not null.above(0.6)
    unfair = np.array([save(k // 2, (60, 95)[k % 2]) for k in range(40)])
    null = header_null(unfair, labels, groups)
    assert null is not None
    assert null.above(0.6)
    assert null.strongest[1] == 1.0
    with pytest.raises(ConfoundedError, match="headers alone"):
        check_null(null)


def test_a_null_within_chance_is_no_refusal() -> None:
    assert not Null(auroc=0.63, error=0.09, strongest=("bytes", 0.6)).above(0.6)
    assert Null(auroc=0.63, error=0.02, strongest=("bytes", 0.6)).above(0.6)


def test_croissant_names_every_column(generator: Reconstructor, run: Path, tmp_path: Path) -> None:
    report = write(generator, run, tmp_path)
    described = json.loads((tmp_path / "croissant.json").read_text())
    with (tmp_path / "manifest.csv").open(newline="") as lines:
        columns = next(csv.reader(lines))
    fields = described["recordSet"][0]["field"]
    assert [f["source"]["extract"]["column"] for f in fields] == columns
    assert described["distribution"][0]["sha256"] == report["manifest_sha256"]
