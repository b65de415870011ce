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
from verascope.generate.draw import drawn
from verascope.generate.mixture import _cut_off, _good, mixture
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


def test_poor_decoders_are_left_out_and_fingerprints_stay_a_quarter() -> None:
    makers = [maker(k, 0.6, 36.0) for k in range(8)]
    assert len(_good(makers)[0]) == 8
    makers[0] = maker(0, 0.9, 36.0)
    makers[1] = maker(1, 0.6, 30.0)
    kept, left_out = _good(makers)
    assert left_out == {
        "00": "spectrum AUROC 0.90",
        "01": "30.0 dB",
        "07": "too many fingerprints",
    }
    assert len(kept) == 5
    with pytest.raises(UsageError, match="train longer"):
        _good([maker(0, 0.9, 20.0)])


def test_a_wider_cut_off_is_taken_where_the_spectrum_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = Reconstructor(msgspec.structs.replace(drawn(0, 0), width=4, crop=16, batch=2))
    data = Listed(generator.examples())
    checkpoint = generator.train(data, Budget(steps=1), seed=0, out=tmp_path)
    measured: list[float] = []

    def measure(made: Reconstructor, *_: object) -> SelfTest:
        made.ready()
        measured.append(made.config.low_pass_px)
        auroc = 0.9 if made.config.low_pass_px < 1.5 else 0.7
        return msgspec.structs.replace(maker(0, 0.5, 36.0).test, spectrum_auroc=auroc)

    monkeypatch.setattr("verascope.generate.mixture.measure", measure)
    plan = Plan(count=1, seed=0)
    (tmp_path / "p").mkdir()
    Image.new("RGB", (64, 64)).save(tmp_path / "p" / "a.png")
    for _ in range(2):  # the second time from the reports
        chosen = _cut_off(generator, checkpoint, open_pictures(tmp_path / "p"), plan)
        assert isinstance(chosen.generator.config, ReconstructorConfig)
        assert chosen.generator.config.low_pass_px == 1.5
    assert measured == [c for c in (0.7, 0.85, 1.0, 1.2, 1.5) if c >= drawn(0, 0).low_pass_px]


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
