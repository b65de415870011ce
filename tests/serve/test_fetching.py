"""Media by their address: from allowed hosts alone; Mastodon's webhooks by their signature."""

import hashlib
import hmac
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")
import httpx

from tests.conftest import ROOT
from tests.serve.conftest import Running, Serve
from verascope.settings import Online

SECRET = "of-the-webhook"


@pytest.fixture
def media(photo: bytes) -> Iterator[str]:
    """A platform's own media host, on a private address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/away":
                self.send_response(302)
                self.send_header("Location", "http://169.254.169.254/latest/meta-data")
                self.end_headers()
                return
            self.send_response(200)
            self.end_headers()
            bodies = {"jpg": photo, "bin": bytes(100)}
            self.wfile.write(bodies.get(self.path.rpartition(".")[2], bytes(2_000_000)))

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def allowed(serve: Serve, **more: Any) -> Running:
    online = Online(hosts=("127.0.0.1",), private=("127.0.0.1",), max_bytes=1_000_000)
    return serve(fetch=online, **more)


def test_media_of_an_allowed_host_become_an_item(serve: Serve, media: str) -> None:
    running = allowed(serve)
    client = running.client("items")
    answer = client.post("/v1/items", json={"url": f"{media}/a/cat.jpg"})
    assert answer.status_code == 202, answer.text
    found = running.wait_for(client, answer.json()["id"])
    assert found["result"]["input"]["uri"] == "cat.jpg"
    assert found["result"]["score"] is not None


@pytest.mark.parametrize(
    "path",
    ["{media}/away", "{media}/huge", "http://localhost/x.jpg", "file:///etc/passwd", "nothing"],
)
def test_what_may_not_be_asked_is_refused(serve: Serve, media: str, path: str) -> None:
    running = allowed(serve)
    client = running.client("items")
    answer = client.post("/v1/items", json={"url": path.format(media=media)})
    assert answer.status_code == 422
    assert "was not fetched" in answer.json()["detail"]
    assert list(running.settings.contents.iterdir()) == []


def test_private_addresses_are_refused_although_the_host_is_allowed(
    serve: Serve, media: str
) -> None:
    running = serve(fetch=Online(hosts=("127.0.0.1",)))
    answer = running.client("items").post("/v1/items", json={"url": f"{media}/cat.jpg"})
    assert answer.status_code == 422


def test_without_allowed_hosts_nothing_is_fetched(serve: Serve, media: str) -> None:
    """Then a body of JSON is an upload like any other."""
    running = serve()
    client = running.client("items")
    ident = client.post("/v1/items", json={"url": f"{media}/cat.jpg"}).json()["id"]
    assert running.wait_for(client, ident)["result"]["reason"] == "unsupported_type"


def event(media: str, name: str = "status.created") -> bytes:
    """As Mastodon's documentation shows it, with what we do not read left in."""
    attachment = {"id": "22", "type": "image", "url": f"{media}/media/cat.jpg", "meta": {}}
    status = {
        "id": "11",
        "content": "<p>a cat</p>",
        "account": {"id": "1", "acct": "someone"},
        "media_attachments": [attachment],
    }
    told = {"event": name, "created_at": "2026-11-27T00:00:00Z", "object": status}
    return json.dumps(told).encode()


def sent(running: Running, body: bytes, secret: str = SECRET) -> httpx.Response:
    mac = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature": f"sha256={mac}", "Content-Type": "application/json"}
    return httpx.post(f"{running.url}/v1/adapters/mastodon", content=body, headers=headers)


def test_the_media_of_a_post_become_items_once(serve: Serve, media: str) -> None:
    running = allowed(serve, mastodon=SECRET)
    first, second = sent(running, event(media)), sent(running, event(media, "status.updated"))
    assert first.status_code == second.status_code == 202
    (ident,) = first.json()["items"]
    assert second.json()["items"] == [ident]
    client = running.client("items", "admin")
    found = running.wait_for(client, ident)
    assert found["context"] == {"status": "11", "attachment": "22"}
    assert found["result"]["input"]["uri"] == "cat.jpg"
    assert client.delete("/v1/items", params={"subject": "1"}).json() == {"deleted": 1}


def test_what_mastodon_did_not_sign_is_refused(serve: Serve, media: str) -> None:
    running = allowed(serve, mastodon=SECRET)
    assert sent(running, event(media), "another").status_code == 401
    assert sent(running, b"{}").status_code == 422
    assert sent(running, event(media, "report.created")).json() == {"items": []}
    assert sent(serve(data=running.settings.data / "other"), event(media)).status_code == 404


# What CoopIntegrationPlugin asks for (roostorg/coop, types/integration.ts).
SIGNAL_FIELDS = {
    "id", "displayName", "description", "docsUrl", "recommendedThresholds", "supportedLanguages",
    "pricingStructure", "eligibleInputs", "outputType", "needsMatchingValues",
    "eligibleSubcategories", "needsActionPenalties", "integration", "allowedInAutomatedRules",
}  # fmt: skip
SECTIONS = {
    "trainingData", "policyAndTaxonomy", "annotationMethodology", "performanceBenchmarks",
    "biasAndLimitations", "implementationGuidance", "relevantLinks",
}  # fmt: skip
COOP = """
import plugin from "file://PLUGIN";
const [config, ...urls] = process.argv.slice(2).map((text) => JSON.parse(text));
const context = {integrationId: "VERASCOPE", getCredential: async () => config};
const [{signalTypeId, signal}] = plugin.createSignals(context);
const found = [];
for (const value of urls) {
  try { found.push(await signal.run({orgId: "org", value})); }
  catch (error) { found.push(error.message); }
}
const disabled = await signal.getDisabledInfo("org");
const {run, getCost, getDisabledInfo, ...told} = signal;
const methods = [typeof run, typeof getCost(), typeof getDisabledInfo];
console.log(JSON.stringify(
  {manifest: plugin.manifest, signalTypeId, signal: told, methods, found, disabled}));
"""


def test_coops_plugin_keeps_to_the_published_types(
    serve: Serve, media: str, tmp_path: Path, photo: bytes
) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node here")
    running = allowed(serve)
    key = running.service.keys.create("coop", ("scan",))
    script = tmp_path / "coop.mjs"
    script.write_text(COOP.replace("PLUGIN", str(ROOT / "integrations" / "coop" / "index.mjs")))
    config = {"baseUrl": running.url, "apiKey": key}
    values = [
        {"type": "IMAGE", "value": {"url": f"{media}/a.jpg"}},
        f"{media}/a.jpg",
        f"{media}/huge",
        f"{media}/small.bin",
    ]
    done = subprocess.run(
        [node, str(script), *map(json.dumps, [config, *values])],
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout)
    manifest, signal = told["manifest"], told["signal"]
    assert manifest["id"].isupper() and manifest["requiresConfig"] is True
    assert told["signalTypeId"] == signal["id"]["type"] == manifest["signalTypeIds"][0]
    assert signal.keys() >= SIGNAL_FIELDS
    assert told["methods"] == ["function", "number", "function"]
    assert {each["id"] for each in manifest["modelCard"]["sections"]} >= SECTIONS
    assert signal["recommendedThresholds"].keys() == {
        "highPrecisionThreshold",
        "highRecallThreshold",
    }
    first, second, refused, unjudged = told["found"]
    wanted = running.client("scan").post("/v1/scan", content=photo).json()["score"]
    assert first == second == {"outputType": {"scalarType": "NUMBER"}, "score": wanted}
    assert "was not fetched" in refused
    assert "could not judge it: unsupported_type" in unjudged
    assert told["disabled"] == {"disabled": False}


# Stand-ins: Osprey's package is on no registry. Names and shapes of roostorg/osprey.
OSPREY = {
    "engine/executor/execution_context.py": "class ExecutionContext: ...",
    "engine/udf/arguments.py": """
class ArgumentsBase:
    def __init__(self, **given): self.__dict__.update(given)
""",
    "engine/udf/base.py": """
from typing import Generic, TypeVar
A, R = TypeVar("A"), TypeVar("R")
class UDFBase(Generic[A, R]): ...
""",
    "worker/adaptor/plugin_manager.py": "def hookimpl_osprey(function): return function",
}
PLUGIN = """
import json, sys
from verascope_osprey.plugin import Arguments, register_udfs
(function,) = register_udfs()
print(json.dumps([function().execute(None, Arguments(url=url)) for url in sys.argv[1:]]))
"""


def test_ospreys_function_asks_the_service(
    serve: Serve, media: str, tmp_path: Path, photo: bytes
) -> None:
    for name, text in OSPREY.items():
        file = tmp_path / "osprey" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    running = allowed(serve)
    key = running.service.keys.create("osprey", ("scan",))
    path = f"{tmp_path}{os.pathsep}{ROOT / 'integrations' / 'osprey'}"
    told = {"VERASCOPE_URL": running.url, "VERASCOPE_KEY": key, "PYTHONPATH": path}
    urls = [f"{media}/a.jpg", f"{media}/small.bin", "http://elsewhere.example/a.jpg"]
    done = subprocess.run(
        [sys.executable, "-c", PLUGIN, *urls],
        env=os.environ | told,
        capture_output=True,
        text=True,
        check=True,
    )
    wanted = running.client("scan").post("/v1/scan", content=photo).json()["score"]
    assert json.loads(done.stdout) == [wanted, -1.0, -1.0]
