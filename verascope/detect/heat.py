"""Where in a picture the score comes from: a heat map over the window that an encoder saw."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from PIL import Image

from verascope.detect.calibration import Calibration
from verascope.detect.contract import Windows
from verascope.result import Segment

AROUND = 2  # patches to each side
RED = np.array([255.0, 40.0, 30.0], np.float32)
REDNESS = 0.65  # of a patch that scores 1
UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
LONGEST = 64  # characters of the input's name in a file's
HASH = 12  # hex digits of the content that tell inputs of one name apart


class Heat(Struct, frozen=True, eq=False):
    """Scores over one window.

    Attributes:
        scores: float32 [rows, columns], 0 to 1, of each patch.
        logits: float32 [rows, columns].
        window: uint8 [side, side, 3], RGB: the part of the picture that they lie on, resized.
        box: that part: x, y, width, height in pixels of the picture.
    """

    scores: NDArray[np.float32]
    logits: NDArray[np.float32]
    window: NDArray[np.uint8]
    box: tuple[int, int, int, int]

    @classmethod
    def of_patches(
        cls, logits: NDArray[np.float32], windows: Windows, calibration: Calibration
    ) -> Self:
        """The map of a square window's patches, row by row: float32 [rows × rows].

        Each patch gets the mean logit of its surroundings: single patches say too much of
        themselves, since the head was fitted on means over all of them.
        """
        rows = round(len(logits) ** 0.5)
        grid = _smoothed(np.asarray(logits, np.float32).reshape(rows, rows))
        scores = np.array([[calibration(float(v)).score for v in row] for row in grid], np.float32)
        x, y, width, height = (int(v) for v in windows.places[0])
        return cls(scores, grid, windows.values[0], (x, y, width, height))

    def regions(self, least: float) -> tuple[Segment, ...]:
        """The connected regions of patches whose score reaches `least`, the largest first.

        A region's box is in pixels of the picture; its score is that of its mean logit's patch,
        the one nearest to the mean.
        """
        regions = list(_connected(self.scores >= least))
        regions.sort(key=lambda region: -int(region.sum()))
        return tuple(self._segment(region) for region in regions)

    def _segment(self, region: NDArray[np.bool_]) -> Segment:
        rows, columns = (np.flatnonzero(region.any(axis)) for axis in (1, 0))
        x, y, width, height = self.box
        across, down = width / region.shape[1], height / region.shape[0]
        left, top = x + round(columns[0] * across), y + round(rows[0] * down)
        right, bottom = x + round((columns[-1] + 1) * across), y + round((rows[-1] + 1) * down)
        return Segment(
            logit=float(self.logits[region].mean()),
            score=float(self.scores[region].mean()),
            box=(left, top, right - left, bottom - top),
        )


def _smoothed(grid: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean over each cell's surroundings; the edge is repeated outwards."""
    wide = np.pad(grid, AROUND, mode="edge")
    size = 2 * AROUND + 1
    around = np.lib.stride_tricks.sliding_window_view(wide, (size, size))
    return np.asarray(around.mean((2, 3)), np.float32)


def _connected(marked: NDArray[np.bool_]) -> Iterator[NDArray[np.bool_]]:
    """The parts of a mask that hang together by sides or corners, each as a mask."""
    left = {(int(row), int(column)) for row, column in np.argwhere(marked)}
    while left:
        part = np.zeros_like(marked)
        reached = [left.pop()]
        while reached:
            row, column = reached.pop()
            part[row, column] = True
            near = {(row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= near
            reached += near
        yield part


def drawn(heat: Heat, side: int = 448) -> NDArray[np.uint8]:
    """The window in grey, red where it scores high: uint8 [side, side, 3], RGB."""
    window = (
        Image.fromarray(heat.window).convert("L").resize((side, side), Image.Resampling.BICUBIC)
    )
    scores = Image.fromarray(heat.scores).resize((side, side), Image.Resampling.BICUBIC)
    share = REDNESS * np.clip(np.asarray(scores), 0, 1)[..., None] ** 2
    grey = np.asarray(window, np.float32)[..., None]
    return np.asarray(((1 - share) * grey + share * RED).clip(0, 255), np.uint8)


def save(folder: Path, uri: str, sha256: str | None, heat: Heat) -> Path:
    """Write an input's map as PNG; returns the file, named after the input and its content.

    Args:
        folder: made where it is missing.
        uri: of the input.
        sha256: of its content.
        heat: the map.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / file_name(uri, sha256)
    part = file.with_suffix(".part")
    Image.fromarray(drawn(heat)).save(part, "PNG")
    part.replace(file)
    return file


def file_name(uri: str, sha256: str | None) -> str:
    """What the map of an input of this name and content is called."""
    name = UNSAFE.sub("_", uri.rsplit("/", 1)[-1])[-LONGEST:].lstrip(".") or "input"
    return f"{name}-{(sha256 or '')[:HASH]}.png"
