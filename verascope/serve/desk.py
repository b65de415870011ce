"""Where items are judged: the scan pool between the queue and the store.

One thread claims jobs and hands them to the pool; what the pool is done with is kept by item, and
only then is the job taken out. Killed in between, the job is claimed again and its second Result
finds the item done.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from verascope.policy import Action, Policy, load
from verascope.result import Reason, Result
from verascope.scan.pool import Pool
from verascope.scan.sources import File, Source
from verascope.serve import webhooks
from verascope.serve.config import ServeSettings
from verascope.serve.queue import Job, Jobs
from verascope.serve.store import Item, Store

IDLE_S = 0.05  # until the queue is looked at again, when there was nothing in it
AHEAD = 2  # jobs claimed for each worker
log = logging.getLogger(__name__)


class Desk:
    """Judges what lies in the queue, and single inputs at once. A context manager."""

    def __init__(
        self,
        settings: ServeSettings,
        store: Store,
        queue: Jobs,
        told: Callable[[Result], None] = lambda _: None,
    ) -> None:
        self.settings = settings
        self._told = told
        self.policy: Policy | None = load(settings.policy) if settings.policy else None
        self._store = store
        self._queue = queue
        self._pool = Pool(settings.scan, settings.jobs)
        self._ready = False
        self._busy: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._woken = threading.Event()
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._feed, self._keep_leases)
        ]

    def judge(self, source: Source) -> "Future[Result]":
        """Judge one input at once, ahead of the queue; the policy is applied by `decided`."""
        return self._pool.submit(source)

    def decided(self, result: Result) -> Result:
        """A Result with the policy's action, where there is a policy."""
        return result if self.policy is None else self.policy.applied(result)

    def wake(self) -> None:
        """Say that there is something new in the queue."""
        self._woken.set()

    @property
    def ready(self) -> bool:
        """Whether the models are loaded."""
        return self._ready

    @property
    def at_work(self) -> int:
        """How many jobs are being judged."""
        return len(self._busy)

    def __enter__(self) -> "Desk":
        for thread in self._threads:
            thread.start()
        self._pool.start()
        self._ready = True
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._woken.set()
        for thread in self._threads:
            thread.join(10)
        self._pool.close()

    def _feed(self) -> None:
        most = AHEAD * self.settings.jobs
        while not self._stopped.is_set():
            room = most - len(self._busy)
            try:
                jobs = self._queue.claim(room) if room > 0 else []
                for job in jobs:
                    self._begin(job)
            except Exception:
                log.exception("the queue could not be read; it is tried again")
                jobs = []
            if not jobs:
                self._woken.wait(IDLE_S)
                self._woken.clear()

    def _begin(self, job: Job) -> None:
        item = self._store.item(job.item)
        if item is None or item.state != "queued":
            self._queue.done(job.item)
            return
        with self._lock:
            self._busy[job.item] = job
        content = self.settings.contents / item.id
        source = File(str(content), follow_links=False, name=item.name)
        self._pool.submit(source).add_done_callback(partial(self._end, job, item))

    def _end(self, job: Job, item: Item, future: "Future[Result]") -> None:
        """Called by the pool's thread: keep the Result, then take the job out."""
        try:
            result = self.decided(future.result())
            if result.reason is Reason.NOT_FOUND:
                raise FileNotFoundError
            self._store.finish(item.id, result, webhooks.event(item, result))
            self._told(result)
            self._queue.done(item.id)
            self._drop(item.id, result)
        except Exception as error:
            if isinstance(error, FileNotFoundError):
                log.warning("the content of item %s is not there", item.id)
            else:
                log.exception("judging item %s failed", item.id)
            if self._queue.failed(job, type(error).__name__):
                self._store.give_up(item.id, type(error).__name__)
        finally:
            with self._lock:
                self._busy.pop(job.item, None)
            self._woken.set()

    def _drop(self, ident: str, result: Result) -> None:
        """Delete the content, unless a person is to look at it."""
        if result.policy is None or result.policy.action != Action.REVIEW:
            (self.settings.contents / ident).unlink(missing_ok=True)

    def _keep_leases(self) -> None:
        """Renew what is at work here; put in what was accepted and is in no queue.

        That is so after a kill at the wrong moment, or when the queue was away or lost its memory.
        """
        while True:
            try:
                for ident in self._store.queued():
                    self._queue.add(ident)
                with self._lock:
                    busy = list(self._busy)
                self._queue.renew(busy)
            except Exception:
                log.exception("the queue could not be reached; it is tried again")
            if self._stopped.wait(self.settings.lease_s / 3):
                return
