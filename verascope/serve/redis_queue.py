"""The same queue in Redis Streams, for several servers that share the work.

One stream with one consumer group. Entries of a consumer that has gone silent are claimed by
others (XAUTOCLAIM); what is done is acknowledged and deleted, so that the stream holds what waits
and no more. What is to be tried again later waits in a sorted set, what was given up in a hash.
Should Redis lose all of it, the store still knows which items have no Result; they are put in anew.
"""

import secrets
import time
from typing import Any

import msgspec
import redis

from verascope.serve.queue import Dead, Job

GROUP = "workers"


class RedisQueue:
    """Jobs in Redis; the methods are those of Queue.

    Args:
        url: redis://host:port/number.
        lease_s: after which a silent consumer's jobs are given to another.
        attempts: at an item, before it is a dead letter.
        prefix: of the keys.
    """

    def __init__(
        self, url: str, *, lease_s: float = 60.0, attempts: int = 3, prefix: str = "verascope"
    ) -> None:
        self._redis: Any = redis.Redis.from_url(url, decode_responses=True, socket_timeout=10)
        self._lease_ms = int(lease_s * 1000)
        self._attempts = attempts
        self._consumer = secrets.token_hex(8)
        self._entries: dict[str, str] = {}  # items at work here, to their entries
        self._jobs, self._known, self._later, self._tries, self._dead = (
            f"{prefix}:{name}" for name in ("jobs", "known", "later", "tries", "dead")
        )

    def add(self, item: str) -> None:
        """Let an item wait to be judged; one that waits already stays where it is."""
        if self._redis.sadd(self._known, item):
            self._redis.xadd(self._jobs, {"item": item})

    def claim(self, most: int) -> list[Job]:
        """Some jobs that are due, for one lease each."""
        self._ready()
        for item in self._redis.zrangebyscore(self._later, 0, time.time(), 0, most):
            if self._redis.zrem(self._later, item):  # others look at the same set
                self._redis.xadd(self._jobs, {"item": item})
        silent = self._redis.xautoclaim(
            self._jobs, GROUP, self._consumer, self._lease_ms, "0-0", count=most
        )[1]
        entries = [(entry, fields) for entry, fields in silent if fields]
        if len(entries) < most:
            read = self._redis.xreadgroup(
                GROUP, self._consumer, {self._jobs: ">"}, count=most - len(entries)
            )
            entries += [each for _, found in read or () for each in found]
        jobs = []
        for entry, fields in entries:
            item = fields["item"]
            self._entries[item] = entry
            jobs.append(Job(item, int(self._redis.hincrby(self._tries, item, 1))))
        return jobs

    def renew(self, items: list[str]) -> None:
        """Keep the leases of jobs that are at work."""
        held = [self._entries[item] for item in items if item in self._entries]
        if held:
            self._redis.xclaim(self._jobs, GROUP, self._consumer, 0, held, justid=True)

    def release(self) -> None:
        """Nothing: others may be at work on what is leased."""

    def done(self, item: str) -> None:
        """Take an item out."""
        pipe = self._redis.pipeline()
        self._out(pipe, item)
        pipe.srem(self._known, item).hdel(self._tries, item).zrem(self._later, item)
        pipe.hdel(self._dead, item).execute()
        self._entries.pop(item, None)

    def failed(self, job: Job, error: str) -> bool:
        """Give a job back to be tried again, later each time; returns whether it is given up."""
        given_up = job.attempt >= self._attempts
        pipe = self._redis.pipeline()
        self._out(pipe, job.item)
        if given_up:
            told = {"attempts": job.attempt, "error": error}
            pipe.hset(self._dead, job.item, msgspec.json.encode(told).decode())
        else:
            pipe.zadd(self._later, {job.item: time.time() + 2.0**job.attempt})
        pipe.execute()
        self._entries.pop(job.item, None)
        return given_up

    def waiting(self) -> int:
        """How many wait or are at work."""
        return int(self._redis.xlen(self._jobs)) + int(self._redis.zcard(self._later))

    def oldest_s(self) -> float:
        """For how long the oldest has waited."""
        first = self._redis.xrange(self._jobs, count=1)
        return max(0.0, time.time() - int(first[0][0].split("-")[0]) / 1000) if first else 0.0

    def dead(self) -> list[Dead]:
        """The dead letters."""
        found = [
            (item, msgspec.json.decode(told))
            for item, told in self._redis.hgetall(self._dead).items()
        ]
        return [Dead(item, told["attempts"], told["error"]) for item, told in sorted(found)]

    def replay(self, item: str) -> bool:
        """Let a dead letter be tried anew; returns whether there was one."""
        if not self._redis.hdel(self._dead, item):
            return False
        self._redis.hdel(self._tries, item)
        self._redis.xadd(self._jobs, {"item": item})
        return True

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def _out(self, pipe: Any, item: str) -> None:
        entry = self._entries.get(item)
        if entry is not None:
            pipe.xack(self._jobs, GROUP, entry).xdel(self._jobs, entry)

    def _ready(self) -> None:
        """Make the group where there is none: at the start, or after Redis lost it."""
        try:
            self._redis.xgroup_create(self._jobs, GROUP, id="0", mkstream=True)
        except redis.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
