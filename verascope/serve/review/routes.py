"""The review page and what its script asks for. Cookies open this, API keys do not."""

from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from fastapi import FastAPI, Form, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from verascope.result import Result
from verascope.scan.report.thumbnails import picture
from verascope.serve.problems import ProblemError
from verascope.serve.review.decisions import CHOICES, Decisions
from verascope.serve.review.sessions import COOKIE, HOURS, Sessions

if TYPE_CHECKING:
    from verascope.serve.app import Service
    from verascope.serve.store import Item

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}
ASSETS = {"review.js": "text/javascript", "review.css": "text/css"}
SIDE = 1024  # pixels, the longer one, of the picture that is shown


class Decided(BaseModel):
    """What the page sends."""

    choice: Literal["real", "synthetic", "edited", "unsure"]
    reason: str = Field(default="", max_length=2000)
    second: bool = False


def add(app: FastAPI, service: "Service") -> None:
    """Give the application its review page."""
    sessions, decisions = Sessions(service.keys), Decisions(service.engine)

    @app.get("/review", include_in_schema=False)
    async def page(request: Request) -> Response:
        session = await run_in_threadpool(sessions.of, request)
        if session is None:
            return HTMLResponse(_asset("sign-in.html"), headers=HEADERS)
        text = _asset("review.html").replace("TOKEN", session.token)
        return HTMLResponse(text, headers=HEADERS)

    @app.post("/review/session", include_in_schema=False)
    async def sign_in(request: Request, key: Annotated[str, Form(max_length=200)]) -> Response:
        try:
            cookie = await run_in_threadpool(sessions.sign_in, key.strip())
        except ProblemError as error:
            wrong = _asset("sign-in.html").replace("<!-- said -->", f'<p role="alert">{error}</p>')
            return HTMLResponse(wrong, error.status, headers=HEADERS)
        answer = RedirectResponse("/review", 303)
        answer.set_cookie(
            COOKIE,
            cookie,
            max_age=int(3600 * HOURS),
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return answer

    @app.delete("/review/session", include_in_schema=False)
    async def sign_out(request: Request) -> Response:
        await run_in_threadpool(sessions.admit, request, changes=True)
        sessions.sign_out(request)
        return JSONResponse({})

    @app.get("/review/assets/{name}", include_in_schema=False)
    async def asset(name: str) -> Response:
        if name not in ASSETS:
            raise ProblemError(404, "there is no such file")
        return Response(_asset(name), media_type=ASSETS[name], headers=HEADERS)

    @app.get("/review/queue", include_in_schema=False)
    async def queue(request: Request) -> Response:
        session = await run_in_threadpool(sessions.admit, request)
        found, number = await run_in_threadpool(decisions.waiting, session.key_id)
        told = {"items": [each._asdict() for each in found], "number": number}
        return JSONResponse(told | {"agreement": await run_in_threadpool(decisions.agreement)})

    @app.get("/review/items/{ident}", include_in_schema=False)
    async def item(request: Request, ident: str) -> Response:
        await run_in_threadpool(sessions.admit, request)
        found = await run_in_threadpool(_item, service, ident)
        assert found.result is not None
        score = Result.from_json(found.result).score
        told = {
            "id": ident,
            "name": found.name,
            "result": msgspec.json.decode(found.result),
            "decisions": [each._asdict() for each in decisions.of(ident)],
            "similar": await run_in_threadpool(decisions.similar, ident, score),
            "choices": CHOICES,
        }
        return JSONResponse(told)

    @app.get("/review/items/{ident}/picture", include_in_schema=False)
    async def shown(request: Request, ident: str) -> Response:
        """The picture, decoded and encoded again by a worker: never the upload itself."""
        await run_in_threadpool(sessions.admit, request)
        await run_in_threadpool(_item, service, ident)
        path = service.settings.contents / ident
        found = await run_in_threadpool(picture, str(path), SIDE)
        if found is None:
            raise ProblemError(404, "there is no picture to show")
        return Response(found, media_type="image/jpeg", headers=HEADERS)

    @app.get("/review/items/{ident}/heat", include_in_schema=False)
    async def heat(request: Request, ident: str) -> Response:
        await run_in_threadpool(sessions.admit, request)
        await run_in_threadpool(_item, service, ident)
        found = await run_in_threadpool(service.heat, ident)
        if found is None:
            raise ProblemError(404, "there is no heat map: the accurate tier makes them")
        return Response(found, media_type="image/png", headers=HEADERS)

    @app.post("/review/items/{ident}/decision", include_in_schema=False)
    async def decide(request: Request, ident: str, given: Decided) -> Response:
        session = await run_in_threadpool(sessions.admit, request, changes=True)
        await run_in_threadpool(_item, service, ident)
        number = await run_in_threadpool(
            lambda: decisions.decide(
                ident, session.key_id, given.choice, given.reason, second=given.second
            )
        )
        if number is None:
            raise ProblemError(409, "you decided on it already; undo that first")
        return JSONResponse({"decision": number}, 201)

    @app.delete("/review/items/{ident}/decision", include_in_schema=False)
    async def undo(request: Request, ident: str) -> Response:
        session = await run_in_threadpool(sessions.admit, request, changes=True)
        if not await run_in_threadpool(decisions.undo, ident, session.key_id):
            raise ProblemError(404, "there is no decision of yours on it")
        return JSONResponse({})


def _item(service: "Service", ident: str) -> "Item":
    """An item that is up for review."""
    found = service.store.item(ident)
    if found is None or found.action != "review" or found.result is None:
        raise ProblemError(404, "there is no such item in review")
    return found


def _asset(name: str) -> str:
    return files("verascope.serve.review").joinpath(name).read_text(encoding="utf-8")
