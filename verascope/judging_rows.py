"""What was found of many rows of a table, and what detectors made of all of them, to Results."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from verascope.detect.contract import Array, Detector, Windows
from verascope.detect.profile import Profile
from verascope.exchange import RowReading
from verascope.judging import Judged, judge_scored, result_of
from verascope.result import Result


def results_of_rows(
    readings: Sequence[RowReading],
    cuts: Mapping[str, Windows],
    detectors: Mapping[str, Detector],
    profiles: Mapping[str, Profile],
    uris: Sequence[str],
) -> Iterator[Result]:
    """One Result a row, in their order.

    Args:
        readings: of the rows.
        cuts: each detector's windows of all rows, one after the other.
        detectors: by name.
        profiles: the user's own thresholds, by the detector that they are for.
        uris: what the Results call the rows.
    """
    logits = {name: scored(detectors[name], windows.values) for name, windows in cuts.items()}
    at = dict.fromkeys(cuts, 0)
    for row, uri in zip(readings, uris, strict=True):
        judged: list[Judged] = []
        for name, count in zip(row.reading.windowed, row.counts, strict=True):
            part = slice(at[name], at[name] + count)
            at[name] += count
            windows = Windows(cuts[name].values[part], cuts[name].places[part])
            profile = profiles.get(name)
            judged.append(
                judge_scored(detectors[name], windows, logits[name][part], profile=profile)
            )
        yield result_of(row.reading, uri, judged, dict(row.reading.timing))


def scored(detector: Detector, values: Array) -> NDArray[np.float32]:
    """The logits of many windows, as many at once as the detector takes."""
    step = max(detector.max_batch, 1)
    found = [detector.score(values[at : at + step]) for at in range(0, len(values), step)]
    return np.concatenate(found) if found else np.zeros(0, np.float32)
