"""The HTTP face. Thin: what an answer says comes from the scanner, the policy, the store.

POST /v1/scan judges one upload and answers with its Result; POST /v1/items takes one and answers
with an id, which GET /v1/items/{id} tells the Result of. Every error is a problem (problems.py).
"""

import asyncio
import fcntl
import hashlib
import logging
import os
import secrets
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
from fastapi import FastAPI, Header, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from verascope import __version__
from verascope.errors import UsageError, VerascopeError
from verascope.policy import Action
from verascope.result import Input, Result
from verascope.scan.sources import File
from verascope.scanner import Known, Scanner
from verascope.serve import problems
from verascope.serve.adapters import mastodon
from verascope.serve.config import ServeSettings
from verascope.serve.desk import Desk
from verascope.serve.fetching import fetch
from verascope.serve.keys import Keys
from verascope.serve.limits import Gate, Rates
from verascope.serve.metrics import Metrics
from verascope.serve.models import cards
from verascope.serve.problems import ProblemError
from verascope.serve.queue import open_queue
from verascope.serve.review import routes as review
from verascope.serve.schema import engine_of
from verascope.serve.signals import signals
from verascope.serve.signing import signed
from verascope.serve.store import Item, Store
from verascope.serve.uploads import Upload, save
from verascope.serve.webhooks import Webhooks
from verascope.settings import Online, Quality

LOCK = "lock"
log = logging.getLogger(__name__)
SWITCH_S = 0.0005  # requests and results wait less for each other than by the default of 5 ms
PART = ".part"  # of an upload that is still coming
LONGEST_CONTEXT = 4000
LONGEST_JSON = 1_000_000
AT_ONCE = 8  # synchronous scans for each worker, beyond which callers are asked to come again
CLEAN_S = 3600.0
Context = Annotated[str | None, Query(max_length=LONGEST_CONTEXT, description="JSON of yours")]
Subject = Annotated[str | None, Query(max_length=255, description="whose it is; for deletion")]
SourceType = Annotated[
    str | None, Query(max_length=100, description="what made it: trainedAlgorithmicMedia, …")
]
Idempotency = Annotated[str | None, Header(max_length=255)]


class Service:
    """What the handlers share."""

    def __init__(self, settings: ServeSettings) -> None:
        settings.contents.mkdir(parents=True, exist_ok=True)
        self.settings = settings
        self.alone = settings.queue is None  # else several may share queue, store and contents
        self._lock = (settings.data / LOCK).open("w")
        try:
            if self.alone:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(f"another service works on {settings.data}") from error
        self.engine = engine_of(settings.store_url)
        self.store = Store(self.engine)
        self.queue = open_queue(
            settings.data, settings.queue, lease_s=settings.lease_s, attempts=settings.attempts
        )
        self.queue.release()
        self.keys = Keys(self.engine)
        self.gate = Gate(self.keys, Rates(settings.per_minute))
        self.metrics = Metrics()
        self.desk = Desk(settings, self.store, self.queue, told=self.metrics.judged)
        self.webhooks = Webhooks(self.engine)
        self.scanning = 0
        self._drawing = threading.Lock()

    def close(self) -> None:
        """Let another service have the data."""
        self.queue.close()
        self.engine.dispose()
        self._lock.close()

    def heat(self, ident: str) -> bytes | None:
        """An item's heat map as PNG; None where the accurate tier is not installed.

        Drawn when it is first asked for, since few items are looked at.
        """
        content = self.settings.contents / ident
        with self._drawing, tempfile.TemporaryDirectory() as folder:
            wanted = msgspec.structs.replace(
                self.settings.scan, quality=Quality.ACCURATE, heatmaps=folder
            )
            try:
                with Scanner(wanted) as scanner:
                    scanner.scan(content)
            except VerascopeError:
                return None
            drawn = next(Path(folder).glob("*.png"), None)
            return None if drawn is None else drawn.read_bytes()

    def sweep(self, *, starting: bool = False) -> None:
        """Delete what is too old, and contents that nobody needs: left by a kill, or by a caller.

        While it runs only old ones are looked at: an upload may just be coming.
        """
        before = time.time() - 86400 * self.settings.keep_days
        for ident in self.store.forget(before=before):
            (self.settings.contents / ident).unlink(missing_ok=True)
        for file in self.settings.contents.iterdir():
            if starting or time.time() - file.stat().st_mtime > CLEAN_S:
                item = self.store.item(file.name)
                if item is None or (item.state == "done" and item.action != Action.REVIEW):
                    file.unlink(missing_ok=True)


def create_app(settings: ServeSettings) -> FastAPI:
    """The application; the worker processes start with it and end with it."""
    service = Service(settings)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        sys.setswitchinterval(SWITCH_S)
        service.sweep(starting=service.alone)
        with ExitStack() as open_:
            open_.enter_context(service.desk)
            service.webhooks.start()
            open_.callback(service.webhooks.stop)
            sweeping = asyncio.create_task(_sweep_for_ever(service))
            open_.callback(sweeping.cancel)
            yield
        service.close()

    app = FastAPI(
        title="Verascope",
        version=__version__,
        description="Was it made by a machine, and where does it come from?",
        lifespan=life,
        docs_url=None,  # their pages fetch scripts from elsewhere
        redoc_url=None,
    )
    app.state.service = service
    problems.install(app)
    app.add_middleware(_Requests, metrics=service.metrics)
    _routes(app, service)
    review.add(app, service)
    return app


def _routes(app: FastAPI, service: Service) -> None:
    gate, settings = service.gate, service.settings

    @app.post("/v1/scan", responses=_answers("A Result: docs/result.schema.json."))
    async def scan(request: Request) -> Response:
        """Judge one upload now: the body itself, or the part `file` of a form.

        Where hosts to fetch from are configured, application/json {"url": "https://…"} names one.
        """
        gate.admit(request, "scan")
        if service.scanning >= AT_ONCE * settings.jobs:
            raise ProblemError(503, "every worker is busy", {"Retry-After": "1"})
        service.scanning += 1
        path = settings.contents / f"{secrets.token_hex(16)}{PART}"
        future = None
        try:
            upload = await _arrived(request, service, path)
            name = upload.name or "upload"
            future = service.desk.judge(File(str(path), follow_links=False, name=name))
            future.add_done_callback(lambda _: path.unlink(missing_ok=True))
            result = await asyncio.wait_for(asyncio.wrap_future(future), settings.sync_s)
        except TimeoutError:
            raise ProblemError(504, "it takes too long; send it to /v1/items") from None
        finally:
            service.scanning -= 1
            if future is None:
                path.unlink(missing_ok=True)
        result = service.desk.decided(result)
        service.metrics.judged(result)
        return Response(result.to_json(), media_type="application/json")

    @app.post("/v1/items", status_code=202, responses=_answers("Accepted.", 202))
    async def take(
        request: Request,
        idempotency_key: Idempotency = None,
        subject: Subject = None,
        context: Context = None,
    ) -> Response:
        """Take one upload to be judged; the answer has its id and where its Result will be.

        Where hosts to fetch from are configured, application/json {"url": "https://…"} names one.
        The same Idempotency-Key gives the same item again, and 409 with another body.
        """
        key = gate.admit(request, "items")
        if context is not None:
            _check_json(context)
        try:
            waiting = await run_in_threadpool(service.queue.waiting)
        except Exception as error:
            log.exception("the queue could not be reached")
            raise ProblemError(503, "the queue is away", {"Retry-After": "5"}) from error
        if waiting >= settings.max_waiting:
            raise ProblemError(429, "the queue is full", {"Retry-After": "10"})
        path = settings.contents / secrets.token_hex(16)
        upload = await _arrived(request, service, path.with_name(path.name + PART))
        taken = await run_in_threadpool(
            _keep, service, path, upload, key.id, idempotency_key, subject, context
        )
        return JSONResponse(_told(taken), 202, {"Location": f"/v1/items/{taken.id}"})

    @app.post("/v1/adapters/mastodon", status_code=202, responses=_answers("Taken.", 202))
    async def from_mastodon(request: Request) -> Response:
        """Take a webhook of Mastodon's: the media of a post become items."""
        if settings.mastodon is None or settings.fetch is None:
            raise ProblemError(404, "no Mastodon was configured")
        body = await _short(request)
        signature = request.headers.get("x-hub-signature", "")
        ids = []
        for each in mastodon.named(body, signature, settings.mastodon):
            path = settings.contents / secrets.token_hex(16)
            part = path.with_name(path.name + PART)
            upload = await run_in_threadpool(_fetched, each.url, settings.fetch, part)
            taken = await run_in_threadpool(
                _keep,
                service,
                path,
                upload._replace(name=each.name),
                "mastodon",
                each.idempotency,
                each.subject,
                each.context,
            )
            ids.append(taken.id)
        return JSONResponse({"items": ids}, 202)

    @app.get("/v1/items/{ident}", responses=_answers("The item, with its Result when done."))
    async def item(request: Request, ident: str) -> Response:
        """An item: its state, and its Result as soon as there is one."""
        gate.admit(request, "items")
        found = await run_in_threadpool(_found, service, ident)
        told = _told(found)
        if found.result is None:
            return JSONResponse(told | {"result": None})
        start = msgspec.json.encode(told)[:-1]
        return Response(
            start + b',"result":' + found.result.encode() + b"}", media_type="application/json"
        )

    @app.get("/v1/items/{ident}/signals", responses=_answers("Numbers for a ranker."))
    async def item_signals(request: Request, ident: str) -> Response:
        """Stable numbers of an item, for a ranker; null where there is none."""
        gate.admit(request, "items")
        found = await run_in_threadpool(_found, service, ident)
        if found.result is None:
            raise ProblemError(404, f"it is {found.state}; there is no Result yet")
        return JSONResponse({"item": ident} | signals(Result.from_json(found.result)))

    @app.delete("/v1/items", responses=_answers("How many were deleted."))
    async def forget(request: Request, subject: Annotated[str, Query(min_length=1)]) -> Response:
        """Delete all that is kept of a subject's items."""
        gate.admit(request, "admin")
        gone = await run_in_threadpool(service.store.forget, subject=subject)
        for ident in gone:
            (settings.contents / ident).unlink(missing_ok=True)
            service.queue.done(ident)
        return JSONResponse({"deleted": len(gone)})

    @app.post("/v1/verify", responses=_answers("What the Content Credential says."))
    async def verify(request: Request) -> Response:
        """Check one upload's Content Credential and nothing else."""
        gate.admit(request, "verify")
        path = settings.contents / f"{secrets.token_hex(16)}{PART}"
        upload = await save(request, path, settings.max_body_bytes)
        asked = _Verifying(upload.name or "upload", path)
        try:
            await asyncio.wait_for(asyncio.wrap_future(service.desk.judge(asked)), settings.sync_s)
        except TimeoutError:
            raise ProblemError(504, "it takes too long") from None
        finally:
            path.unlink(missing_ok=True)
        return Response(asked.answer, media_type="application/json")

    @app.post("/v1/sign", responses=_answers("The upload with a Content Credential."))
    async def sign(request: Request, source_type: SourceType = None) -> Response:
        """Sign one upload with the platform's key; 404 where none was configured."""
        key = gate.admit(request, "sign")
        if settings.sign is None:
            raise ProblemError(404, "no key to sign with was configured")
        path = settings.contents / f"{secrets.token_hex(16)}{PART}"
        try:
            upload = await save(request, path, settings.max_body_bytes)
            if not upload.size:
                raise ProblemError(422, "the upload is empty")
            data, kind = await run_in_threadpool(signed, settings.sign, path, source_type)
        except VerascopeError as error:
            raise ProblemError(422, "it is no file that can be signed") from error
        finally:
            path.unlink(missing_ok=True)
        await run_in_threadpool(service.store.note, key.id, "signed", upload.sha256)
        return Response(data, media_type=kind)

    @app.get("/v1/models", responses=_answers("Models with cards and thresholds."))
    async def models(request: Request) -> Response:
        """The detectors that judge, each with its card and its two thresholds."""
        gate.admit(request, "models")
        return JSONResponse({"models": await run_in_threadpool(cards, settings.scan)})

    @app.get("/healthz", responses=_answers("It runs.", admits=False))
    async def health() -> Response:
        """Whether the service runs."""
        return JSONResponse({"status": "ok"})

    @app.get("/readyz", responses=_answers("It can judge.", admits=False))
    async def ready() -> Response:
        """Whether it can judge: the store answers, the models are loaded."""
        await run_in_threadpool(service.store.counts)
        if not service.desk.ready:
            raise ProblemError(503, "the models are not loaded yet", {"Retry-After": "1"})
        return JSONResponse({"status": "ready"})

    @app.get(
        "/metrics",
        response_class=PlainTextResponse,
        responses=_answers("Prometheus's text format."),
    )
    async def metrics(request: Request) -> Response:
        """Numbers for Prometheus."""
        gate.admit(request, "metrics")
        service.metrics.depth.set(service.queue.waiting())
        service.metrics.oldest.set(service.queue.oldest_s())
        service.metrics.dead.set(len(service.queue.dead()))
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4")


class _Verifying:
    """A source that is not scanned but verified; the answer is kept here."""

    def __init__(self, uri: str, path: Path) -> None:
        self.uri = uri
        self.path = path
        self.answer = b""

    def stamp(self) -> str | None:
        """None: nothing is kept of it."""
        return None

    def scan(self, scanner: Scanner, known: Known | None = None) -> Result:
        """Verify; the Result only says how that went."""
        found = scanner.verify(self.path)
        named = msgspec.structs.replace(
            found, input=msgspec.structs.replace(found.input, uri=self.uri)
        )
        self.answer = named.to_json()
        return Result(input=Input(uri=self.uri), status=found.status, reason=found.reason)


class _Requests:
    """Gives each request an id and each answer its headers, and counts both."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        ident = secrets.token_hex(8)
        scope.setdefault("state", {})["id"] = ident

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", ident.encode()),
                    (b"x-content-type-options", b"nosniff"),
                    (b"cache-control", b"no-store"),
                ]
                route = getattr(scope.get("route"), "path", "none")
                self._metrics.requests.labels(route, str(message["status"])).inc()
            await send(message)

        await self._app(scope, receive, told)


async def _arrived(request: Request, service: Service, part: Path) -> Upload:
    """What a request brings: its body, or what it names where that may be fetched."""
    settings = service.settings
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if settings.fetch is None or kind != "application/json":
        return await save(request, part, settings.max_body_bytes)
    try:
        url = msgspec.json.decode(await _short(request), type=dict[str, str])["url"]
    except (msgspec.DecodeError, KeyError) as error:
        raise ProblemError(422, 'the body must be {"url": "https://…"}') from error
    return await run_in_threadpool(_fetched, url, settings.fetch, part)


async def _short(request: Request) -> bytes:
    """A body that is no upload."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LONGEST_JSON:
            raise ProblemError(413, f"at most {LONGEST_JSON} bytes are taken")
    return bytes(body)


def _fetched(url: str, online: Online, part: Path) -> Upload:
    """What is at an address, on the disk."""
    data = fetch(url, online)
    part.write_bytes(data)
    return Upload(hashlib.sha256(data).hexdigest(), len(data), url.rpartition("/")[2][:200])


def _keep(
    service: Service,
    path: Path,
    upload: Upload,
    key_id: str,
    idempotency: str | None,
    subject: str | None,
    context: str | None,
) -> Item:
    """Accept an upload that is on the disk: content, item, job, in this order."""
    part = path.with_name(path.name + PART)
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)
    taken = service.store.take(
        ident=path.name,
        key_id=key_id,
        body_sha256=upload.sha256,
        name=upload.name or path.name,
        idempotency=idempotency,
        subject=subject,
        context=context,
    )
    if taken.fresh:
        try:
            service.queue.add(path.name)
        except Exception:  # it is accepted: the desk puts it in when the queue is back
            log.exception("item %s waits for the queue", path.name)
        service.desk.wake()
        return taken.item
    path.unlink(missing_ok=True)
    if taken.item.body_sha256 != upload.sha256:
        raise ProblemError(409, "this Idempotency-Key came with another body before")
    return taken.item


def _found(service: Service, ident: str) -> Item:
    item = service.store.item(ident)
    if item is None:
        raise ProblemError(404, "there is no such item, or it was deleted")
    return item


def _told(item: Item) -> dict[str, Any]:
    return {
        "id": item.id,
        "state": item.state,
        "created_at": item.created_at,
        "finished_at": item.finished_at,
        "action": item.action,
        "context": None if item.context is None else msgspec.json.decode(item.context),
    }


def _check_json(text: str) -> None:
    try:
        msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise ProblemError(422, "query.context: it is no JSON") from None


def _answers(words: str, status: int = 200, *, admits: bool = True) -> dict[int | str, Any]:
    """What OpenAPI says of a route's answers."""
    problem = {"content": {"application/problem+json": {"schema": {"type": "object"}}}}
    found: dict[int | str, Any] = {status: {"description": words}}
    for code in (400, 401, 403, 404, 409, 413, 422, 429, 503, 504) if admits else (503,):
        found[code] = {"description": problems.TITLES[code]} | problem
    return found


async def _sweep_for_ever(service: Service) -> None:
    while True:
        await asyncio.sleep(CLEAN_S)
        await run_in_threadpool(service.sweep)
