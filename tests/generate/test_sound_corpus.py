"""The corpus writer on recordings: twins by vocoders, splices, kills, bytes, credentials."""

import hashlib
import json
import signal
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from verascope.errors import UsageError
from verascope.generate import corpus, manifest
from verascope.generate.contract import Budget, Generator
from verascope.generate.data import Listed
from verascope.generate.dcgan import Dcgan
from verascope.generate.fixed import Fixed
from verascope.generate.griffin_lim import GriffinLim
from verascope.generate.lpc import Lpc
from verascope.generate.manifest import Row, read_spans
from verascope.generate.pairs import Plan, measure
from verascope.generate.signing import MEDIA_TYPES
from verascope.generate.sound_encode import SoundEncoding
from verascope.generate.sound_test import SoundTest, mel_distance
from verascope.generate.sounds import RATE, decode, example_sounds
from verascope.generate.splice import Splice
from verascope.provenance.verify import verify
from verascope.result import Outcome

GOOD = SoundTest(
    recordings=2, mel_l1=0.2, spectrum_auroc=0.5, spectrum_floor=0.5, line_db=0.0, line_hop=200
)
LOSSLESS = SoundEncoding(flac=1, wav=1, vorbis=0, opus=0, mp3=0, aac=0)


@cache
def recordings() -> Listed:
    """Twelve drawn recordings of 3 s, each a source; every fourth is dev."""
    found = []
    for item in example_sounds(3.0, n=12):
        split = "dev" if item.key % 4 == 3 else "train"
        found.append(replace(item, source=f"voice-{item.key}", split=split, origin=f"{item.key}"))
    return Listed(found)


def maker(generator: Fixed, folder: Path) -> corpus.Maker:
    made: Any = generator
    assert isinstance(made, Generator)
    checkpoint = generator.train(recordings(), Budget(steps=1), seed=0, out=folder)
    return corpus.Maker(made, checkpoint, GOOD)


def write(out: Path, *makers: corpus.Maker, jobs: int | None = None, **plan: Any) -> list[Row]:
    """Unsigned, so that bytes can be compared; returns the manifest."""
    asked = Plan(**({"count": 10, "seed": 3, "sign": False} | plan))
    corpus.write(makers, recordings(), asked, out, jobs=jobs)
    return list(manifest.read(out / "manifest.csv"))


def contents(out: Path) -> dict[str, bytes]:
    return {str(f.relative_to(out)): f.read_bytes() for f in out.rglob("*") if f.is_file()}


def test_a_twin_leaves_as_its_original_does(tmp_path: Path) -> None:
    rows = write(tmp_path / "c", maker(GriffinLim.tiny(), tmp_path / "run"))
    assert [row.label for row in rows] == ["real", "synthetic"] * 10
    for real, made in zip(rows[::2], rows[1::2], strict=True):
        for field in ("pair", "split", "source", "kind", "licence", "origin"):
            assert getattr(real, field) == getattr(made, field)
        assert (made.generator, made.family, made.spans) == ("griffin-lim", "vocoder", "")
        files = [tmp_path / "c" / row.path for row in (real, made)]
        assert files[0].suffix == files[1].suffix
        for file, row in zip(files, (real, made), strict=True):
            assert hashlib.sha256(file.read_bytes()).hexdigest() == row.sha256
        a, b = map(decode, files)
        assert abs(len(a) - len(b)) <= 1
        assert 2.0 <= len(a) / RATE <= 3.2
        assert 0 < mel_distance(a, b[: len(a)]) < 2.0
    assert {row.split for row in rows} == {"train", "dev"}
    assert len({Path(row.path).suffix for row in rows}) > 2
    told = json.loads((tmp_path / "c" / "croissant.json").read_text())
    assert "audio/*" in [part["encodingFormat"] for part in told["distribution"]]
    how = json.loads((tmp_path / "c" / "corpus.json").read_text())["how"]
    assert how["plan"]["window_s"] == [2.0, 4.0]
    assert "max_side" not in how["plan"]
    assert {"av", "soundfile"} <= how["versions"].keys()


def test_the_same_plan_gives_the_same_bytes_on_any_number_of_threads(tmp_path: Path) -> None:
    made = [maker(GriffinLim.tiny(), tmp_path / "gl"), maker(Splice.tiny(), tmp_path / "splice")]
    for name, jobs in (("a", 1), ("b", 2)):
        write(tmp_path / name, *made, jobs=jobs)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


CHILD = """
import os, signal, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
sys.path.insert(0, sys.argv[2])
import test_sound_corpus as t
from verascope.generate.writer import Writer
written = Writer.write_pair
def dying(self, generator, key, pair):
    if key == 5:
        (self.out / "real" / ".000005.flac.part").write_bytes(b"half")
        with (self.out / "journal.jsonl").open("ab") as log:
            log.write(b'{"rows":[{"pa')
        os.kill(os.getpid(), signal.SIGKILL)
    return written(self, generator, key, pair)
Writer.write_pair = dying
out = Path(sys.argv[1])
t.write(out / "cut", t.maker(t.Splice.tiny(), out / "run"), jobs=1)
"""


def test_a_killed_writer_goes_on_where_it_was(tmp_path: Path) -> None:
    here = str(Path(__file__).parent)
    child = subprocess.run([sys.executable, "-c", CHILD, str(tmp_path), here], check=False)
    assert child.returncode == -signal.SIGKILL
    cut, whole = tmp_path / "cut", tmp_path / "whole"
    assert not (cut / "manifest.csv").exists()
    journal = (cut / "journal.jsonl").read_bytes().splitlines()[1:-1]
    told = [row["path"] for line in journal for row in json.loads(line)["rows"]]
    assert told
    finished = {cut / path: (cut / path).stat().st_mtime_ns for path in told}
    for folder in (cut, whole):
        write(folder, maker(Splice.tiny(), tmp_path / "run"))
    assert all(file.stat().st_mtime_ns == before for file, before in finished.items())
    assert contents(cut) == contents(whole)


def test_the_manifest_says_which_seconds_of_a_splice_are_made(tmp_path: Path) -> None:
    rows = write(tmp_path / "c", maker(Splice(), tmp_path / "run"), sound=LOSSLESS, count=6)
    for real, made in zip(rows[::2], rows[1::2], strict=True):
        assert (real.spans, made.kind, made.label) == ("", "spliced", "synthetic")
        [(start, end)] = read_spans(made.spans)
        a, b = (decode(tmp_path / "c" / row.path) for row in (real, made))
        first, last = np.flatnonzero(a != b)[[0, -1]] / RATE
        assert start - 0.001 <= first < last <= end + 0.001
        assert last - first > 0.8 * (end - start)


def test_every_made_recording_says_so_and_no_real_one(tmp_path: Path) -> None:
    """Those that cannot be signed, Ogg files, have a file beside them that says it."""
    rows = write(tmp_path / "c", maker(Lpc.tiny(), tmp_path / "run"), sign=True, count=12)
    formats = set()
    for row in rows:
        file = tmp_path / "c" / row.path
        beside = file.with_name(f"{file.name}.json")
        assert hashlib.sha256(file.read_bytes()).hexdigest() == row.sha256
        if file.suffix not in MEDIA_TYPES:
            assert beside.exists() == (row.label != "real")
            if beside.exists():
                assert json.loads(beside.read_text())["sha256"] == row.sha256
        else:
            with file.open("rb") as opened:
                answer = verify(opened, MEDIA_TYPES[file.suffix], ("none",))
            signed = row.label != "real"
            assert answer.outcome is (Outcome.VALID_UNTRUSTED if signed else Outcome.NONE)
        formats.add(file.suffix)
    assert {".ogg", ".opus"} & formats
    assert formats & MEDIA_TYPES.keys()


def test_a_vocoder_that_forgets_the_recording_is_refused(tmp_path: Path) -> None:
    bad = maker(GriffinLim.tiny(), tmp_path / "run")._replace(
        test=msgspec.structs.replace(GOOD, mel_l1=1.6)
    )
    with pytest.raises(UsageError, match="mel distance"):
        write(tmp_path / "c", bad)


def test_pictures_and_recordings_are_never_one_corpus(tmp_path: Path) -> None:
    pictures = Dcgan.tiny()
    data = Listed(pictures.examples())
    checkpoint = pictures.train(data, Budget(steps=1), seed=0, out=tmp_path / "dcgan")
    sound = maker(Lpc.tiny(), tmp_path / "lpc")
    with pytest.raises(UsageError, match="one modality"):
        write(tmp_path / "c", sound, corpus.Maker(pictures, checkpoint, GOOD))


def test_the_self_test_hears_how_far_a_twin_is(tmp_path: Path) -> None:
    far: dict[str, float] = {}
    for kind in (GriffinLim, Lpc):
        made: Any = kind()
        test = measure(made, recordings(), Plan(count=1, seed=0), pilot=12)
        assert isinstance(test, SoundTest)
        assert test.mel_l1 is not None
        far[kind.name] = test.mel_l1
    assert 0 < far["griffin-lim"] < far["lpc"] < 1.0
