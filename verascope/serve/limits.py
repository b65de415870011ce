"""Who may ask for what, and how often."""

import math
import threading
import time

from fastapi import Request

from verascope.serve.keys import Key, Keys
from verascope.serve.problems import ProblemError

MINUTE_S = 60.0


class Rates:
    """A bucket a key: as many requests a minute as it has, at once or one after the other."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}  # key to (left, when)

    def take(self, key: Key) -> float:
        """Seconds until the next request may come; 0 where this one may."""
        most = float(key.per_minute or self._per_minute)
        now = time.monotonic()
        with self._lock:
            left, since = self._buckets.get(key.id, (most, now))
            left = min(most, left + (now - since) * most / MINUTE_S)
            if left < 1:
                self._buckets[key.id] = (left, now)
                return (1 - left) * MINUTE_S / most
            self._buckets[key.id] = (left - 1, now)
            return 0.0


class Gate:
    """Lets a request in by its key: `Authorization: Bearer KEY`."""

    def __init__(self, keys: Keys, rates: Rates) -> None:
        self._keys = keys
        self._rates = rates

    def admit(self, request: Request, scope: str) -> Key:
        """The key of a request that may do this.

        Raises:
            ProblemError: 401 without a valid key, 403 without the scope, 429 too often.
        """
        scheme, _, presented = request.headers.get("authorization", "").partition(" ")
        key = self._keys.known(presented if scheme.lower() == "bearer" else "")
        if key is None:
            raise ProblemError(
                401, "send Authorization: Bearer KEY", {"WWW-Authenticate": "Bearer"}
            )
        if scope not in key.scopes:
            raise ProblemError(403, f"this needs the scope {scope!r}")
        wait = self._rates.take(key)
        if wait:
            raise ProblemError(
                429, "this key asks too often", {"Retry-After": str(math.ceil(wait))}
            )
        return key
