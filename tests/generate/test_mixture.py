"""One command, many decoders, one corpus; with a kill in the middle."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from PIL import Image

from verascope.errors import UsageError
from verascope.generate import manifest
from verascope.generate.contract import Budget, Progress
from verascope.generate.corpus import Maker
from verascope.generate.data import Listed, example_pictures, open_pictures
from verascope.generate.draw import drawn, wider
from verascope.generate.forms import Test
from verascope.generate.mixture import _cut_off, _few_fingerprints, mixture, trouble
from verascope.generate.pairs import Plan
from verascope.generate.reconstructor import Reconstructor, ReconstructorConfig
from verascope.generate.spectrum import SelfTest


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for item in example_pictures(100, 12):
        album = tmp_path / "photos" / f"album{item.key % 6}"
        album.mkdir(parents=True, exist_ok=True)
        Image.fromarray(item.media).save(album / f"{item.key}.png")
    return tmp_path / "photos"


def test_decoders_take_turns_and_progress_runs_over_all(photos: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []
    plan = Plan(count=8, seed=0, allow_confounds=True)
    made = mixture(
        *(photos, tmp_path / "m"),
        decoders=4,
        budget=Budget(steps=1),
        plan=plan,
        device="cpu",
        watch=seen.append,
    )
    assert [p.used for p in seen] == [0.25, 0.5, 0.75, 1.0]
    rows = [r for r in manifest.read(tmp_path / "m/corpus/manifest.csv") if r.label == "synthetic"]
    assert len({row.config_sha256 for row in rows}) == 4
    assert sum(row.kind == "fingerprint" for row in rows) == 2
    assert len(made.report["how"]["generators"]) == 4


def maker(k: int, auroc: float, psnr_db: float) -> Maker:
    test = SelfTest(
        pictures=9, psnr_db=psnr_db, spectrum_auroc=auroc, spectrum_floor=0.5, peak_db=1.0
    )
    return Maker(Reconstructor(drawn(0, k)), Path(f"runs/{k:02d}/x"), test)


def test_what_is_wrong_with_a_decoder_is_told() -> None:
    assert trouble(maker(0, 0.6, 36.0)) == ""
    assert trouble(maker(0, 0.9, 36.0)) == "spectrum AUROC 0.90"
    assert trouble(maker(0, 0.6, 30.0)) == "30.0 dB"
    assert trouble(maker(3, 1.0, 20.0)) == ""  # a fingerprint is nobody's twin


def test_fingerprints_stay_a_quarter() -> None:
    left_out: dict[str, str] = {}
    assert len(_few_fingerprints([maker(k, 0.6, 36.0) for k in range(8)], left_out)) == 8
    assert not left_out
    kept = _few_fingerprints([maker(k, 0.6, 36.0) for k in range(8) if k > 1], left_out)
    assert left_out == {"07": "too many fingerprints"}
    assert len(kept) == 5


def test_a_poor_decoder_is_drawn_again_and_none_good_is_an_error(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Plan(count=4, seed=0, max_side=64, sign=False)
    options = {"decoders": 1, "budget": Budget(steps=1), "plan": plan, "device": "cpu"}
    with pytest.raises(UsageError, match=r"train longer.*'00':.*'00-1':.*'00-2':"):
        mixture(photos, tmp_path / "poor", **options)  # type: ignore[arg-type]

    again = drawn(0, 0, 1)

    def measure(made: Reconstructor, *_: object) -> Test:
        good = made.config.upsampler == again.upsampler
        return maker(0, 0.5, 36.0 if good else 20.0).test

    monkeypatch.setattr("verascope.generate.mixture.measure", measure)
    monkeypatch.setattr("verascope.generate.writer.too_poor", lambda *_: None)
    made = mixture(photos, tmp_path / "again", **options)  # type: ignore[arg-type]
    assert made.left_out == {"00": "20.0 dB"}
    assert [maker.checkpoint.parent.name for maker in made.kept] == ["00-1"]
    assert made.report["how"]["generators"][0]["config"]["factor"] == again.factor


@pytest.mark.parametrize(("limit", "psnr_db"), [("spectrum", 36.0), ("levels", 30.0)])
def test_the_narrowest_cut_off_with_good_twins_is_taken(
    limit: str, psnr_db: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = Reconstructor(msgspec.structs.replace(drawn(0, 0), width=4, crop=16, batch=2))
    data = Listed(generator.examples())
    checkpoint = generator.train(data, Budget(steps=1), seed=0, out=tmp_path)
    tried = [generator.config.low_pass_px, *wider(generator.config)]
    measured: list[float] = []

    def measure(made: Reconstructor, *_: object) -> Test:
        made.ready()
        measured.append(made.config.low_pass_px)
        good = made.config.low_pass_px >= tried[3]
        auroc = 0.9 if limit == "spectrum" and not good else 0.7
        return maker(0, auroc, 36.0 if good else psnr_db).test

    monkeypatch.setattr("verascope.generate.mixture.measure", measure)
    plan = Plan(count=1, seed=0)
    (tmp_path / "p").mkdir()
    Image.new("RGB", (64, 64)).save(tmp_path / "p" / "a.png")
    for _ in range(2):  # the second time from the reports
        chosen = _cut_off(generator, checkpoint, open_pictures(tmp_path / "p"), plan)
        assert isinstance(chosen.generator.config, ReconstructorConfig)
        assert chosen.generator.config.low_pass_px == tried[3]
    assert measured == tried[:4]


@pytest.mark.slow
def test_two_hundred_images_of_24_decoders_with_a_kill_in_the_middle(
    photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "mixture"
    command = [
        *(sys.executable, "-m", "verascope", "generate", "mixture", "--data", str(photos)),
        *("--out", str(out), "--steps", "1", "--count", "100", "--max-side", "64"),
        *("--threads", "1", "--allow-confounds", "--device", "cpu"),
    ]
    env = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    first = subprocess.Popen(command, env=env)
    journal = out / "corpus" / "journal.jsonl"
    while first.poll() is None and (not journal.is_file() or journal.stat().st_size < 40_000):
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL
    lines = journal.read_bytes().splitlines()[1:-1]
    done = [row["path"] for line in lines for row in json.loads(line)["rows"]]
    before = {path: (out / "corpus" / path).stat().st_mtime_ns for path in done}
    assert before

    assert subprocess.run(command, env=env, check=False).returncode == 0
    assert all((out / "corpus" / p).stat().st_mtime_ns == t for p, t in before.items())
    rows = list(manifest.read(out / "corpus" / "manifest.csv"))
    assert len(rows) == 200
    assert len({row.config_sha256 for row in rows if row.config_sha256}) == 24
    assert not list((out / "corpus").rglob("*.part"))
