"""Tensors out of a checkpoint of torch, without torch.

The file is a zip with a pickle that names tensors and one file of bytes for each. Its pickle can
name four things and call two of them; all others are refused, as `torch.load(weights_only=True)`
does.
"""

import io
import pickle
import zipfile
from collections import OrderedDict
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from verascope.errors import UsageError

STORAGES = {"FloatStorage": "<f4", "LongStorage": "<i8"}


def read(data: bytes) -> dict[str, Any]:
    """What a checkpoint holds; its tensors are arrays.

    Raises:
        UsageError: it is no checkpoint, or holds more than tensors in dictionaries.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            names = [name for name in packed.namelist() if name.endswith("/data.pkl")]
            root = names[0].removesuffix("data.pkl")
            found = _Tensors(packed, root).load()
    except (zipfile.BadZipFile, pickle.UnpicklingError, LookupError, ValueError) as error:
        raise UsageError(f"not a checkpoint of torch with tensors alone ({error})") from error
    if not isinstance(found, dict):
        raise UsageError("not a checkpoint of torch with a dictionary")
    return found


class _Tensors(pickle.Unpickler):
    """Reads the pickle; knows only what tensors need."""

    def __init__(self, packed: zipfile.ZipFile, root: str) -> None:
        super().__init__(io.BytesIO(packed.read(f"{root}data.pkl")))
        self._packed, self._root = packed, root

    def find_class(self, module: str, name: str) -> Any:
        """The few globals that may be named."""
        if module == "torch" and name in STORAGES:
            return np.dtype(STORAGES[name])
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        raise pickle.UnpicklingError(f"{module}.{name} is not a tensor")

    def persistent_load(self, pid: Any) -> NDArray[Any]:
        """A tensor's bytes: ("storage", type, key, place, numbers)."""
        _, kind, key, _, numbers = pid
        values = np.frombuffer(self._packed.read(f"{self._root}data/{key}"), kind)
        if len(values) != numbers:
            raise ValueError(f"storage {key} has {len(values)} numbers, not {numbers}")
        return values


def _tensor(
    storage: NDArray[Any], offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any
) -> NDArray[Any]:
    """A view of a storage, in a copy of its own."""
    reach = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    if min(offset, *shape, *strides, 0) < 0 or reach >= len(storage):
        raise ValueError("a tensor reaches out of its storage")
    steps = tuple(step * storage.itemsize for step in strides)
    return as_strided(storage[offset:], shape, steps, writeable=False).copy()
