"""`audio-spectral`, the fast detector of synthetic speech: heads on the package's own encoder.

Taught by the accurate tier (verascope/train/sound_heads.py).
"""

from collections.abc import Sequence
from pathlib import Path

from verascope.detect.sound_heads import SoundHeads

SHIPPED = Path(__file__).parent / "models" / "audio-spectral"


class AudioSpectral(SoundHeads):
    """The model folder in the package, or another on the same encoder."""

    def __init__(
        self,
        folder: Path = SHIPPED,
        *,
        name: str | None = None,
        providers: Sequence[str] = ("CPUExecutionProvider",),
        threads: int = 1,
        batch: int = 1,
    ) -> None:
        super().__init__(folder, name=name, providers=providers, threads=threads, batch=batch)
