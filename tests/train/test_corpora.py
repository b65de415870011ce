from collections.abc import Callable
from pathlib import Path

import pytest

from verascope.errors import UsageError
from verascope.generate.manifest import Row, write
from verascope.train.corpora import headline, items_of, read_corpora
from verascope.train.pixels import PixelStore, load


def test_a_manifest_is_read_by_split(toy: Path) -> None:
    train, dev = (items_of(read_corpora([toy], split)) for split in ("train", "dev"))
    assert {item.row.source for item in dev} == {"real-3", "synthetic-3"}
    assert len(train) == 25
    assert len(headline(train)) == 24


@pytest.mark.parametrize(
    ("kind", "label", "counts"),
    [
        ("superres", "edited", False),
        ("stylised-photo", "edited", False),
        ("reconstruction", "synthetic", False),
        ("inpainted", "synthetic", False),
        ("photo", "synthetic", True),
    ],
)
def test_edited_kinds_stand_outside_the_headline(
    tmp_path: Path, kind: str, label: str, counts: bool
) -> None:
    write(tmp_path / "manifest.csv", [Row(path="a", label="synthetic", source="s", kind=kind)])
    (item,) = items_of(read_corpora([tmp_path], "train"))
    assert (item.row.label, item.headline) == (label, counts)


def test_folders_named_real_and_synthetic_are_a_corpus(folders: Callable[[int], Path]) -> None:
    (corpus,) = read_corpora([folders(2)], "train")
    found = {(item.row.label, item.row.source) for item in corpus.items}
    assert found == {(label, f"{label}/s{n}") for label in ("real", "synthetic") for n in (0, 1)}
    assert len(corpus.manifest_sha256) == 64


def test_a_folder_that_is_no_corpus_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="neither"):
        read_corpora([tmp_path], "train")


def test_an_unknown_label_is_named(tmp_path: Path) -> None:
    write(tmp_path / "manifest.csv", [Row(path="a", label="fake", source="s")])
    with pytest.raises(UsageError, match="'fake'"):
        read_corpora([tmp_path], "train")


def test_a_file_that_was_changed_is_refused(folders: Callable[[int], Path]) -> None:
    item = items_of(read_corpora([folders(1)], "train"))[0]
    assert load(item).shape == (216, 216, 3)
    data = bytearray(item.file.read_bytes())
    item.file.write_bytes(data + b"x")
    with pytest.raises(UsageError, match="sha256"):
        load(item)


def test_the_store_keeps_within_its_bound(toy: Path) -> None:
    items = items_of(read_corpora([toy], "train"))
    store = PixelStore(items, max_bytes=216 * 216 * 3)
    assert store[0] is store[0]
    assert store[1] is not store[1]


def test_the_shared_corpus_is_as_its_readme_says(shared: Path) -> None:
    train, dev = (headline(items_of(read_corpora([shared], s))) for s in ("train", "dev"))
    counts = [
        (sum(item.row.label == label for item in items))
        for items in (train, dev)
        for label in ("real", "synthetic")
    ]
    assert counts == [1188, 1115, 422, 315]
