"""Which Results a calibration is made of, and what is told of them."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from verascope.detect import profile as profiles
from verascope.detect.profile import ModelUse
from verascope.errors import UsageError
from verascope.result import (
    DetectorScore,
    Evidence,
    Input,
    Modality,
    Reason,
    Result,
    Status,
    Strength,
    Supports,
)
from verascope.scan.calibrate import DECLARED, DUPLICATE, Reals, keep, source_of
from verascope.scanner import uri_of

MODEL = ModelUse(
    detector="toy", version="1", sha256="ab", encoder_sha256=None, modality=Modality.IMAGE
)


def scored(uri: str, score: float, sha256: str = "", detector: str = "toy") -> Result:
    return Result(
        input=Input(uri=uri, sha256=sha256 or uri),
        status=Status.SCORED,
        score=score,
        detectors=(
            DetectorScore(
                name=detector, version="1", sha256="ab", logit=0, score=score,
                interval=(0, 1), operating_point=None,
            ),
        ),
    )  # fmt: skip


def filled(count: int) -> Reals:
    reals = Reals("r")
    for i, score in enumerate(np.random.default_rng(0).random(count).tolist()):
        reals.add(scored(f"r/{i % 4}/{i}", score))
    return reals


def test_fewer_than_a_hundred_are_refused() -> None:
    with pytest.raises(UsageError, match=r"99 real files were scored.*at least 100"):
        filled(99).profile("p", [MODEL], [])
    assert filled(100).profile("p", [MODEL], []).items == 100
    with pytest.raises(UsageError, match="0 real files"):
        Reals("r").profile("p", [MODEL], [])


def test_what_does_not_count_is_told() -> None:
    reals = filled(100)
    reals.add(scored("r/1/copy", 0.99, sha256="r/1/1"))
    reals.add(Result(input=Input(uri="r/x"), status=Status.FAILED, reason=Reason.CORRUPT))
    cut = msgspec.structs.replace(
        scored("r/cut", 0.9), status=Status.PARTIAL, reason=Reason.TRUNCATED
    )
    reals.add(cut)
    declares = Evidence(
        kind="mark", supports=Supports.SYNTHETIC, strength=Strength.WEAK, statement="it says so"
    )
    reals.add(msgspec.structs.replace(scored("r/ai", 0.99), evidence=(declares,)))
    found = reals.profile("p", [MODEL], ["x"])
    assert found.items == 100
    assert found.left_out == {
        DUPLICATE: 1, "failed (corrupt)": 1, "partial (truncated)": 1, DECLARED: 1,
    }  # fmt: skip
    assert {name: each.items for name, each in found.sources.items()} == dict.fromkeys("0123", 25)


def test_a_high_score_is_no_reason_to_be_left_out() -> None:
    reals = Reals("r")
    says = Evidence(
        kind="detector", supports=Supports.SYNTHETIC, strength=Strength.STRONG, statement="high"
    )
    for i in range(100):
        reals.add(msgspec.structs.replace(scored(f"r/{i}", 0.99 + i / 1e5), evidence=(says,)))
    assert reals.profile("p", [MODEL], []).operating_points[0].threshold > 0.99


def test_several_detectors_need_a_choice() -> None:
    reals = filled(100)
    reals.add(scored("r/voice", 0.1, detector="other"))
    with pytest.raises(UsageError, match=r"100 toy, 1 other.*--detector"):
        reals.profile("p", [MODEL], [])


@pytest.mark.parametrize(
    ("path", "part", "depth", "source"),
    [
        ("r/a.jpg", None, 1, "."),
        ("r/cam/a.jpg", None, 1, "cam"),
        ("r/cam/day/a.jpg", None, 1, "cam"),
        ("r/cam/day/a.jpg", None, 2, "cam/day"),
        ("r/cam/a.jpg", None, 2, "cam"),
        ("r/cam/a.jpg", None, 0, "."),
        ("r/x.zip#in/a.jpg", "in/a.jpg", 1, "x.zip"),
        ("r/x.zip#in/a.jpg", "in/a.jpg", 2, "x.zip/in"),
        ("r/a#b/c.jpg", None, 1, "a#b"),
        (uri_of("r/caf\udce9/a.jpg"), None, 1, "caf\\xe9"),  # no valid Unicode on the disk
    ],
)
def test_a_files_source_is_its_folder(path: str, part: str | None, depth: int, source: str) -> None:
    assert source_of(Input(uri=path, part=part), "r", depth) == source


def test_kept_and_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    made = filled(120).profile("mine", [MODEL], ["verascope", "calibrate"])
    file = keep(made)
    assert profiles.names() == ("mine",)
    found = profiles.load("mine")
    assert found == made
    import hashlib

    assert found.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert found.label == f"mine@{found.sha256[:12]}"
    with pytest.raises(UsageError, match="--replace"):
        keep(made)
    keep(made, replace=True)
    file.write_bytes(b"{}")
    with pytest.raises(UsageError, match="calibrate again"):
        profiles.load("mine")
    with pytest.raises(UsageError, match="there are: mine"):
        profiles.load("yours")
    for name in ("../mine", "", "Mine", "a.b"):
        with pytest.raises(UsageError, match="cannot be called"):
            profiles.load(name)
