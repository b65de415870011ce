"""Write examples/photographs/ from two packages that ship them, unpacked or installed.

    pip install scikit-image scikit-learn && python docs/examples/make_photographs.py

Files that are small enough are copied byte for byte; the others are cropped or encoded once, never
resized, so that they keep the fine structure of a photograph. README.md has source and licence.
"""

import shutil
from importlib.util import find_spec
from pathlib import Path

from PIL import Image

OUT = Path(__file__).parents[2] / "examples" / "photographs"


def main() -> None:
    """Write the six photographs."""
    skimage = _folder("skimage") / "data"
    sklearn = _folder("sklearn") / "datasets" / "images"
    OUT.mkdir(exist_ok=True)
    shutil.copy(skimage / "rocket.jpg", OUT / "rocket.jpg")
    shutil.copy(sklearn / "flower.jpg", OUT / "flower.jpg")
    china = Image.open(sklearn / "china.jpg")
    china.save(OUT / "china.jpg", quality=90, icc_profile=china.info.get("icc_profile"))
    Image.open(skimage / "astronaut.png").convert("RGB").save(OUT / "astronaut.jpg", quality=92)
    Image.open(skimage / "coffee.png").convert("RGB").save(OUT / "coffee.webp", quality=90)
    cat = Image.open(skimage / "chelsea.png").convert("RGB").crop((90, 20, 346, 276))
    cat.save(OUT / "chelsea.png", optimize=True)


def _folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"install {'scikit-image' if package == 'skimage' else 'scikit-learn'}")
    return Path(spec.origin).parent


if __name__ == "__main__":
    main()
