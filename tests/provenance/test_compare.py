"""What a pipeline loses: nothing where it republishes, by name where it strips, breaks or drops."""

import json
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.conftest import Command
from verascope.provenance.certificates import DevChain, dev_chain
from verascope.provenance.compare import losses
from verascope.provenance.republish import republish
from verascope.provenance.sign import Declaration, Signer, sign
from verascope.result import Result
from verascope.scanner import Scanner
from verascope.settings import Quality, Settings

JPEG = "image/jpeg"


@pytest.fixture(scope="module")
def camera() -> DevChain:
    return dev_chain("A camera")


@pytest.fixture(scope="module")
def platform() -> DevChain:
    return dev_chain("A platform")


@pytest.fixture
def trust(camera: DevChain, platform: DevChain, tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "roots.pem").write_bytes(camera.root + platform.root)
    return (str(tmp_path / "roots.pem"),)


@pytest.fixture
def upload(tmp_path: Path, camera: DevChain) -> Path:
    path = tmp_path / "upload.jpg"
    Image.effect_noise((400, 300), 60).convert("RGB").save(path, quality=90)
    sign(path, path, JPEG, as_signer(camera), Declaration(source_type="digitalCapture"))
    return path


def as_signer(made: DevChain) -> Signer:
    return Signer(chain=made.chain, key=made.key)


def codes(before: Path, after: Path, trust: tuple[str, ...]) -> list[str]:
    with Scanner(Settings(quality=Quality.FAST, trust=trust)) as scanner:
        first, second = scanner.scan(before), scanner.scan(after)
    return [loss.code for loss in losses(first, second)]


def test_the_same_file_and_a_republished_one_have_lost_nothing(
    upload: Path, platform: DevChain, trust: tuple[str, ...], tmp_path: Path
) -> None:
    public = tmp_path / "public.jpg"
    republish(upload, public, as_signer(platform), trust=trust, software="Platform 1")
    assert codes(upload, upload, trust) == []
    assert codes(upload, public, trust) == []


def test_a_transcoded_one_is_stripped_and_a_changed_one_broken(
    upload: Path, trust: tuple[str, ...], tmp_path: Path
) -> None:
    plain, changed = tmp_path / "plain.jpg", tmp_path / "changed.jpg"
    Image.open(upload).save(plain, quality=80)
    data = bytearray(upload.read_bytes())
    data[-100] ^= 1
    changed.write_bytes(data)
    assert codes(upload, plain, trust) == ["stripped"]
    assert codes(upload, changed, trust) == ["broken"]
    assert codes(plain, upload, trust) == []  # what comes is no loss


def test_a_new_credential_without_the_old_one_has_lost_its_history(
    upload: Path, platform: DevChain, trust: tuple[str, ...], tmp_path: Path
) -> None:
    other = tmp_path / "other.jpg"
    Image.open(upload).save(other, quality=80)
    sign(other, other, JPEG, as_signer(platform), Declaration(source_type="compositeCapture"))
    found = codes(upload, other, trust)
    assert found[0] == "history_lost" and "claim_lost" in found


def test_a_mark_that_is_gone(tmp_path: Path, trust: tuple[str, ...]) -> None:
    marked, plain = tmp_path / "marked.png", tmp_path / "plain.png"
    image, told = Image.effect_noise((200, 200), 60).convert("RGB"), PngInfo()
    told.add_text("parameters", "a cat\nSteps: 20, Sampler: Euler a, Seed: 1, Model: sd")
    image.save(marked, pnginfo=told)
    image.save(plain)
    assert codes(marked, plain, trust) == ["mark_lost"]
    assert codes(marked, marked, trust) == []


def test_the_command(verascope: Command, upload: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain.jpg"
    Image.open(upload).save(plain)
    done = verascope("diff", upload, plain)
    assert (done.code, done.out.split()[0]) == (1, "stripped")
    done = verascope("diff", upload, plain, "--format", "json")
    assert json.loads(done.out)["lost"][0]["code"] == "stripped"
    assert verascope("diff", upload, upload).code == 0
    assert verascope("diff", upload, tmp_path / "none.jpg").code == 2


def test_what_the_law_asks(verascope: Command, upload: Path, tmp_path: Path) -> None:
    results = tmp_path / "r.jsonl"
    verascope("scan", upload, "--quality", "fast", "--format", "jsonl", "-o", results)
    found = Result.from_json(results.read_bytes())
    line = json.loads(verascope("report", results, "--format", "dsa-sor").out)
    assert line["automated_detection"] == "Yes" and line["puid"] == found.input.sha256
    assert line["content_type"] == ["CONTENT_TYPE_IMAGE"]
    assert line["decision_ground"] is None and "image-residual" in line["decision_facts"]
    line = json.loads(verascope("report", results, "--format", "sb942").out)
    assert line["available"] and line["signed"] and line["unique_id"]
    assert line["generator_name"] and "A camera" not in json.dumps(line)
