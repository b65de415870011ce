"""`verascope calibrate` whole: real files in, thresholds out, and what a scan does with them."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image

from tests.conftest import Command
from verascope import Scanner, Settings
from verascope.detect.profile import folder, load, path_of
from verascope.errors import UsageError
from verascope.result import Result, Supports, Verdict
from verascope.settings import Quality

COUNT = 120


@pytest.fixture(autouse=True)
def config(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path_factory.mktemp("config")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    return home


@pytest.fixture(scope="module")
def reals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small pictures of noise on gradients, of three "cameras", a double and a text."""
    root = tmp_path_factory.mktemp("reals")
    chance = np.random.default_rng(0)
    for i in range(COUNT):
        camera = root / f"camera-{i % 3}"
        camera.mkdir(exist_ok=True)
        ramp = np.linspace(40, 200, 210)[None, :, None] * chance.uniform(0.5, 1.0)
        pixels = ramp + chance.normal(0, 3 + 4 * (i % 3), (210, 210, 3))
        picture = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
        picture.save(camera / f"{i}.jpg", quality=75 + i % 20)
    (root / "twin.jpg").write_bytes((root / "camera-0" / "0.jpg").read_bytes())
    (root / "notes.txt").write_text("not a picture")
    return root


@pytest.fixture(scope="module")
def made(reals: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a calibration on these pictures, made once by the command itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("made")))
        from verascope.cli.main import run

        assert run(["calibrate", "--real", str(reals), "--name", "mine", "--quality", "fast"]) == 0
        return path_of("mine").read_bytes()


@pytest.fixture
def mine(made: bytes) -> Path:
    """That calibration, where it is looked for."""
    folder().mkdir(parents=True)
    path_of("mine").write_bytes(made)
    return path_of("mine")


def calibrated(*names: str) -> Settings:
    return Settings(quality=Quality.FAST, calibrations=names)


def test_the_calibration_is_of_the_scores_that_a_scan_gives(reals: Path, mine: Path) -> None:
    profile = load("mine")
    assert profile.items == COUNT
    assert set(profile.sources) == {"camera-0", "camera-1", "camera-2"}
    assert profile.left_out == {
        "skipped (too_short)": 1,
        "the same content as another": 1,
    }
    with Scanner(Settings(quality=Quality.FAST)) as scanner:
        results = [scanner.scan(path) for path in sorted(reals.glob("camera-*/*.jpg"))]
    scores = np.array([result.score for result in results])
    for point, allowed in zip(profile.operating_points, (0.01, 0.10), strict=True):
        assert (scores >= point.threshold).sum() == int((COUNT + 1) * allowed) - 1
    (model,) = {(d.name, d.version, d.sha256) for result in results for d in result.detectors}
    assert (profile.model.detector, profile.model.version, profile.model.sha256) == model


def test_it_sets_the_verdict_and_every_result_names_it(reals: Path, mine: Path) -> None:
    profile = load("mine")
    highest = None
    with Scanner(Settings(quality=Quality.FAST)) as plain, Scanner(calibrated("mine")) as own:
        for path in sorted(reals.glob("camera-*/*.jpg")):
            before, after = plain.scan(path), own.scan(path)
            assert after.score is not None
            assert after.score == before.score
            assert after.interval == before.interval
            assert after.operating_points == profile.operating_points
            assert after.versions["calibration"] == profile.label
            assert "calibration" not in before.versions
            recall = profile.operating_points[1].threshold
            assert (after.verdict is Verdict.INCONCLUSIVE) == (after.score >= recall)
            if highest is None or after.score > (highest.score or 0):
                highest = after
    assert highest is not None
    (found,) = (each for each in highest.evidence if each.kind == "detector")
    assert found.supports is Supports.SYNTHETIC
    assert f"files like the {COUNT} of the calibration mine (from 3 folders)" in found.statement
    assert "how many synthetic ones do was not measured" in found.statement
    assert "out of training" not in found.statement
    assert found.details["calibration"] == profile.label
    # above every real file it is synthetic, with a threshold that is not the model's
    low = msgspec.structs.replace(
        profile,
        operating_points=tuple(
            msgspec.structs.replace(p, threshold=p.threshold / 2) for p in profile.operating_points
        ),
    )
    path_of("mine").write_bytes(low.to_json())
    with Scanner(calibrated("mine")) as scanner:
        assert scanner.scan(highest.input.uri).verdict is Verdict.SYNTHETIC


def test_another_model_is_refused_by_name(mine: Path, examples: Path) -> None:
    profile = load("mine")
    other = msgspec.structs.replace(profile.model, sha256="f" * 64)
    mine.write_bytes(msgspec.structs.replace(profile, model=other).to_json())
    told = r"'mine' is of image-residual .*ffffffffffff.*here it is .*calibrate again"
    with Scanner(calibrated("mine")) as scanner, pytest.raises(UsageError, match=told):
        scanner.scan(examples / "signed.jpg")
    gone = msgspec.structs.replace(profile.model, detector="image-clip")
    mine.write_bytes(msgspec.structs.replace(profile, model=gone).to_json())
    told = "is of image-clip, which is not run here, but image-residual"
    with Scanner(calibrated("mine")) as scanner, pytest.raises(UsageError, match=told):
        scanner.scan(examples / "signed.jpg")


def test_two_of_one_model_are_refused(mine: Path, examples: Path) -> None:
    double = msgspec.structs.replace(load("mine"), name="double")
    path_of("double").write_bytes(double.to_json())
    told = "'mine' and 'double' are both calibrations of image-residual"
    with Scanner(calibrated("mine", "double")) as scanner, pytest.raises(UsageError, match=told):
        scanner.scan(examples / "signed.jpg")


def test_a_run_is_not_gone_on_with_under_another_calibration(
    mine: Path, examples: Path, tmp_path: Path, verascope: Command
) -> None:
    call = ("scan", examples / "signed.jpg", "--quality", "fast", "--run", tmp_path / "run")
    assert verascope(*call, "--calibration", "mine").code in (0, 1)
    assert verascope(*call, "--calibration", "mine", "--resume").code in (0, 1)
    profile = load("mine")
    mine.write_bytes(msgspec.structs.replace(profile, made="2020-01-01").to_json())
    again = verascope(*call, "--calibration", "mine", "--resume")
    assert again.code == 64
    assert "another calibrations" in again.err
    assert verascope(*call, "--resume").code == 64


def test_the_command_line(
    reals: Path, mine: Path, tmp_path: Path, verascope: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = ("--quality", "fast")
    taken = verascope("calibrate", "--real", reals, "--name", "mine", *fast)
    assert (taken.code, "--replace" in taken.err) == (64, True)
    few = verascope("calibrate", "--real", reals / "camera-0", *fast)
    assert few.code == 64
    assert "40 real files were scored; a 1 % point needs at least 100" in few.err
    assert not path_of("camera-0").exists()
    done = verascope(
        "calibrate", "--real", reals, "--name", "mine", "--replace", "--source-depth", "0", *fast
    )
    assert done.code == 0
    assert f"on {COUNT} real files from 1 source\n" in done.out
    assert "few: at most 0 of these files lie above the 1 % point" in done.out
    assert "how far another one is from it cannot be known" in done.out
    assert "left out: 1 skipped (too_short)" in done.err
    label = load("mine").label
    assert verascope("calibrate", "--list").out.startswith(f"{label}  image-residual")
    assert json.loads(verascope("calibrate", "--show", "mine").out)["items"] == COUNT
    assert "calibration mine" in verascope("doctor").out
    monkeypatch.setenv("VERASCOPE_SCAN_CALIBRATION", "mine")
    picture = reals / "camera-1" / "1.jpg"
    told = verascope("scan", picture, "--format", "jsonl", *fast)
    assert Result.from_json(told.out).versions["calibration"] == label
    monkeypatch.delenv("VERASCOPE_SCAN_CALIBRATION")
    (tmp_path / "v.toml").write_text('[scan]\ncalibration = "mine"\nquality = "fast"\n')
    told = verascope("--config", tmp_path / "v.toml", "scan", picture, "--format", "jsonl")
    assert Result.from_json(told.out).versions["calibration"] == label
    assert verascope("calibrate", "--remove", "mine").code == 0
    assert verascope("calibrate", "--remove", "mine").code == 64
    gone = verascope("scan", picture, "--calibration", "mine", *fast)
    assert (gone.code, "no calibration called 'mine'" in gone.err) == (64, True)
    assert verascope("calibrate").code == 64
    assert verascope("calibrate", "--list", "--show", "mine").code == 64
