"""The one encoder of a corpus: real and made pictures leave through it with the same settings."""

import io

import numpy as np
from msgspec import Struct
from PIL import Image

from verascope.generate.contract import Array


class Encoding(Struct, frozen=True, kw_only=True):
    """What encodings a corpus mixes. One draw serves a real picture and its counterpart.

    `jpeg`, `png` and `webp` are shares; JPEG and WebP quality is drawn from `quality`, both ends
    included; half of the JPEGs have 4:2:0 chroma, half 4:4:4.
    """

    jpeg: float = 0.7
    png: float = 0.15
    webp: float = 0.15
    quality: tuple[int, int] = (70, 97)

    def draw(self, rng: np.random.Generator) -> "Codec":
        """The codec of one item."""
        shares = np.array([self.jpeg, self.png, self.webp])
        kind = ("JPEG", "PNG", "WEBP")[int(rng.choice(3, p=shares / shares.sum()))]
        quality = int(rng.integers(self.quality[0], self.quality[1] + 1))
        return Codec(format=kind, quality=quality, subsampling=int(rng.choice([0, 2])))


class Codec(Struct, frozen=True, kw_only=True):
    """One encoder setting. `subsampling` as Pillow counts: 0 is 4:4:4, 2 is 4:2:0 (JPEG only)."""

    format: str
    quality: int
    subsampling: int

    @property
    def suffix(self) -> str:
        """Of the file name, with the dot."""
        return {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp"}[self.format]

    def encode(self, media: Array) -> bytes:
        """Bytes of a file for uint8 [h, w, 3], without any metadata."""
        out = io.BytesIO()
        image = Image.fromarray(media)
        if self.format == "JPEG":
            image.save(out, "JPEG", quality=self.quality, subsampling=self.subsampling)
        elif self.format == "WEBP":
            image.save(out, "WEBP", quality=self.quality)
        else:
            image.save(out, "PNG")
        return out.getvalue()
