"""What pictures go through on their way: each form is scored by each tier, and by nothing else."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from verascope.result import Status
from verascope.scanner import Scanner
from verascope.settings import Quality, Settings

Form = Callable[[Image.Image, Path], Path]


def jpeg(picture: Image.Image, file: Path, quality: int = 75) -> Path:
    picture.save(file.with_suffix(".jpg"), quality=quality)
    return file.with_suffix(".jpg")


def png(picture: Image.Image, file: Path) -> Path:
    picture.save(file.with_suffix(".png"))
    return file.with_suffix(".png")


def twice(picture: Image.Image, file: Path) -> Path:
    with Image.open(jpeg(picture, file, 60)) as once:
        return jpeg(once.resize((300, 300)), file, 80)


def framed(picture: Image.Image, file: Path) -> Path:
    screen = Image.new("RGB", (600, 900), (18, 18, 18))
    screen.paste(picture, (44, 120))
    return png(screen, file)


def captioned(picture: Image.Image, file: Path) -> Path:
    written = picture.copy()
    ImageDraw.Draw(written).text((20, 400), "nobody will believe this", (255, 255, 255))
    return jpeg(written, file)


def deep(picture: Image.Image, file: Path) -> Path:
    values = np.asarray(picture.convert("L"), np.uint16) * 257
    return png(Image.fromarray(values), file)


def see_through(picture: Image.Image, file: Path) -> Path:
    shown = picture.convert("RGBA")
    shown.putalpha(128)
    return png(shown, file)


def moving(picture: Image.Image, file: Path) -> Path:
    frames = [picture.rotate(turn) for turn in (90, 180)]
    picture.save(file.with_suffix(".gif"), save_all=True, append_images=frames)
    return file.with_suffix(".gif")


FORMS: dict[str, Form] = {
    "plain": png,
    "resized": lambda p, f: jpeg(p.resize((317, 250)), f),
    "cropped": lambda p, f: jpeg(p.crop((100, 60, 400, 300)), f),
    "blurred": lambda p, f: jpeg(p.filter(ImageFilter.GaussianBlur(2)), f),
    "twice": twice,
    "framed": framed,
    "captioned": captioned,
    "thumbnail": lambda p, f: jpeg(p.resize((128, 128)), f),
    "panorama": lambda p, f: jpeg(p.resize((12_500, 4_000)), f),
    "grey": lambda p, f: jpeg(p.convert("L"), f),
    "cmyk": lambda p, f: jpeg(p.convert("CMYK"), f),
    "deep": deep,
    "see-through": see_through,
    "moving": moving,
}


@pytest.fixture(scope="module")
def picture(examples: Path) -> Image.Image:
    with Image.open(examples / "photographs" / "astronaut.jpg") as opened:
        return opened.convert("RGB").resize((512, 512))


@pytest.fixture(scope="module", params=[Quality.FAST, Quality.ACCURATE])
def scanner(request: pytest.FixtureRequest) -> Iterator[Scanner]:
    with pytest.MonkeyPatch.context() as patch:
        if request.param is Quality.ACCURATE:
            patch.setenv("VERASCOPE_MODELS", str(request.getfixturevalue("clip_home")))
        with Scanner(Settings(quality=request.param)) as running:
            yield running


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_scored(
    scanner: Scanner, picture: Image.Image, tmp_path: Path, form: str
) -> None:
    file = FORMS[form](picture, tmp_path / "picture")
    result = scanner.scan(file)
    assert result.status is Status.SCORED, (result.reason, result.detail)
    [score] = result.detectors
    assert math.isfinite(score.logit)
    assert 0 <= score.score <= 1
    again = scanner.scan(file)  # after others: nothing is remembered
    assert again.detectors[0].logit == score.logit
