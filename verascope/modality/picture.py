"""Pictures: size, upright pixels, the windows that detectors cut from them."""

from collections.abc import Sequence

from verascope.detect.contract import Detector, Windows
from verascope.errors import InputTrouble
from verascope.media.header import MIN_PART_SIDE
from verascope.media.image import Header, decode, read_header
from verascope.media.picture import Pixels
from verascope.modality.base import Decoded, Look, Source
from verascope.provenance.fingerprint import Fingerprint, fingerprint
from verascope.provenance.mark import Mark
from verascope.result import Modality, Reason, Warn


class Picture:
    """A Method; a medium is uint8 [h, w, 3], RGB, upright, and its size the shorter side."""

    def look(self, source: Source) -> Look:
        """Width and height."""
        header = read_header(source.data, source.media_type, source.limits)
        side = min(header.width, header.height)
        trouble = None
        if not header.complete and side < MIN_PART_SIDE:
            trouble = InputTrouble(
                Reason.TRUNCATED, "and what is left of it is too little to judge"
            )
        facts = {"width": header.width, "height": header.height}
        return Look(facts, header.warnings, side, header, trouble)

    def too_small(self, size: int, least: int) -> InputTrouble:
        """By its shorter side."""
        detail = f"the shorter side has {size} pixels, {least} are needed"
        return InputTrouble(Reason.TOO_LITTLE_CONTENT, detail)

    def decode(self, source: Source, header: Header) -> Decoded:
        """The first frame."""
        picture = decode(source.data, source.media_type, header, source.limits)
        height, width = picture.pixels.shape[:2]
        left = f"{width} × {height} pixels of it" if picture.truncated else None
        return Decoded(picture.pixels, {}, picture.warnings, left)

    def check(self, medium: Pixels) -> None:
        """Nothing: its size was enough to know."""

    def cut(self, detector: Detector, medium: Pixels) -> Windows:
        """As the detector cuts them."""
        return detector.windows(medium)

    def remarks(self, windows: Sequence[Windows]) -> tuple[Warn, ...]:
        """Whether a window reaches over the picture's edge."""
        return (Warn.SMALLER_THAN_CROP,) if any(map(_padded, windows)) else ()

    def fingerprint(self, medium: Pixels) -> Fingerprint | None:
        """Of the whole picture."""
        return fingerprint(medium, Modality.IMAGE)

    def watermarks(self, medium: Pixels) -> tuple[Mark, ...]:
        """Of image generators."""
        from verascope.provenance.watermark import watermarks

        return watermarks(medium)


def _padded(windows: Windows) -> bool:
    height, width = windows.values.shape[1:3]
    return bool((windows.places[:, 2] < width).any() or (windows.places[:, 3] < height).any())
