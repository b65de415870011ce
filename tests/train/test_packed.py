"""A corpus in tar shards is the same corpus: same items, same pixels, same model."""

import hashlib
import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner, Result

from verascope.cli.train import train
from verascope.detect.image_residual import ImageResidual
from verascope.errors import UsageError
from verascope.generate.data import open_pictures
from verascope.generate.manifest import MANIFEST, Row, read, write
from verascope.generate.shards import write_shards
from verascope.train.corpora import items_of, read_corpora
from verascope.train.pixels import load


@pytest.fixture(scope="module")
def both(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The toy corpus with its hashes, as files and in several shards, by the same name."""
    place = tmp_path_factory.mktemp("packed")
    loose, packed = place / "loose" / "corpus", place / "packed" / "corpus"
    loose.mkdir(parents=True)
    rows = []
    for row in read(toy / MANIFEST):
        content = (toy / row.path).read_bytes()
        (loose / row.path).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        rows.append(msgspec.structs.replace(row, sha256=digest, bytes=len(content)))
    write(loose / MANIFEST, rows)
    (loose / "corpus.json").write_text("{}")
    shards = write_shards(loose, packed, max_bytes=1_000_000)
    assert {shard.path.partition("-")[0] for shard in shards} == {"train", "dev"}
    assert len(shards) > 3
    return loose, packed


def run(*arguments: object) -> Result:
    done = CliRunner().invoke(train, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    return done


def test_items_hashes_and_pixels_are_those_of_the_files(both: tuple[Path, Path]) -> None:
    loose, packed = ([*read_corpora([folder])] for folder in both)
    assert [c.manifest_sha256 for c in loose] == [c.manifest_sha256 for c in packed]
    for split in ("train", "dev", None):
        files, members = (items_of(read_corpora([folder], split)) for folder in both)
        assert [(item.row, item.headline) for item in files] == [
            (item.row, item.headline) for item in members
        ]
        for file, member in zip(files, members, strict=True):
            assert hashlib.sha256(member.place.read()).hexdigest() == file.row.sha256
            assert member.place.size == file.place.size == file.row.bytes
            np.testing.assert_array_equal(load(file), load(member))
    assert not list(both[1].rglob("*.png"))  # nothing was unpacked


def test_training_and_measuring_give_the_same(both: tuple[Path, Path], tmp_path: Path) -> None:
    models = []
    for folder in both:
        out = tmp_path / folder.parent.name
        run("image", "--corpus", folder, "--out", out, "--recipe", "tiny")
        models.append(out / "model")
    loose, packed = (np.load(model / "reference.npz")["logits"] for model in models)
    np.testing.assert_allclose(loose, packed, atol=1e-4)
    first, second = (ImageResidual(model).folder.description for model in models)
    assert first.training["corpora"] == second.training["corpora"]
    told = [
        json.loads(run("evaluate", models[0], "--corpus", f, "--split", "dev").stdout) for f in both
    ]
    assert told[0] == told[1]


def test_generators_take_their_pictures_from_shards_too(both: tuple[Path, Path]) -> None:
    loose, packed = (open_pictures(folder) for folder in both)
    assert loose.sha256 == packed.sha256
    for k in range(len(loose)):
        np.testing.assert_array_equal(loose[k].media, packed[k].media)


def test_a_member_that_was_changed_is_refused(both: tuple[Path, Path], tmp_path: Path) -> None:
    write_shards(both[0], tmp_path)
    (item, *_) = items_of(read_corpora([tmp_path], "train"))
    assert item.span is not None
    with item.file.open("r+b") as shard:
        shard.seek(item.span.start + item.span.size - 1)
        shard.write(b"x")
    with pytest.raises(UsageError, match=r"tar: .*is not the file that its manifest names"):
        load(item)


def test_an_unknown_label_is_named_with_its_shard(both: tuple[Path, Path], tmp_path: Path) -> None:
    write_shards(both[0], tmp_path)
    rows = [msgspec.structs.replace(row, label="fake") for row in read(tmp_path / MANIFEST)]
    write(tmp_path / MANIFEST, rows)
    with pytest.raises(UsageError, match=r"tar: .*unknown label 'fake'"):
        read_corpora([tmp_path])


def test_a_folder_of_pictures_may_hold_a_members_list_of_its_own(toy: Path, tmp_path: Path) -> None:
    """Only beside a manifest does members.csv mean shards."""
    (tmp_path / "a.png").write_bytes((toy / "edited.png").read_bytes())
    (tmp_path / "members.csv").write_text("name,since\nAnn,2020\n")
    assert len(open_pictures(tmp_path)) == 1
    assert isinstance(open_pictures(tmp_path).rows[0], Row)
