"""The review page: sessions and tokens; and the whole journey in a real browser, by keyboard."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")
import httpx

from tests.conftest import Command
from tests.serve.conftest import Running, Serve
from verascope.serve.review.decisions import Decisions
from verascope.serve.review.sessions import COOKIE, TOKEN
from verascope.train.corpora import read_corpora

NAMES = ("first.jpg", "<img src=x onerror=alert(1)>.jpg", "third.jpg")


@pytest.fixture
def reviewing(serve: Serve, examples: Path, tmp_path: Path) -> Running:
    """A service whose policy sends everything to review, with three judged items."""
    rules = tmp_path / "rules.toml"
    rules.write_text('default = "review"')
    running = serve(policy=rules)
    client = running.client("items")
    photos = sorted((examples / "photographs").iterdir())
    for name, photo in zip(NAMES, photos, strict=False):
        answer = client.post("/v1/items", content=photo.read_bytes(), headers={"X-File-Name": name})
        running.wait_for(client, answer.json()["id"])
    return running


def signed_in(running: Running, name: str = "reviewer") -> httpx.Client:
    """A client that did what the sign-in page does, with the page's token in its headers."""
    key = running.service.keys.create(name, ("review",))
    client = httpx.Client(base_url=running.url, follow_redirects=True, timeout=60)
    page = client.post("/review/session", data={"key": key})
    found = re.search(r'name="csrf-token" content="([^"]+)"', page.text)
    assert found is not None
    client.headers[TOKEN] = found[1]
    return client


def ids(client: httpx.Client) -> list[str]:
    return [item["id"] for item in client.get("/review/queue").json()["items"]]


def test_only_a_key_with_the_scope_signs_in(reviewing: Running) -> None:
    client = httpx.Client(base_url=reviewing.url)
    assert "Sign in" in client.get("/review").text
    assert client.post("/review/session", data={"key": "vsk_x_y"}).status_code == 401
    other = reviewing.service.keys.create("uploader", ("items",))
    assert client.post("/review/session", data={"key": other}).status_code == 403
    for path in ("queue", "items/x", "items/x/picture", "items/x/heat"):
        assert client.get(f"/review/{path}").status_code == 401


def test_cookies_and_headers_are_strict(reviewing: Running) -> None:
    client = httpx.Client(base_url=reviewing.url)
    key = reviewing.service.keys.create("reviewer", ("review",))
    answer = client.post("/review/session", data={"key": key})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie
    policy = client.get("/review").headers["content-security-policy"]
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy


def test_a_forged_request_changes_nothing(reviewing: Running) -> None:
    client = signed_in(reviewing)
    (ident, *_) = ids(client)
    forged = httpx.Client(base_url=reviewing.url, cookies={COOKIE: client.cookies[COOKIE]})
    body = {"choice": "real"}
    assert forged.post(f"/review/items/{ident}/decision", json=body).status_code == 403
    assert forged.delete("/review/session").status_code == 403
    assert ident in ids(client)


def test_a_revoked_key_is_out_at_once(reviewing: Running) -> None:
    client = signed_in(reviewing)
    (key,) = [key for key in reviewing.service.keys.all() if key.name == "reviewer"]
    reviewing.service.keys.revoke(key.id)
    assert client.get("/review/queue").status_code == 401


def test_decide_undo_and_a_second_opinion(reviewing: Running) -> None:
    one, other = signed_in(reviewing, "one"), signed_in(reviewing, "other")
    first, second, _ = ids(one)
    body = {"choice": "real", "reason": "a cup"}
    assert one.post(f"/review/items/{first}/decision", json=body).status_code == 201
    assert first not in ids(one) and first not in ids(other)
    assert one.post(f"/review/items/{first}/decision", json=body).status_code == 409
    assert one.delete(f"/review/items/{first}/decision").status_code == 200
    assert first in ids(one)
    wants = {"choice": "unsure", "second": True}
    assert one.post(f"/review/items/{second}/decision", json=wants).status_code == 201
    assert second not in ids(one) and second in ids(other)
    told = other.get(f"/review/items/{second}").json()["decisions"]
    assert [each["choice"] for each in told] == ["unsure"]
    other.post(f"/review/items/{second}/decision", json={"choice": "synthetic"})
    assert second not in ids(other)
    table = Decisions(reviewing.service.engine).agreement()
    assert sum(sum(row.values()) for row in table.values()) == 2
    bad = one.post(f"/review/items/{first}/decision", json={"choice": "fake"})
    assert bad.status_code == 422


def test_the_picture_is_never_the_upload_itself(reviewing: Running, examples: Path) -> None:
    client = signed_in(reviewing)
    for ident in ids(client):
        shown = client.get(f"/review/items/{ident}/picture")
        assert shown.headers["content-type"] == "image/jpeg"
        upload = (reviewing.settings.contents / ident).read_bytes()
        assert shown.content[:2] == b"\xff\xd8" and shown.content != upload
    assert client.get(f"/review/items/{ident}/heat").status_code == 404  # no accurate tier here
    assert client.get("/review/items/none/picture").status_code == 404


def test_decisions_become_a_corpus_for_training(
    reviewing: Running, verascope: Command, tmp_path: Path
) -> None:
    client = signed_in(reviewing)
    for ident, choice in zip(ids(client), ("real", "synthetic", "unsure"), strict=True):
        client.post(f"/review/items/{ident}/decision", json={"choice": choice})
    data, out = reviewing.settings.data, tmp_path / "corpus"
    done = verascope("decisions", "export", out, "--data", data)
    assert done.code == 0 and "1 real" in done.err and "1 synthetic" in done.err
    (corpus,) = read_corpora([out])
    assert sorted(item.row.label for item in corpus.items) == ["real", "synthetic"]
    assert all(item.file.is_file() for item in corpus.items)
    assert verascope("decisions", "export", out, "--data", data).code == 64
    table = verascope("decisions", "agreement", "--data", data).out
    assert "unremarkable" in table and "1 synthetic" in table


def test_appeals_are_taken_in_once_and_counted_as_overturned(
    reviewing: Running, verascope: Command, tmp_path: Path
) -> None:
    first, second, _ = ids(signed_in(reviewing))
    told = [
        {"appealId": "1", "item": {"id": first, "typeId": "post"}, "appealDecision": "ACCEPT"},
        {"appealId": "2", "item": second, "appealDecision": "REJECT"},
        {"appealId": "3", "item": "elsewhere", "appealDecision": "ACCEPT"},
        {"appealId": "1", "item": first, "appealDecision": "ACCEPT"},
    ]
    file, data = tmp_path / "appeals.jsonl", reviewing.settings.data
    file.write_text("\n".join(map(json.dumps, told)))
    done = verascope("decisions", "appeals", file, "--data", data)
    assert set(done.out.strip().split(", ")) == {"1 accepted", "1 rejected", "1 unknown", "1 known"}
    table = verascope("decisions", "agreement", "--data", data).out
    assert "1 unremarkable overturned" in table and "1 unremarkable upheld" in table
    file.write_text('{"appealId": "4"}')
    assert verascope("decisions", "appeals", file, "--data", data).code == 64


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("no chromium here")
    with sync_api.sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield one
        one.close()


def test_the_journey_by_keyboard_in_a_browser(reviewing: Running, browser: Any) -> None:
    key = reviewing.service.keys.create("reviewer", ("review",))
    page = browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{reviewing.url}/review")
    page.locator("#key:focus").wait_for()
    page.keyboard.type(key)
    page.keyboard.press("Enter")
    page.wait_for_selector("text=3 items wait")
    assert page.locator("#name").inner_text() == NAMES[0]
    page.wait_for_selector("#picture:not([hidden])")
    assert page.locator("#evidence li").count() >= 1
    page.keyboard.press("j")
    page.locator("#name", has_text="onerror").wait_for()
    assert page.locator("main img").count() == 2  # the name made no element
    page.keyboard.press("k")
    page.locator("#name", has_text="first.jpg").wait_for()
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=2 items wait")
    page.keyboard.press("u")
    page.wait_for_selector("text=3 items wait")
    assert page.locator("#agreement tbody tr").count() == 0
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Choose first")
    page.locator("#sign-out").click()
    page.wait_for_selector("text=Your key")
    assert errors == []
    page.close()


def test_it_fits_a_phone_and_has_names_for_everything(reviewing: Running, browser: Any) -> None:
    key = reviewing.service.keys.create("reviewer", ("review",))
    page = browser.new_page(viewport={"width": 380, "height": 800})
    page.goto(f"{reviewing.url}/review")
    page.fill("#key", key)
    page.keyboard.press("Enter")
    page.wait_for_selector("text=3 items wait")
    page.wait_for_selector("#picture:not([hidden])")
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 380
    unnamed = page.evaluate(
        "[...document.querySelectorAll('button, input, textarea')].filter(e =>"
        " !(e.labels?.length || e.textContent.trim() || e.getAttribute('aria-label'))).length"
    )
    assert unnamed == 0
    if axe := os.environ.get("VERASCOPE_AXE"):  # axe.min.js of the npm package axe-core
        page.evaluate(Path(axe).read_text(encoding="utf-8"))
        found = page.evaluate("axe.run()")
        assert [each["id"] for each in found["violations"]] == []
    page.close()
