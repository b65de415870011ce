from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from verascope.errors import InputTrouble, UsageError
from verascope.generate import manifest
from verascope.generate.contract import item_rng
from verascope.generate.data import (
    Crops,
    Listed,
    crop,
    crop_origin,
    decode,
    example_pictures,
    open_pictures,
)
from verascope.generate.manifest import Row


def save(file: Path, k: int = 0, side: int = 80) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(example_pictures(side, k + 1)[k].media).save(file)


def test_a_flat_folder_is_one_source_and_all_train(tmp_path: Path) -> None:
    for k in range(3):
        save(tmp_path / f"{k}.png", k)
    (tmp_path / "notes.txt").write_text("no picture")
    data = open_pictures(tmp_path)
    assert len(data) == 3
    assert {(item.source, item.split) for item in data} == {(tmp_path.name, "train")}


def test_subfolders_are_sources_and_each_lies_in_one_split(tmp_path: Path) -> None:
    for k in range(12):
        save(tmp_path / f"album{k % 6}" / f"{k}.png", k)
    data = open_pictures(tmp_path)
    splits: dict[str, set[str]] = {}
    for item in data:
        splits.setdefault(item.source, set()).add(item.split)
    assert len(splits) == 6
    assert all(len(found) == 1 for found in splits.values())
    assert len(data.only("train")) + len(data.only("dev")) == 12
    assert [i.split for i in open_pictures(tmp_path)] == [i.split for i in data]


def test_of_a_corpus_only_real_train_pictures_are_taken(tmp_path: Path) -> None:
    rows = []
    for k, (label, split) in enumerate(
        [("real", "train"), ("synthetic", "train"), ("real", "dev")]
    ):
        save(tmp_path / f"{k}.png", k)
        rows.append(Row(path=f"{k}.png", label=label, source=f"s{k}", split=split, licence="CC0"))
    manifest.write(tmp_path / "manifest.csv", rows)
    data = open_pictures(tmp_path)
    assert [(item.source, item.licence) for item in data] == [("s0", "CC0")]


def test_a_folder_without_pictures_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no real pictures"):
        open_pictures(tmp_path)
    with pytest.raises(UsageError, match="not a folder"):
        open_pictures(tmp_path / "none")


def test_the_hash_follows_the_content(tmp_path: Path) -> None:
    save(tmp_path / "a.png", 0)
    before = open_pictures(tmp_path).sha256
    assert open_pictures(tmp_path).sha256 == before
    save(tmp_path / "a.png", 1)
    assert open_pictures(tmp_path).sha256 != before


def test_pictures_come_upright_and_in_rgb(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("L", (40, 20), 128).save(tmp_path / "a.jpg", exif=exif)
    assert decode(tmp_path / "a.jpg").shape == (40, 20, 3)


def test_a_broken_picture_does_not_end_the_training(tmp_path: Path) -> None:
    for k in range(4):
        save(tmp_path / f"{k}.png", k)
    whole = (tmp_path / "0.png").read_bytes()
    (tmp_path / "0.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "1.png").write_bytes(b"")
    data = open_pictures(tmp_path)
    with pytest.raises(InputTrouble):
        data[0]
    assert Crops(data, 32, seed=0).batch(8).shape == (8, 3, 32, 32)


def test_crops_can_be_taken_up_again() -> None:
    data = Listed(example_pictures(48))
    crops = Crops(data, 32, seed=1)
    crops.batch(4)
    state = crops.rng.bit_generator.state
    expected = crops.batch(4)
    other = Crops(data, 32, seed=1)
    other.rng.bit_generator.state = state
    np.testing.assert_array_equal(other.batch(4), expected)


def test_whole_pictures_are_scaled_to_the_side() -> None:
    assert Crops(Listed(example_pictures(100)), 32, seed=0, whole=True).batch(2).shape[-1] == 32
    with pytest.raises(UsageError, match="short side of 32"):
        Crops(Listed(example_pictures(20)), 32, seed=0).batch(1)


def test_a_crop_knows_where_it_is_from() -> None:
    media = example_pictures(50)[0].media
    window, (x, y) = crop(media, 20, 30, item_rng(0, 1))
    np.testing.assert_array_equal(window, media[y : y + 20, x : x + 30])
    assert crop_origin("a/b.jpg", 20, 30, x, y) == f"a/b.jpg#crop=30x20+{x}+{y}"
    assert crop_origin("a#crop=9x9+0+0", 2, 3, 4, 5) == "a#crop=9x9+0+0;then-crop=3x2+4+5"
