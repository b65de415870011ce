"""Shards: the same bytes every time, nothing lost, pairs together."""

import json
import tarfile
from pathlib import Path

import pytest

from verascope.errors import UsageError
from verascope.generate import corpus, manifest
from verascope.generate.contract import Budget
from verascope.generate.data import Listed, example_pictures
from verascope.generate.inpainter import Inpainter
from verascope.generate.members import places
from verascope.generate.pairs import Plan
from verascope.generate.shards import write_shards
from verascope.generate.spectrum import SelfTest

TEST = SelfTest(pictures=2, psnr_db=20.0, spectrum_auroc=1.0, spectrum_floor=0.5, peak_db=9.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small corpus with masks."""
    generator, place = Inpainter.tiny(), tmp_path_factory.mktemp("corpus")
    data = Listed(generator.examples())
    checkpoint = generator.train(data, Budget(steps=1), seed=0, out=place / "run")
    plan = Plan(count=8, seed=0, allow_confounds=True)
    makers = [corpus.Maker(generator, checkpoint, TEST)]
    corpus.write(makers, Listed(example_pictures(80, 8)), plan, place / "c")
    return place / "c"


def test_every_row_is_there_with_its_file_and_mask(folder: Path, tmp_path: Path) -> None:
    (shard,) = write_shards(folder, tmp_path)
    assert shard.path == "train-000000.tar"
    rows = {row.path: row for row in manifest.read(folder / "manifest.csv")}
    with tarfile.open(tmp_path / shard.path) as tar:
        held = {m.name: tar.extractfile(m).read() for m in tar}  # type: ignore[union-attr]
        assert {(m.uid, m.gid, m.mtime, m.uname) for m in tar} == {(0, 0, 0, "")}
    told = [json.loads(content) for name, content in held.items() if name.endswith(".json")]
    assert {row["path"] for row in told} == rows.keys()
    for row in told:
        key = row["path"].replace("/", "-").rpartition(".")[0]
        suffix = row["path"].rpartition(".")[2]
        assert held[f"{key}.{suffix}"] == (folder / row["path"]).read_bytes()
        assert (f"{key}.mask.png" in held) == (row["label"] == "synthetic")


def test_the_same_corpus_gives_the_same_bytes_in_shards_of_any_size(
    folder: Path, tmp_path: Path
) -> None:
    for name in "ab":
        write_shards(folder, tmp_path / name, max_bytes=60_000)
    a, b = ({f.name: f.read_bytes() for f in (tmp_path / n).iterdir()} for n in "ab")
    assert a == b
    index = json.loads(a["shards.json"])
    assert len(index["shards"]) > 1
    assert sum(shard["samples"] for shard in index["shards"]) == 16
    pairs = []
    for shard in index["shards"]:
        with tarfile.open(tmp_path / "a" / shard["path"]) as tar:
            found = {
                json.loads(tar.extractfile(m).read())["pair"]  # type: ignore[union-attr]
                for m in tar
                if m.name.endswith(".json")
            }
        pairs.append(found)
    assert sum(map(len, pairs)) == len(set.union(*pairs)) == 8


def test_a_changed_file_or_an_unfinished_corpus_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no finished corpus"):
        write_shards(tmp_path, tmp_path / "out")
    row = next(manifest.read(folder / "manifest.csv"))
    before = (folder / row.path).read_bytes()
    (folder / row.path).write_bytes(before + b"x")
    with pytest.raises(UsageError, match="not what the manifest says"):
        write_shards(folder, tmp_path / "out")
    (folder / row.path).write_bytes(before)


def test_the_metadata_is_valid_croissant(folder: Path) -> None:
    """With the reference implementation."""
    import mlcroissant  # takes a second, and one test alone needs it

    dataset = mlcroissant.Dataset(jsonld=folder / "croissant.json")
    assert not dataset.metadata.issues.errors
    records = list(dataset.records("rows"))
    rows = list(manifest.read(folder / "manifest.csv"))
    assert [record["rows/path"].decode() for record in records] == [row.path for row in rows]


def test_the_corpus_is_not_packed_into_its_own_folder(folder: Path) -> None:
    with pytest.raises(UsageError, match="folder of their own"):
        write_shards(folder, folder)
    assert (folder / "manifest.csv").is_file()


def test_masks_are_found_among_the_members(folder: Path, tmp_path: Path) -> None:
    write_shards(folder, tmp_path)
    made = [row for row in manifest.read(folder / "manifest.csv") if row.mask]
    as_rows = [
        manifest.Row(path=row.mask, label="", source="", bytes=(folder / row.mask).stat().st_size)
        for row in made
    ]
    for row, place in zip(made, places(tmp_path, as_rows), strict=True):
        assert place.read() == (folder / row.mask).read_bytes()
