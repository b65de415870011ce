"""Fingerprints of sound: how far copies are from their recording, and strangers from each other.

    python benchmarks/audio_fingerprints.py ../shared/corpora/audio [--json results.json]

Clips of the corpus are too short for Chromaprint, so recordings are made of several real train
clips each, one after the other, no clip in two of them. Distances are bits of 256 at the best
alignment, by trying each; `found` is the share that the registry's index finds at its threshold.
"""

import argparse
import csv
import io
import json
import math
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from verascope.provenance.chromaprint import RATE, words
from verascope.provenance.fingerprint import KINDS, fingerprint, usable
from verascope.provenance.sequences import BITS, LEAST_SHARE, LEAST_WORDS, Sequences, Words
from verascope.result import Modality

KIND = KINDS[Modality.AUDIO]
CLIPS = (4, 7, 14)  # of a recording: about 9, 16 and 31 seconds
PHONE_HZ = (300, 3400)
LOOK_UPS = 20
RECORDINGS, WORDS = 2000, 2000  # of the registry that look-ups are timed in: 139 hours

Samples = NDArray[np.int16]


def main() -> None:
    """Measure, print, write JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    clips = list(read(asked.corpus))
    facts = {
        "threshold": KIND.max_distance,
        "recordings": [of_length(clips, count) for count in CLIPS],
        "cost": cost(clips),
    }
    text = json.dumps(facts, indent=1)
    print(text)
    if asked.json:
        asked.json.write_text(text + "\n")


def read(corpus: Path) -> Iterator[Samples]:
    """The real train clips, mono at 16 kHz."""
    with (corpus / "manifest.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if (row["split"], row["label"]) == ("train", "real"):
                clip, rate = soundfile.read(corpus / row["path"], always_2d=True)
                yield whole(soxr.resample(clip.mean(1), rate, RATE))


def of_length(clips: list[Samples], count: int) -> dict[str, Any]:
    """Recordings of so many clips: their copies, and each with each other."""
    order = np.random.default_rng(0).permutation(len(clips))
    groups = [order[start : start + count] for start in range(0, len(order) - count + 1, count)]
    recordings = [np.concatenate([clips[each] for each in group]) for group in groups]
    prints = [words(each) for each in recordings]
    index = Sequences([each.tobytes() for each in prints])
    return {
        "clips": count,
        "recordings": len(recordings),
        "seconds": round(sum(map(len, recordings)) / RATE / len(recordings), 1),
        "usable": sum(usable(fingerprint(each, Modality.AUDIO)) for each in recordings),
        "copies": {name: copies(recordings, prints, index, way) for name, way in WAYS.items()},
        "strangers": strangers(prints, index),
    }


def copies(
    recordings: list[Samples],
    prints: list[Words],
    index: Sequences,
    way: Callable[[Samples], Samples],
) -> dict[str, Any]:
    """How far each recording's copy is from it, and whether the index gives it first."""
    distances, first = [], 0
    for row, recording in enumerate(recordings):
        copy = words(way(recording))
        distances.append(distance(prints[row], copy))
        near = index.near(copy.tobytes(), KIND.max_distance)
        first += bool(near) and near[0].row == row
    within = sum(each <= KIND.max_distance for each in distances)
    return {
        "median": float(np.median(distances)),
        "95 %": float(np.quantile(distances, 0.95)),
        "most": max(distances),
        "within": within / len(distances),
        "found": first / len(distances),
    }


def strangers(prints: list[Words], index: Sequences) -> dict[str, Any]:
    """The distances of different recordings, and those that the index takes for copies."""
    distances = [distance(one, other) for i, one in enumerate(prints) for other in prints[:i]]
    false = sum(len(index.near(each.tobytes(), KIND.max_distance)) - 1 for each in prints)
    return {
        "pairs": len(distances),
        "least": min(distances),
        "0.1 %": float(np.quantile(distances, 0.001)),
        "median": float(np.median(distances)),
        "false_matches": false // 2,
    }


def distance(one: Words, other: Words) -> int:
    """Bits of 256 that differ at the best alignment with enough in common."""
    least = max(LEAST_WORDS, math.ceil(LEAST_SHARE * min(len(one), len(other))))
    found = BITS
    for shift in range(least - len(other), len(one) - least + 1):
        first, last = max(0, shift), min(len(one), shift + len(other))
        differ = np.bitwise_count(one[first:last] ^ other[first - shift : last - shift])
        found = min(found, round(BITS * float(differ.mean()) / 32))
    return found


def cost(clips: list[Samples]) -> dict[str, float]:
    """Time to take a fingerprint, and to look one up among many, in milliseconds."""
    chance = np.random.default_rng(0)
    minute = np.concatenate(clips[:40])[: 60 * RATE]
    start = time.perf_counter()
    mine = words(minute)
    taken = time.perf_counter() - start
    # Real words in another order: as many of each as there are in sound.
    pool = words(np.concatenate(clips))
    index = Sequences([chance.choice(pool, WORDS).tobytes() for _ in range(RECORDINGS)])
    start = time.perf_counter()
    for _ in range(LOOK_UPS):
        index.near(mine.tobytes(), KIND.max_distance)
    looked = (time.perf_counter() - start) / LOOK_UPS
    return {
        "fingerprint_ms_a_minute": round(1000 * taken, 1),
        "look_up_ms_of_a_minute": round(1000 * looked, 1),
        "registered_words": RECORDINGS * WORDS,
    }


def coded(codec: str, container: str, bits: int) -> Callable[[Samples], Samples]:
    """Through an encoder at so many bits a second, and back to 16 kHz."""

    def way(samples: Samples) -> Samples:
        held = io.BytesIO()
        rate = 48_000 if codec == "libopus" else RATE
        with av.open(held, "w", format=container) as out:
            stream = out.add_stream(codec, rate=rate, layout="mono")
            stream.bit_rate = bits
            given = whole(soxr.resample(samples / 32768, RATE, rate))
            frame = av.AudioFrame.from_ndarray(given[None], format="s16", layout="mono")
            frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), 0
            for each in (frame, None):
                out.mux(stream.encode(each))
        held.seek(0)
        with av.open(held, format=container) as back:
            resampler = av.AudioResampler("s16", "mono", RATE)
            frames = [f for each in back.decode(audio=0) for f in resampler.resample(each)]
        found: Samples = np.concatenate([each.to_ndarray()[0] for each in frames])
        return found

    return way


def telephone(samples: Samples) -> Samples:
    """300 to 3400 Hz at 8 kHz, in G.711's mu-law."""
    narrow = soxr.resample(samples / 32768, RATE, 8000)
    bands = np.fft.rfft(narrow)
    hertz = np.fft.rfftfreq(len(narrow), 1 / 8000)
    bands[(hertz < PHONE_HZ[0]) | (hertz > PHONE_HZ[1])] = 0
    held = io.BytesIO()
    soundfile.write(held, np.fft.irfft(bands, len(narrow)), 8000, format="WAV", subtype="ULAW")
    held.seek(0)
    return whole(soxr.resample(soundfile.read(held)[0], 8000, RATE))


def noisy(samples: Samples) -> Samples:
    """White noise, 20 dB below."""
    values = samples / 32768
    noise = np.random.default_rng(1).normal(0, np.sqrt((values**2).mean() / 100), len(values))
    return whole(values + noise)


def excerpt(samples: Samples) -> Samples:
    """The middle three fifths, off the fingerprint's own steps."""
    return samples[len(samples) // 5 + 777 : -len(samples) // 5]


def whole(values: NDArray[np.floating[Any]]) -> Samples:
    """Floats of -1 to 1 as int16."""
    return np.asarray(np.round(np.clip(values, -1, 1) * 32767), np.int16)


WAYS: dict[str, Callable[[Samples], Samples]] = {
    "opus 32k": coded("libopus", "ogg", 32_000),
    "mp3 96k": coded("libmp3lame", "mp3", 96_000),
    "aac 64k": coded("aac", "adts", 64_000),
    "a quarter of the level": lambda samples: (samples // 4).astype(np.int16),
    "noise at 20 dB": noisy,
    "cut off 62 ms": lambda samples: samples[1000:],
    "excerpt": excerpt,
    "excerpt, opus 32k": lambda samples: coded("libopus", "ogg", 32_000)(excerpt(samples)),
    "telephone": telephone,
    "excerpt, telephone": lambda samples: telephone(excerpt(samples)),
    "5 % faster": lambda samples: whole(soxr.resample(samples / 32768, 1.05 * RATE, RATE)),
}

if __name__ == "__main__":
    main()
