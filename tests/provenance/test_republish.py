"""Publishing as a platform does: the picture gets smaller, its history survives."""

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.conftest import Command
from tests.provenance import chain
from verascope.errors import UsageError
from verascope.provenance.certificates import DevChain, dev_chain
from verascope.provenance.library import load
from verascope.provenance.republish import republish
from verascope.provenance.sign import Declaration, Signer, SigningError, sign
from verascope.provenance.upload import Recipe, transcode
from verascope.provenance.verify import verify
from verascope.result import Outcome, Provenance
from verascope.settings import Limits

JPEG = "image/jpeg"
ORIENTATION = 0x0112
GPS = 0x8825


@pytest.fixture(scope="module")
def platform() -> DevChain:
    return dev_chain("A platform")


@pytest.fixture(scope="module")
def camera() -> DevChain:
    return dev_chain("A camera")


@pytest.fixture
def trust(platform: DevChain, camera: DevChain, tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "roots.pem").write_bytes(platform.root + camera.root)
    return (str(tmp_path / "roots.pem"),)


@pytest.fixture
def upload(tmp_path: Path, camera: DevChain) -> Path:
    """A signed photograph of 1,600 × 1,200 pixels that lies on its side, with a place in EXIF."""
    path = tmp_path / "grandma in Lviv.jpg"
    rows = np.arange(1200)[:, None, None] * np.ones((1, 1600, 3)) / 5
    image = Image.fromarray(rows.astype(np.uint8))
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif.get_ifd(GPS)[1] = "N"
    image.save(path, exif=exif, quality=95)
    sign(path, path, JPEG, as_signer(camera), Declaration(source_type="digitalCapture"))
    return path


def as_signer(made: DevChain) -> Signer:
    return Signer(chain=made.chain, key=made.key)


def check(path: Path, trust: tuple[str, ...]) -> Provenance:
    with path.open("rb") as file:
        return verify(file, JPEG, trust)


def test_history_survives(
    upload: Path, tmp_path: Path, platform: DevChain, trust: tuple[str, ...]
) -> None:
    target, before = tmp_path / "public.jpg", upload.read_bytes()
    done = republish(upload, target, as_signer(platform), trust=trust, software="Platform 1")
    assert done.before.outcome is Outcome.TRUSTED
    answer = check(target, trust)
    assert answer.outcome is Outcome.TRUSTED and answer.signer is not None
    assert answer.signer.name == "A platform"
    said = [claim.statement for claim in answer.claims]
    assert said[-1] == "captured by a camera or a recorder" and answer.claims[-1].trusted
    assert [each.split(",")[0] for each in said[1:4]] == ["resized", "transcoded", "published"]
    assert {w.code for w in answer.warnings} == {"revocation_not_checked"}
    image = Image.open(target)
    assert image.size == (810, 1080) and not image.getexif()  # upright, no place
    assert b"grandma" not in target.read_bytes()
    assert upload.read_bytes() == before


def test_without_it_nothing_survives(upload: Path, trust: tuple[str, ...], tmp_path: Path) -> None:
    plain = tmp_path / "plain.jpg"
    plain.write_bytes(transcode(np.asarray(Image.open(upload)), Recipe()))
    assert check(plain, trust).outcome is Outcome.NONE


@pytest.mark.parametrize(("kind", "side"), [("PNG", 300), ("WEBP", 300), ("GIF", 100)])
def test_an_upload_without_a_credential(
    kind: str, side: int, tmp_path: Path, platform: DevChain, trust: tuple[str, ...]
) -> None:
    source, target = tmp_path / "upload", tmp_path / "public.jpg"
    source.write_bytes(chain.picture(kind, side))
    assert republish(source, target, as_signer(platform)).before.outcome is Outcome.NONE
    answer = check(target, trust)
    assert answer.outcome is Outcome.TRUSTED and answer.history is not None
    assert [each.title for each in answer.history.ingredients] == ["the upload"]
    assert "resized" not in [claim.statement for claim in answer.claims]
    assert Image.open(target).size == (side, side)


def swapped_profile() -> bytes:
    """A colour profile in which the first channel means blue and the third red."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, blue = data.index(b"rXYZ"), data.index(b"bXYZ")
    data[red : red + 4], data[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(data)


def test_a_colour_profile_is_applied_and_left_out(tmp_path: Path, platform: DevChain) -> None:
    source, target = tmp_path / "upload.png", tmp_path / "public.jpg"
    for profile, seen in ((b"", 0), (swapped_profile(), 2), (b"no profile" * 20, 0)):
        red = Image.new("RGB", (300, 300), (220, 10, 10))
        red.save(source, icc_profile=profile)
        republish(source, target, as_signer(platform))
        image = Image.open(target)
        assert int(np.argmax(np.asarray(image)[150, 150])) == seen
        assert "icc_profile" not in image.info


def test_an_upload_that_was_changed(
    upload: Path, tmp_path: Path, platform: DevChain, trust: tuple[str, ...]
) -> None:
    """It is published, and says that what it was made from does not validate."""
    target = tmp_path / "public.jpg"
    upload.write_bytes(chain.flip_media(upload.read_bytes(), JPEG))
    done = republish(upload, target, as_signer(platform), trust=trust)
    assert done.before.outcome is Outcome.INVALID
    answer = check(target, trust)
    assert answer.outcome is Outcome.TRUSTED
    assert "ingredient_failed" in {warning.code for warning in answer.warnings}
    assert not answer.claims[-1].trusted


@pytest.mark.parametrize("trouble", ["cut", "text", "absent", "too large", "late"])
def test_what_cannot_be_published(
    trouble: str, upload: Path, tmp_path: Path, platform: DevChain
) -> None:
    target, limits = tmp_path / "public.jpg", Limits()
    target.write_bytes(b"precious")
    if trouble == "cut":
        upload.write_bytes(upload.read_bytes()[:-5000])
    elif trouble == "text":
        upload.write_text("no picture")
    elif trouble == "absent":
        upload = tmp_path / "absent.jpg"
    elif trouble == "too large":
        limits = Limits(max_pixels=1000)
    else:
        limits = Limits(stage_timeout_s=0.001)
    with pytest.raises(SigningError, match="not republished"):
        republish(upload, target, as_signer(platform), limits=limits)
    assert target.read_bytes() == b"precious"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".verascope")]


def test_the_upload_is_read_in_the_worker_only(
    upload: Path, tmp_path: Path, platform: DevChain
) -> None:
    opened: list[str] = []
    sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
    republish(upload, tmp_path / "public.jpg", as_signer(platform))
    assert opened and str(upload) not in opened


def test_onto_itself(upload: Path, platform: DevChain, trust: tuple[str, ...]) -> None:
    republish(upload, upload, as_signer(platform), trust=trust)
    assert check(upload, trust).outcome is Outcome.TRUSTED


def test_a_list_that_does_not_exist(upload: Path, tmp_path: Path, platform: DevChain) -> None:
    with pytest.raises(UsageError):
        republish(upload, tmp_path / "t.jpg", as_signer(platform), trust=("offical",))


def test_hostile_uploads(shared: Path, tmp_path: Path, platform: DevChain) -> None:
    """Each is published or refused with a reason, and the parent lives."""
    files = [path for path in sorted((shared / "hostile").rglob("*")) if path.is_file()]
    pictures = [path for path in files if path.suffix in (".jpg", ".png", ".webp", ".gif", ".tif")]
    published = 0
    for path in pictures:
        try:
            republish(path, tmp_path / "public.jpg", as_signer(platform))
            published += 1
        except SigningError as error:
            assert "not republished" in str(error), path.name
    assert 0 < published < len(pictures)


def test_the_verb(upload: Path, tmp_path: Path, platform: DevChain, verascope: Command) -> None:
    for name, data in (("chain.pem", platform.chain), ("key.pem", platform.key)):
        (tmp_path / name).write_bytes(data)
    keys = ("--certificates", tmp_path / "chain.pem", "--key", tmp_path / "key.pem")
    target = tmp_path / "public.jpg"
    done = verascope("republish", upload, target, *keys, "--long-side", "400")
    assert done.code == 0 and "valid_untrusted" in done.err
    assert max(Image.open(target).size) == 400
    answer = json.loads(verascope("verify", target, "--format", "jsonl").out)
    assert answer["outcome"] == "valid_untrusted"
    upload.write_bytes(b"")
    assert verascope("republish", upload, target, *keys).code == 2
    assert io.BytesIO(target.read_bytes()).getvalue()[:2] == b"\xff\xd8"


def test_a_folder_that_is_not_there(upload: Path, tmp_path: Path, platform: DevChain) -> None:
    with pytest.raises(SigningError, match="No such file"):
        republish(upload, tmp_path / "nowhere" / "public.jpg", as_signer(platform))


def test_no_path_of_this_machine_is_published(
    upload: Path, tmp_path: Path, platform: DevChain, trust: tuple[str, ...]
) -> None:
    republish(upload, tmp_path / "public.jpg", as_signer(platform), trust=trust)
    assert str(tmp_path).encode() not in (tmp_path / "public.jpg").read_bytes()
    assert b"roots.pem" in (tmp_path / "public.jpg").read_bytes()


def test_a_history_that_would_keep_the_signer_busy_is_refused(
    upload: Path, tmp_path: Path, platform: DevChain, camera: DevChain
) -> None:
    """Measured in the worker: it is not the process with the key that reads 1,001 assertions."""
    actions = {"actions": [chain.created("digitalCapture")]}
    assertions = [{"label": "c2pa.actions", "data": actions}]
    assertions += [{"label": f"org.example.a{n}", "data": {"n": n}} for n in range(1001)]
    c2pa, out = load(), io.BytesIO()
    with c2pa.Builder(json.dumps({"assertions": assertions})) as builder:
        info = c2pa.C2paSignerInfo(b"es256", camera.chain, camera.key, None)
        plain = io.BytesIO(chain.picture())
        builder.sign(c2pa.Signer.from_info(info), JPEG, plain, out)
    upload.write_bytes(out.getvalue())
    with pytest.raises(SigningError, match="assertions, the limit is 1000"):
        republish(upload, tmp_path / "public.jpg", as_signer(platform))
