"""In the parent: what a worker sent, looked at before it is believed."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from verascope.detect.contract import Array, Detector, Windows
from verascope.errors import InputTrouble
from verascope.result import Reason

T = TypeVar("T")


def decoded(data: bytes, kind: type[T]) -> T:
    """A message as what it must be.

    Raises:
        InputTrouble: it is something else; then the worker was taken over, or has a fault.
    """
    try:
        found: T = msgspec.msgpack.decode(data, type=kind)
    except (msgspec.DecodeError, ValueError) as error:
        raise InputTrouble(
            Reason.WORKER_CRASHED, f"the worker sent something else: {error}"
        ) from error
    return found


def windows(
    names: Sequence[str], arrays: Sequence[Array], detectors: Mapping[str, Any], most: int
) -> dict[str, Windows]:
    """Arrays as windows of the detectors that are named, values and places in turn.

    Args:
        names: of the detectors, as the worker gave them.
        arrays: two for each.
        detectors: by name.
        most: windows of one detector.

    Raises:
        InputTrouble: they cannot be its own; then the worker was taken over, or has a fault.
    """
    if len(arrays) != 2 * len(names):
        raise InputTrouble(Reason.WORKER_CRASHED, "the worker sent other windows than it names")
    found = {}
    for name, values, places in zip(names, arrays[::2], arrays[1::2], strict=True):
        detector: Detector | None = detectors.get(name)
        fits = detector is not None and values.shape[1:] == detector.window_shape
        placed = places.ndim == 2 and places.shape[1] in (2, 4)  # a span, or a box
        if not fits or not placed or not 0 < len(values) == len(places) <= most:
            raise impossible()
        found[name] = Windows(values, places)
    return found


def impossible() -> InputTrouble:
    """Why windows that cannot be are not judged."""
    return InputTrouble(Reason.WORKER_CRASHED, "the worker sent impossible windows")
