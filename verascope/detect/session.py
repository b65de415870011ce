"""The one place where onnxruntime is imported: a model's graph to a function on arrays."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def load(graph: bytes, providers: Sequence[str], threads: int) -> Any:
    """An onnxruntime.InferenceSession of a graph; safe to call from several threads."""
    import onnxruntime  # heavy (0.13 s of CPU): only when a model is really run

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=list(providers))


class Session:
    """A loaded graph with one input; safe to call from several threads."""

    def __init__(self, graph: bytes, providers: Sequence[str], threads: int) -> None:
        self._session = load(graph, providers, threads)
        self._input = self._session.get_inputs()[0].name

    def __call__(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Run the graph on [n, ...]; returns its first output, float32 [n]."""
        return np.asarray(self.outputs(values)[0], np.float32).reshape(len(values))

    def outputs(self, values: NDArray[Any]) -> list[NDArray[np.float32]]:
        """Run the graph on [n, ...]; returns all that it gives."""
        found: list[NDArray[np.float32]] = self._session.run(None, {self._input: values})
        return found
