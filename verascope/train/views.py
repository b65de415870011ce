"""The views of a picture that an encoder is asked about: protocols, and drawn degradations.

`equal-crops`, `whole` and `harder` are how figures are taken (protocols.py). `shared-0`, `shared-1`
and so on are drawn: what a picture goes through on its way over platforms. A real picture and its
synthetic twin are drawn alike.
"""

import hashlib
from functools import cache

import cv2
import numpy as np

from verascope.detect.views import square
from verascope.train.corpora import Item
from verascope.train.degrade import (
    EQUAL_CROP,
    Pixels,
    blur,
    decode,
    encode,
    grey,
    noise,
    resize,
    social,
    tone,
    webp,
)
from verascope.train.protocols import PROTOCOLS

DRAWN = "shared-"
ROUNDS = 3  # at most
LEAST_SIDE = 96  # pixels; nothing smaller is made
TRIALS = 32  # seeds under which a drawn view shows what it does


def drawn(view: str) -> bool:
    """Whether a view is drawn at random."""
    return view.startswith(DRAWN)


def seed_of(item: Item) -> int:
    """The seed of an item's drawn views: its pair's, so that twins fare alike, or its own."""
    name = item.row.pair or item.row.sha256 or item.row.path
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4])


def show(pixels: Pixels, view: str, seed: int) -> Pixels:
    """A picture under a view: uint8 [h, w, 3], RGB."""
    if not drawn(view):
        return PROTOCOLS[view](pixels)
    number = int(view.removeprefix(DRAWN))
    return shared(pixels, np.random.default_rng((seed, number)))


@cache
def made_of(view: str) -> str:
    """A hash of what a view makes of a test picture: changes with the code that decides it."""
    rows, columns = np.mgrid[0:400, 0:300]
    waves = [127 + 120 * np.sin(rows / a + columns * columns / b) for a, b in ((7, 900), (3, 400))]
    pixels = np.stack([*waves, (rows * 3 + columns) % 256], axis=-1).astype(np.uint8)
    digest = hashlib.sha256()
    for seed in range(TRIALS if drawn(view) else 1):
        digest.update(np.ascontiguousarray(square(show(pixels, view, seed), EQUAL_CROP)).tobytes())
    return digest.hexdigest()[:16]


def shared(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """A picture after one to three rounds of sharing.

    Half of the pictures begin as a crop of about the size that figures are taken at, so that a
    head learns both: whole pictures and parts of them. Each round may crop, resize, retouch and
    frame the picture, and ends in a lossy encoder (more than one round: AI-GenBench 2025).
    """
    if rng.random() < 0.5:
        pixels = _cut(pixels, int(rng.integers(EQUAL_CROP, EQUAL_CROP + 57)), rng)
    for _ in range(int(rng.choice((1, 2, 3), p=(0.6, 0.28, 0.12)))):
        pixels = _round(pixels, rng)
    return pixels[:, ::-1] if rng.random() < 0.5 else pixels


def _round(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    changes = (
        (0.4, _crop),
        (0.5, _scale),
        (0.2, tone),
        (0.03, grey),
        (0.1, blur),
        (0.1, noise),
        (0.08, _caption),
        (0.05, _screenshot),
    )
    for chance, change in changes:
        if rng.random() < chance:
            pixels = np.asarray(change(pixels, rng), np.uint8)
    quality = int(rng.integers(50, 96))
    if rng.random() < 0.15:
        return webp(pixels, quality)
    if rng.random() < 0.35:
        return social(pixels)
    return decode(encode(pixels, quality, "420" if rng.random() < 0.7 else "444"))


def _cut(pixels: Pixels, side: int, rng: np.random.Generator) -> Pixels:
    """A square of the side at a random place."""
    height, width = pixels.shape[:2]
    side = min(side, height, width)
    top, left = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
    return np.ascontiguousarray(pixels[top : top + side, left : left + side])


def _crop(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """0.7 to all of each side, at a random place."""
    height, width = (
        min(n, max(LEAST_SIDE, round(n * rng.uniform(0.7, 1)))) for n in pixels.shape[:2]
    )
    top = int(rng.integers(pixels.shape[0] - height + 1))
    left = int(rng.integers(pixels.shape[1] - width + 1))
    return np.ascontiguousarray(pixels[top : top + height, left : left + width])


def _scale(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Half to 1.3 of the size, by a drawn filter."""
    scale = max(rng.uniform(0.5, 1.3), LEAST_SIDE / min(pixels.shape[:2]))
    kernels = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)
    return resize(pixels, scale, int(rng.choice(kernels)))


def _caption(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Text on the picture, on a bar or bare."""
    height, width = pixels.shape[:2]
    pixels = pixels.copy()
    line = int(rng.integers(height // 10, height - 1))
    ink = [int(v) for v in rng.integers(0, 256, 3)]
    if rng.random() < 0.5:
        cv2.rectangle(pixels, (0, line - height // 10), (width, line + height // 40), ink[::-1], -1)
    letters = "".join(chr(c) for c in rng.integers(97, 123, int(rng.integers(4, 16))))
    size = height / rng.uniform(250, 450)
    place = (int(rng.integers(max(1, width // 3))), line)
    cv2.putText(pixels, letters, place, cv2.FONT_HERSHEY_SIMPLEX, size, ink, 1 + height // 200)
    return pixels


def _screenshot(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """The picture in a viewer: bars of one colour around it."""
    bars = [int(n * rng.uniform(0, 0.15)) for n in (*pixels.shape[:2], *pixels.shape[:2])]
    top, left, bottom, right = bars
    colour = [int(rng.choice((0, 18, 32, 245, 255)))] * 3
    return np.asarray(
        cv2.copyMakeBorder(pixels, top, bottom, left, right, cv2.BORDER_CONSTANT, value=colour)
    )
