"""The generators that change a real picture: labels, masks, and what they leave alone."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from verascope.errors import UsageError
from verascope.generate import corpus, manifest
from verascope.generate.contract import Budget, Transformer
from verascope.generate.cyclegan import CycleGan, CycleGanConfig, Pool
from verascope.generate.data import Listed, decode, example_pictures, open_pictures
from verascope.generate.inpainter import Inpainter, InpainterConfig, rectangle
from verascope.generate.kinds import two_kinds
from verascope.generate.pairs import Plan
from verascope.generate.spectrum import SelfTest
from verascope.generate.upscaler import Upscaler
from verascope.train.corpora import items_of, read_corpora

TEST = SelfTest(pictures=2, psnr_db=20.0, spectrum_auroc=1.0, spectrum_floor=0.5, peak_db=9.0)


def written(generator: Transformer, folder: Path) -> list[manifest.Row]:
    checkpoint = generator.train(
        Listed(generator.examples()), Budget(steps=2), seed=0, out=folder / "run"
    )
    plan = Plan(count=5, seed=0, allow_confounds=True)
    data = Listed(example_pictures(80, 6))
    corpus.write([corpus.Maker(generator, checkpoint, TEST)], data, plan, folder / "c")
    return list(manifest.read(folder / "c" / "manifest.csv"))


@pytest.mark.parametrize("kind", [Upscaler, CycleGan])
def test_what_only_edits_is_labelled_so(kind: type[Transformer], tmp_path: Path) -> None:
    made = [row for row in written(kind.tiny(), tmp_path) if row.label != "real"]
    assert {row.label for row in made} == {"edited"}
    assert {row.path.partition("/")[0] for row in made} == {"edited"}
    items = items_of(read_corpora([tmp_path / "c"]))
    assert [item.headline for item in items] == [True, False] * 5
    described = json.loads((tmp_path / "c" / "croissant.json").read_bytes())
    assert described["distribution"][2]["includes"] == ["edited/*", "real/*"]


def test_an_inpainted_picture_keeps_its_mask_and_all_outside_it(tmp_path: Path) -> None:
    rows = written(Inpainter.tiny(), tmp_path)
    made = [row for row in rows if row.label == "synthetic"]
    assert {row.kind for row in made} == {"inpainted"}
    assert not any(item.headline for item in items_of(read_corpora([tmp_path / "c"]))[1::2])
    for row in made:
        mask = decode(tmp_path / "c" / row.mask)
        assert set(np.unique(mask)) == {0, 255}
        assert mask.shape == decode(tmp_path / "c" / row.path).shape


def test_the_hole_alone_is_made(tmp_path: Path) -> None:
    generator = Inpainter.tiny()
    generator.train(Listed(generator.examples()), Budget(steps=2), seed=0, out=tmp_path)
    items = example_pictures(65, 4)
    for item, made in zip(items, generator.transform(items, 3), strict=True):
        assert made.mask is not None
        inside = made.mask > 0
        assert 0.02 < inside.mean() < 0.3
        np.testing.assert_array_equal(made.media[~inside], item.media[~inside])
        assert (made.media[inside] != item.media[inside]).any()


def test_a_hole_lies_in_the_picture_whatever_is_drawn() -> None:
    config = InpainterConfig()
    for numbers in ((0, 0, 0, 0), (1, 1, 0.999, 0.999), (0.5, 1, 0.999, 0)):
        rows, columns = rectangle(numbers, (64, 100), config)
        assert 0 <= rows.start < rows.stop <= 64
        assert 0 <= columns.start < columns.stop <= 100
        assert rows.stop - rows.start in range(13, 33)


def test_two_folders_are_two_kinds(tmp_path: Path) -> None:
    for item in example_pictures(40, 6):
        folder = tmp_path / ("summer", "winter", "autumn")[item.key % 3]
        folder.mkdir(exist_ok=True)
        Image.fromarray(item.media).save(folder / f"{item.key}.png")
    data = open_pictures(tmp_path)
    with pytest.raises(UsageError, match=r"two kinds.*autumn, summer, winter"):
        two_kinds(data, "", "")
    with pytest.raises(UsageError, match="two kinds"):
        two_kinds(data, "summer", "spring")
    a, b = two_kinds(data, "winter", "summer")
    assert {item.source for item in a} == {"winter"}
    assert {item.source for item in b} == {"summer"}


def test_the_direction_is_part_of_the_config(tmp_path: Path) -> None:
    forth = CycleGan.tiny()
    checkpoint = forth.train(Listed(forth.examples()), Budget(steps=2), seed=0, out=tmp_path)
    back = CycleGan(CycleGanConfig(direction="to-first"))
    with pytest.raises(UsageError, match="config_sha256"):
        back.load(checkpoint)


def test_the_pool_shows_earlier_pictures_half_the_time() -> None:
    import torch

    noise = torch.Generator().manual_seed(0)
    pool = Pool(8)
    pictures = torch.arange(400.0).view(400, 1, 1, 1)
    shown = torch.cat([pool.swap(batch, noise) for batch in pictures.view(100, 4, 1, 1, 1)])
    fresh = (shown == pictures).float().mean()
    assert 0.4 < fresh < 0.65
    assert len(pool.kept) == 8
    assert torch.equal(Pool(0).swap(pictures, noise), pictures)


def test_examples_of_a_cyclegan_are_of_two_kinds() -> None:
    examples = CycleGan.tiny().examples()
    assert len({item.source for item in examples}) == 2
