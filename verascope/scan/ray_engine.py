"""The same work on Ray Data: actors, each with a Scanner, on one machine or on many.

Ray Data waits for ever where as many actors of one processor each are asked for as there are
processors, since nothing is left to read the sources with (ray-project/ray 44687): ours ask for
half of one. An item that kills what works on it is retried without end by default; ours are read by
the Scanner's isolated worker, which dies alone, and actors that die themselves come back a few
times.
"""

import logging
import os
import pickle
import warnings
from collections.abc import Iterable, Iterator
from itertools import islice
from types import TracebackType
from typing import Any, Self

from verascope.errors import MissingExtraError
from verascope.result import Result
from verascope.scan.pool import judged_all, several
from verascope.scan.sources import Source
from verascope.scanner import Scanner
from verascope.settings import Settings

CHUNK = 20_000  # sources handed to Ray at once: what bounds memory here
BATCH = 16  # sources a task
BLOCK = 4 * BATCH  # sources that are moved together
PROCESSORS = 0.5  # that an actor asks for
RESTARTS = 3  # of an actor, and of a task on it


class RayPool:
    """Judges sources on Ray's actors; the same face as Pool. A context manager.

    Content that comes twice is judged twice, since the actors do not know of each other.

    Args:
        settings: of every Scanner.
        jobs: actors.
    """

    def __init__(self, settings: Settings, jobs: int) -> None:
        """Start nothing yet.

        Raises:
            MissingExtraError: ray is not installed.
        """
        try:
            import ray
            import ray.data
        except ImportError:
            raise MissingExtraError("ray", "ray") from None
        self._ray = ray
        self._settings = settings
        self._jobs = jobs
        self._stopping = False

    def run(self, sources: Iterable[Source], *, ordered: bool = True) -> Iterator[Result]:
        """Each source's Result, in the sources' order or as they come."""
        with Scanner(self._settings) as here:
            here.identity()  # settings that cannot be are told before anything starts
        self._start(ordered)
        waiting = iter(sources)
        while chunk := list(islice(waiting, CHUNK)):
            for row in self._judged(chunk).iter_rows():
                yield Result.from_json(row["result"])

    def interrupt(self) -> None:
        """Stop at once: what Ray has begun cannot be called back. For a signal's handler.

        Raises:
            KeyboardInterrupt: always.
        """
        self._stopping = True
        raise KeyboardInterrupt

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._stopping

    def close(self) -> None:
        """Leave the cluster; one that was started for us ends."""
        self._ray.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()

    def _start(self, ordered: bool) -> None:
        """Join the cluster that $RAY_ADDRESS names, or start one on this machine."""
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report to its makers
        if not self._ray.is_initialized():
            self._ray.init(log_to_driver=False, include_dashboard=False, logging_level="ERROR")
        context = self._ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.execution_options.preserve_order = ordered
        logging.getLogger("ray.data").setLevel(logging.ERROR)

    def _judged(self, chunk: list[Source]) -> Any:
        """The dataset of Results, as JSON."""
        data = self._ray.data
        blocks = max(self._jobs, len(chunk) // BLOCK)
        rows = [{"source": _packed(each)} for each in chunk]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of names for the restarts that a later Ray has
            return data.from_items(rows, override_num_blocks=min(blocks, len(rows))).map_batches(
                _Actor,
                fn_constructor_args=(self._settings,),
                batch_size=BATCH,
                compute=data.ActorPoolStrategy(size=self._jobs),
                num_cpus=PROCESSORS,
                max_restarts=RESTARTS,
                max_task_retries=RESTARTS,
            )


class _Actor:
    """Lives in a process of Ray's; its Scanner reads in a worker of its own."""

    def __init__(self, settings: Settings) -> None:
        self._scanner = Scanner(settings)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Sources to Results, both as bytes."""
        sources = (pickle.loads(each) for each in batch["source"])
        found = (judged_all(self._scanner, each, None, lambda: True) for each in sources)
        return {"result": [result.to_json() for one in found for result in several(one)]}


def _packed(source: Source) -> bytes:
    """A source for another process; one that holds a function needs Ray's own pickling.

    Only what was packed here is ever unpacked.
    """
    from ray import cloudpickle

    packed: bytes = cloudpickle.dumps(source)
    return packed
