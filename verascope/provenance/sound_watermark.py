"""What detectors of watermarks heard in a recording, as marks.

Perth is what Chatterbox writes into all speech that it makes; its program is public, so anyone can
write it into anything, and its detector hears it in 12 of 499 real clips of 2 to 3 s where nobody
wrote it (benchmarks/results/sound-watermarks.json). So a mark is told and moves no verdict. What is
not heard says nothing: most generators write no mark.
"""

from collections.abc import Sequence

import numpy as np

from verascope.provenance.mark import Declared, Mark

KIND = "sound_watermark"
# Of the mean confidence over a recording's clips. Measured by benchmarks/sound_watermarks.py.
LEAST = {"perth": 0.8}
WRITERS = {
    "perth": "Perth watermark, which Chatterbox writes into the speech that it makes",
}


def watermark(name: str, confidences: Sequence[float]) -> tuple[Mark, ...]:
    """One mark where the detector is sure enough over all clips, else none.

    Args:
        name: of the watermark, one of LEAST.
        confidences: of each clip of one recording, near 1 where it is marked.
    """
    if not len(confidences) or not np.isfinite(confidences).all():
        return ()
    mean = float(np.mean(confidences))
    if mean < LEAST[name]:
        return ()
    told = f"mean confidence {mean:.2f} over {len(confidences)} clips"
    return (
        Mark(
            kind=KIND,
            declared=Declared.MARKED,
            value=f"{name}: {told}",
            statement=f"A detector hears the {WRITERS[name]} ({told}).",
        ),
    )
