"""Toy corpora: sharp noise as synthetic, the same noise smoothed as real."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from verascope.generate.manifest import Row, write

SHARED = Path(__file__).parents[3] / "shared" / "corpora" / "image"


torch.set_num_threads(1)  # small batches: more threads only wait for each other


def toy_pixels(label: str, number: int, side: int = 216) -> np.ndarray:
    rng = np.random.default_rng((number, side))
    values = rng.uniform(0, 255, (side, side, 3)).astype(np.float32)
    if label == "real":
        values = cv2.GaussianBlur(values, (0, 0), 2)
    spread = (values - values.min()) / (values.max() - values.min())
    return np.asarray(255 * spread, np.uint8)


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus with manifest: 3 sources a class for train, 1 for dev, and an edited kind."""
    folder = tmp_path_factory.mktemp("toy")
    rows = []
    for label in ("real", "synthetic"):
        for source in range(4):
            for number in range(4):
                path = f"{label}-{source}-{number}.png"
                Image.fromarray(toy_pixels(label, 10 * source + number)).save(folder / path)
                rows.append(
                    Row(
                        path=path,
                        label=label,
                        source=f"{label}-{source}",
                        generator="" if label == "real" else "noise",
                        split="dev" if source == 3 else "train",
                        kind="photo" if number % 2 else "art",
                    )
                )
    Image.fromarray(toy_pixels("real", 99)).save(folder / "edited.png")
    edited = Row(path="edited.png", label="synthetic", source="upscaler", kind="superres")
    write(folder / "manifest.csv", [*rows, edited])
    return folder


@pytest.fixture
def folders(tmp_path: Path) -> Callable[[int], Path]:
    """A maker of corpora that are folders with real/ and synthetic/, of n sources a class."""

    def make(sources: int) -> Path:
        for label in ("real", "synthetic"):
            for source in range(sources):
                below = tmp_path / label / f"s{source}"
                below.mkdir(parents=True)
                Image.fromarray(toy_pixels(label, source)).save(below / "a.png")
        return tmp_path

    return make


@pytest.fixture(scope="session")
def shared() -> Path:
    """The shared research corpus, where there is one beside the checkout."""
    if not (SHARED / "manifest.csv").is_file():
        pytest.skip("../shared/corpora/image is not beside this checkout")
    return SHARED
