"""`audio-encoders`, the accurate detector of synthetic speech: heads on frozen public encoders.

They are too large for the package: `verascope models install` puts them into the user's cache.
"""

from collections.abc import Sequence
from pathlib import Path

from verascope.detect.sound_heads import SoundHeads

SHIPPED = Path(__file__).parent / "models" / "audio-encoders"


class AudioEncoders(SoundHeads):
    """The model folder in the package, or another on installed encoders."""

    most_windows = 60  # of one stretch, spread over it: each takes about 0.15 s

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
