"""`audio-encoders`, the accurate detector of synthetic speech: heads on frozen public encoders.

They are too large for the package: `verascope models install` puts them into the user's cache.
"""

from pathlib import Path

from verascope.detect.sound_heads import SoundHeads

SHIPPED = Path(__file__).parent / "models" / "audio-encoders"


class AudioEncoders(SoundHeads):
    """The model folder in the package, or another on installed encoders."""

    shipped = SHIPPED
    most_windows = 60  # of one stretch, spread over it: each takes about 0.15 s
