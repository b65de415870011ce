"""`audio-spectral`, the fast detector of synthetic speech: heads on the package's own encoder.

Taught by the accurate tier (verascope/train/sound_heads.py).
"""

from pathlib import Path

from verascope.detect.sound_heads import SoundHeads

SHIPPED = Path(__file__).parent / "models" / "audio-spectral"


class AudioSpectral(SoundHeads):
    """The model folder in the package, or another on the same encoder."""

    shipped = SHIPPED
