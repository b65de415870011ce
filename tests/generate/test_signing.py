"""Made files are signed; what trainers and the header null see is not changed by it."""

import json
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from verascope.errors import UsageError
from verascope.generate import corpus, manifest, signing
from verascope.generate.contract import Budget
from verascope.generate.data import Listed, example_pictures
from verascope.generate.dcgan import Dcgan
from verascope.generate.fixed import Fixed
from verascope.generate.griffin_lim import GriffinLim
from verascope.generate.lpc import Lpc
from verascope.generate.pairs import Plan
from verascope.generate.reconstructor import Reconstructor
from verascope.generate.signing import MEDIA_TYPES, cached_signer, source_type
from verascope.generate.spectrum import SelfTest
from verascope.generate.splice import Splice
from verascope.generate.world import World
from verascope.provenance.certificates import dev_chain
from verascope.provenance.verify import verify
from verascope.result import Outcome
from verascope.train.corpora import items_of, read_corpora
from verascope.train.pixels import load

TEST = SelfTest(pictures=2, psnr_db=None, spectrum_auroc=0.5, spectrum_floor=0.5, peak_db=0.0)
TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[corpus.Maker]:
    generator = Dcgan.tiny()
    data = Listed(generator.examples())
    out = tmp_path_factory.mktemp("run")
    yield corpus.Maker(generator, generator.train(data, Budget(steps=2), seed=0, out=out), TEST)


def write(maker: corpus.Maker, out: Path, *, sign: bool = True) -> Path:
    plan = Plan(count=12, seed=0, sign=sign, allow_confounds=True)
    corpus.write([maker], Listed(example_pictures(96, 12)), plan, out)
    return out


def test_every_made_file_says_so_and_no_real_one(maker: corpus.Maker, tmp_path: Path) -> None:
    write(maker, tmp_path)
    rows = list(manifest.read(tmp_path / "manifest.csv"))
    formats = set()
    for row in rows:
        file = tmp_path / row.path
        with file.open("rb") as opened:
            answer = verify(opened, MEDIA_TYPES[file.suffix], ("none",))
        if row.label == "real":
            assert answer.outcome is Outcome.NONE
        else:
            formats.add(file.suffix)
            assert answer.outcome is Outcome.VALID_UNTRUSTED
            assert TYPE.encode() in file.read_bytes()
            assert b"thumbnail" not in file.read_bytes()
    assert len(formats) > 1
    told = json.loads((tmp_path / "corpus.json").read_bytes())["signed"]
    assert told["by"] == signing.NAME
    assert told["source_types"] == ["trainedAlgorithmicMedia"]


def test_a_twin_names_its_original(tmp_path: Path) -> None:
    twins = Reconstructor.tiny()
    data = Listed(example_pictures(96, 4))
    checkpoint = twins.train(data, Budget(steps=1), seed=0, out=tmp_path / "run")
    plan = Plan(count=2, seed=0, allow_confounds=True)
    corpus.write([corpus.Maker(twins, checkpoint, TEST)], data, plan, tmp_path / "twins")
    made = [r for r in manifest.read(tmp_path / "twins" / "manifest.csv") if r.label != "real"]
    assert made
    for row in made:
        file = tmp_path / "twins" / row.path
        with file.open("rb") as opened:
            answer = verify(opened, MEDIA_TYPES[file.suffix], ("none",))
        assert answer.outcome is Outcome.VALID_UNTRUSTED
        assert answer.history is not None
        [parent] = answer.history.ingredients
        assert parent.title == Path(row.path).name
        assert b"compositeWithTrainedAlgorithmicMedia" in file.read_bytes()


def test_trainers_see_the_same_pixels_signed_or_not(maker: corpus.Maker, tmp_path: Path) -> None:
    signed = write(maker, tmp_path / "signed")
    plain = write(maker, tmp_path / "plain", sign=False)
    a, b = (items_of(read_corpora([folder])) for folder in (signed, plain))
    assert len(a) == len(b) == 24
    for one, other in zip(a, b, strict=True):
        np.testing.assert_array_equal(load(one), load(other))
        assert (one.row.sha256 == other.row.sha256) == (one.row.label == "real")
    reports = [json.loads((f / "corpus.json").read_bytes()) for f in (signed, plain)]
    assert reports[0]["header_null"] == reports[1]["header_null"]
    assert reports[1]["signed"] is False


def test_a_twin_is_a_composite(maker: corpus.Maker) -> None:
    assert source_type(maker.generator) == "trainedAlgorithmicMedia"
    assert source_type(Reconstructor.tiny()) == "compositeWithTrainedAlgorithmicMedia"


@pytest.mark.parametrize("made", [GriffinLim(), Lpc(), World()], ids=lambda made: made.name)
def test_a_twin_by_rule_is_an_algorithms(made: Fixed) -> None:
    assert source_type(made) == "algorithmicMedia"  # type: ignore[arg-type]  # each is a Generator


def test_a_splice_is_a_composite_without_a_model() -> None:
    assert source_type(Splice.tiny()) == "composite"


def test_the_chain_is_made_once_and_its_key_is_private(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "signer"
    first = cached_signer(folder)
    assert cached_signer(folder) == first
    assert stat.S_IMODE((folder / "key.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [f.name for f in folder.parent.iterdir()] == ["signer"]


def test_who_comes_second_takes_the_chain_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "signer"
    first = cached_signer(folder)
    monkeypatch.setattr(signing, "_usable", lambda folder: False)
    assert cached_signer(folder) == first


def test_an_expired_chain_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "signer"
    monkeypatch.setattr(signing, "DAYS", 0.5)
    old = cached_signer(folder)
    monkeypatch.undo()
    assert cached_signer(folder) != old
    kept = [f.name for f in tmp_path.iterdir() if f.name != "signer"]
    assert len(kept) == 1
    assert str(datetime.now(UTC).year) in kept[0]


def test_a_chain_that_cannot_sign_is_told(
    maker: corpus.Maker, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "cache" / "verascope" / "generate-signer"
    cached_signer()
    assert os.listdir(folder.parent) == ["generate-signer"]
    (folder / "chain.pem").write_bytes(dev_chain().chain)  # of another key
    with pytest.raises(Exception, match="sign") as caught:
        write(maker, tmp_path / "c")
    assert not isinstance(caught.value, UsageError)
    assert not (tmp_path / "c" / "manifest.csv").exists()
