"""Webhooks as a receiver sees them: signed after the specification, retried, rotated, given up."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")
import httpx
from sqlalchemy import select

from tests.serve.conftest import Serve
from verascope.result import Input, Result, Status
from verascope.serve.schema import deliveries, engine_of
from verascope.serve.store import Store
from verascope.serve.webhooks import PAUSES_S, Webhooks, event, signature


class Receiver:
    """A platform that keeps what it is sent, and answers as it is told."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(outer.answers.pop(0) if outer.answers else 204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    yield one
    one.close()


def genuine(headers: dict[str, str], body: bytes, secret: str) -> bool:
    """What the specification tells a receiver to compute, written here from its text."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return f"v1,{mac}" in headers["webhook-signature"].split(" ")


def test_the_signature_is_that_of_the_specification() -> None:
    """Its published example (Standard Webhooks 1.0.0, reference libraries)."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    found = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}')
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_judged_item_is_told_signed_and_once(
    serve: Serve, photo: bytes, receiver: Receiver
) -> None:
    running = serve()
    _, secret = running.service.webhooks.add(receiver.url)
    client = running.client("items")
    ident = client.post("/v1/items", content=photo, params={"context": '{"post": 7}'}).json()["id"]
    found = running.wait_for(client, ident)
    _until(lambda: receiver.got)
    ((headers, body),) = receiver.got
    assert genuine(headers, body, secret)
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    told = json.loads(body)
    assert told["type"] == "item.judged"
    assert told["data"]["item"] == ident and told["data"]["context"] == {"post": 7}
    assert told["data"]["score"] == found["result"]["score"]
    assert len(body) < 20_000


def test_it_is_tried_again_under_the_same_id_and_then_given_up(
    tmp_path: Path, receiver: Receiver
) -> None:
    receiver.answers = [500, 302, 204]
    hooks, store = _judged(tmp_path, receiver, pauses_s=(0, 0, 0, 0))
    with httpx.Client() as client:
        while hooks.deliver_due(client):
            pass
    assert len(receiver.got) == 3
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    assert _states(store) == [("sent", 3)]
    receiver.answers = [500] * 9
    store.take(ident="j", key_id="k", body_sha256="", name="b.jpg")
    _finish(store, "j")
    with httpx.Client() as client:
        while hooks.deliver_due(client):
            pass
    assert ("dead", 4) in _states(store)


def test_the_pauses_grow() -> None:
    assert PAUSES_S == (0, 5, 300, 1800, 7200, 18000, 36000, 36000)


def test_both_secrets_sign_while_one_is_rotated(tmp_path: Path, receiver: Receiver) -> None:
    store = Store(engine_of(f"sqlite:///{tmp_path / 's'}"))
    hooks = Webhooks(store.engine)
    ident, old = hooks.add(receiver.url)
    new = hooks.rotate(ident)
    store.take(ident="i", key_id="k", body_sha256="", name="a.jpg")
    _finish(store, "i")
    with httpx.Client() as client:
        hooks.deliver_due(client)
    ((headers, body),) = receiver.got
    assert genuine(headers, body, old) and genuine(headers, body, new)
    assert not genuine(headers, body + b" ", new)


def test_a_disabled_one_is_told_nothing(tmp_path: Path, receiver: Receiver) -> None:
    hooks, _ = _judged(tmp_path, receiver)
    (hook,) = hooks.all()
    hooks.disable(hook.id)
    with httpx.Client() as client:
        assert hooks.deliver_due(client) is False
    assert receiver.got == []


def _judged(tmp_path: Path, receiver: Receiver, **more: Any) -> tuple[Webhooks, Store]:
    """A store with one judged item, and a webhook that is to be told of it."""
    store = Store(engine_of(f"sqlite:///{tmp_path / 's'}"))
    hooks = Webhooks(store.engine, **more)
    hooks.add(receiver.url)
    store.take(ident="i", key_id="k", body_sha256="", name="a.jpg")
    _finish(store, "i")
    return hooks, store


def _finish(store: Store, ident: str) -> None:
    result = Result(input=Input(uri="a.jpg"), status=Status.SCORED)
    item = store.item(ident)
    assert item is not None
    store.finish(ident, result, event(item, result))


def _states(store: Store) -> list[tuple[str, int]]:
    with store.engine.connect() as connection:
        rows = connection.execute(select(deliveries.c.state, deliveries.c.attempts))
        return [(row.state, row.attempts) for row in rows]


def _until(condition: Any, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
