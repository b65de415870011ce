"""Checkpoints of torch, read without torch."""

import io
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.encoders import oracles
from verascope.encoders import checkpoint
from verascope.errors import UsageError


def saved(value: object) -> bytes:
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


def test_the_public_one_is_read_as_torch_reads_it(sound_wheels: list[Path]) -> None:
    source = oracles.source_of("distillmos", sound_wheels)
    wanted = torch.load(io.BytesIO(source), weights_only=True)["model"]
    found = checkpoint.read(source)["model"]
    assert list(found) == list(wanted)
    for name, tensor in wanted.items():
        np.testing.assert_array_equal(found[name], tensor.numpy())


def test_views_keep_their_order() -> None:
    base = torch.arange(24.0).reshape(4, 6)
    given = {"turned": base.T, "part": base[1:3, 2:5], "none": base[:0], "one": torch.tensor(7)}
    found = checkpoint.read(saved(given))
    for name, tensor in given.items():
        np.testing.assert_array_equal(found[name], tensor.numpy())


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("false",)


@pytest.mark.parametrize("value", [{"x": Evil()}, [1, 2], {"x": torch.float32}])
def test_other_things_are_refused(value: object) -> None:
    with pytest.raises(UsageError, match="not a checkpoint"):
        checkpoint.read(saved(value))


@pytest.mark.parametrize("data", [b"", b"PK\x05\x06" + bytes(18), pickle.dumps({})])
def test_no_checkpoint_is_refused(data: bytes) -> None:
    with pytest.raises(UsageError, match="not a checkpoint"):
        checkpoint.read(data)


def test_a_tensor_larger_than_its_storage_is_refused() -> None:
    data, changed = saved({"x": torch.zeros(8)}), io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, content[:-4] if name.endswith("data/0") else content)
    with pytest.raises(UsageError, match="not a checkpoint"):
        checkpoint.read(changed.getvalue())
