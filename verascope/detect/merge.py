"""A graph that many threads run at once, as one: what waits becomes one batch.

For devices that are slow to start and then fast, such as GPUs: the decoding workers' windows are
gathered while the device is busy, so that it is fed as fast as they come and nobody waits for a
batch to fill. Only for graphs whose rows do not depend on each other.
"""

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Merged:
    """An onnxruntime session of one input, to be called by several threads.

    Args:
        session: that runs the batches.
        most: rows of a batch; a call of more is run alone.
    """

    def __init__(self, session: Any, most: int) -> None:
        self._session = session
        self._most = most
        self._waiting: list[_Call] = []
        self._listing = threading.Lock()
        self._running = threading.Lock()
        self.get_inputs = session.get_inputs
        self.get_outputs = session.get_outputs

    def run(self, names: list[str] | None, given: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """As the session's: every output (or those named) for the rows of the one input."""
        ((name, rows),) = given.items()
        mine = _Call(tuple(names) if names else None, rows)
        with self._listing:
            self._waiting.append(mine)
        while not mine.done:
            with self._running:  # whoever is first runs for all that wait
                if not mine.done:
                    self._batch(name)
        if mine.error is not None:
            raise mine.error
        return mine.outputs

    def _batch(self, name: str) -> None:
        """Run the calls that have waited longest and want the same outputs."""
        with self._listing:
            wanted, rows, calls = self._waiting[0].names, 0, list[_Call]()
            for call in list(self._waiting):
                if calls and (call.names != wanted or rows + len(call.rows) > self._most):
                    break
                calls.append(call)
                rows += len(call.rows)
            self._waiting = self._waiting[len(calls) :]
        try:
            every = np.concatenate([call.rows for call in calls])
            found = self._session.run(list(wanted) if wanted else None, {name: every})
        except Exception as error:  # noqa: BLE001 - each caller raises it in its own thread
            for call in calls:
                call.error, call.done = error, True
            return
        start = 0
        for call in calls:
            end = start + len(call.rows)
            call.outputs = [output[start:end] for output in found]
            call.done, start = True, end


class _Call:
    """One thread's call: what it gives, and what comes of it."""

    def __init__(self, names: tuple[str, ...] | None, rows: NDArray[Any]) -> None:
        self.names = names
        self.rows = rows
        self.outputs: list[NDArray[Any]] = []
        self.error: Exception | None = None
        self.done = False
