"""Who is signed in: a random cookie and, against forged requests, a token that pages must send."""

import hmac
import secrets
import threading
import time
from typing import NamedTuple

from fastapi import Request

from verascope.serve.keys import Keys
from verascope.serve.problems import ProblemError

COOKIE = "verascope_session"
TOKEN = "x-csrf-token"
HOURS = 8.0
SCOPE = "review"


class Session(NamedTuple):
    """A reviewer who is signed in."""

    key_id: str
    name: str
    token: str
    until: float


class Sessions:
    """Sessions, in memory: a restart signs everybody out."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._lock = threading.Lock()
        self._open: dict[str, Session] = {}

    def sign_in(self, presented: str) -> str:
        """The cookie of a new session.

        Raises:
            ProblemError: 401 for an unknown key, 403 for one without the scope.
        """
        key = self._keys.known(presented)
        if key is None:
            raise ProblemError(401, "this key opens nothing")
        if SCOPE not in key.scopes:
            raise ProblemError(403, f"this needs the scope {SCOPE!r}")
        cookie, now = secrets.token_urlsafe(32), time.time()
        session = Session(key.id, key.name, secrets.token_urlsafe(32), now + 3600 * HOURS)
        with self._lock:
            self._open = {k: v for k, v in self._open.items() if v.until > now}
            self._open[cookie] = session
        return cookie

    def sign_out(self, request: Request) -> None:
        """End a session."""
        with self._lock:
            self._open.pop(request.cookies.get(COOKIE, ""), None)

    def of(self, request: Request) -> Session | None:
        """The session of a request; None where it has none, or its key was revoked since."""
        with self._lock:
            session = self._open.get(request.cookies.get(COOKIE, ""))
        if session is None or session.until < time.time():
            return None
        return session if self._keys.in_force(session.key_id) else None

    def admit(self, request: Request, *, changes: bool = False) -> Session:
        """The session of a request; one that changes something must send the token too.

        Raises:
            ProblemError: 401 without a session, 403 without the token.
        """
        session = self.of(request)
        if session is None:
            raise ProblemError(401, "sign in first")
        sent = request.headers.get(TOKEN, "")
        if changes and not hmac.compare_digest(sent.encode(), session.token.encode()):
            raise ProblemError(403, "the request did not come from the review page")
        return session
