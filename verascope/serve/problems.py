"""Errors as RFC 9457 has them: application/problem+json, the request's id, nothing inside."""

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

TYPES = "https://verascope.example/problems/"
TITLES = {
    400: "Bad request",
    401: "No valid key",
    403: "The key may not do this",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    415: "Unsupported media type",
    422: "Not valid",
    429: "Too many requests",
    500: "A fault of ours",
    503: "Not ready",
    504: "Not done in time",
}
log = logging.getLogger(__name__)


class ProblemError(Exception):
    """What becomes the answer: a status, words, and headers."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}


def install(app: FastAPI) -> None:
    """Let the app answer every error so."""

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, ProblemError)
        return problem(request, error.status, error.detail, error.headers)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return problem(request, error.status_code, str(error.detail), dict(error.headers or {}))

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        places = [".".join(map(str, each["loc"])) + ": " + each["msg"] for each in error.errors()]
        return problem(request, 422, "; ".join(places))

    async def fault(request: Request, error: Exception) -> Response:
        log.error("request %s failed", request.state.id, exc_info=error)
        return problem(request, 500, "It was logged under the request's id.")

    app.add_exception_handler(ProblemError, ours)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, fault)


def problem(
    request: Request, status: int, detail: str, headers: dict[str, str] | None = None
) -> Response:
    """One error as a response."""
    title = TITLES.get(status, "Error")
    body: dict[str, Any] = {
        "type": TYPES + title.lower().replace(" ", "-"),
        "title": title,
        "status": status,
        "detail": detail,
        "instance": f"urn:request:{getattr(request.state, 'id', 'unknown')}",
    }
    return JSONResponse(body, status, headers, media_type="application/problem+json")
