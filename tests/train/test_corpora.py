from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from verascope.errors import UsageError
from verascope.generate.manifest import Row, write
from verascope.media.image import decode, read_header
from verascope.media.types import sniff
from verascope.settings import Limits
from verascope.train.corpora import Item, headline, items_of, read_corpora
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


def _odd_pictures(folder: Path) -> list[Path]:
    """Alpha, 16 bits, and a JPEG that lies on its side."""
    rng = np.random.default_rng(0)
    rgba = rng.integers(0, 256, (80, 100, 4), np.uint8)
    Image.fromarray(rgba).save(folder / "alpha.png")
    grey = rng.integers(0, 65536, (80, 100)).astype(np.uint16)
    Image.fromarray(grey).save(folder / "deep.png")
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(rgba[..., :3]).save(folder / "turned.jpg", exif=turned)
    return [folder / name for name in ("alpha.png", "deep.png", "turned.jpg")]


def test_pictures_are_decoded_as_scanning_decodes_them(tmp_path: Path) -> None:
    for file in _odd_pictures(tmp_path):
        data, limits = file.read_bytes(), Limits()
        media_type = sniff(data)
        seen = decode(data, media_type, read_header(data, media_type, limits), limits).pixels
        pixels = load(Item(file, Row(path=file.name, label="real", source="s"), True))
        assert pixels.flags.c_contiguous
        np.testing.assert_array_equal(pixels, seen)
        assert pixels.shape == ((100, 80, 3) if file.suffix == ".jpg" else (80, 100, 3))


@pytest.mark.parametrize("cut", [10, 900])
def test_a_broken_file_is_named_with_what_to_do(tmp_path: Path, cut: int) -> None:
    file = _odd_pictures(tmp_path)[2]
    file.write_bytes(file.read_bytes()[:-cut] if cut > 10 else b"nothing of ours")
    with pytest.raises(UsageError, match=r"turned\.jpg: .*mend the corpus"):
        load(Item(file, Row(path=file.name, label="real", source="s"), True))
