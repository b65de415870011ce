"""The one place where onnxruntime is imported: a model's graph to a function on arrays."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verascope.detect.merge import Merged
from verascope.errors import UsageError

CUDA = "CUDAExecutionProvider"


def load(graph: bytes, providers: Sequence[str], threads: int, batch: int = 1) -> Any:
    """An onnxruntime.InferenceSession of a graph; safe to call from several threads.

    With `batch` above 1, what several threads ask at once is run together, so many rows at most.

    Raises:
        UsageError: this onnxruntime has none of the wanted providers but the last.
    """
    onnxruntime = runtime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if providers[0] not in onnxruntime.get_available_providers():
        there = ", ".join(onnxruntime.get_available_providers())
        raise UsageError(
            f"onnxruntime has no {providers[0]} here, it has {there}; for an NVIDIA card install "
            "onnxruntime-gpu in its place"
        )
    session = onnxruntime.InferenceSession(graph, options, providers=list(providers))
    return session if batch == 1 else Merged(session, batch)


def runtime() -> Any:
    """The onnxruntime module, which from now on reports to nobody.

    From 1.29 on its Linux builds send events about sessions and models to their maker (measured on
    1.32: a look-up of that host seconds after the first session) and keep an identifier in the
    folder for temporary files. Only the environment, before the first import, stops all of it.
    """
    for name in ("ORT_DISABLE_TELEMETRY", "ORT_TELEMETRY_DISABLED"):  # the second in one release
        os.environ[name] = "1"
    import onnxruntime  # heavy (0.13 s of CPU): only when a model is really run

    onnxruntime.disable_telemetry_events()  # where the program around us imported it before
    return onnxruntime


class Session:
    """A loaded graph with one input; safe to call from several threads."""

    def __init__(
        self, graph: bytes, providers: Sequence[str], threads: int, batch: int = 1
    ) -> None:
        self._session = load(graph, providers, threads, batch)
        self._input = self._session.get_inputs()[0].name

    def __call__(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Run the graph on [n, ...]; returns its first output, float32 [n]."""
        return np.asarray(self.outputs(values)[0], np.float32).reshape(len(values))

    def outputs(self, values: NDArray[Any]) -> list[NDArray[np.float32]]:
        """Run the graph on [n, ...]; returns all that it gives."""
        found: list[NDArray[np.float32]] = self._session.run(None, {self._input: values})
        return found
