"""The API as a platform calls it: Results, items, errors, limits; nothing of the inside leaks."""

import json
import re
import socket
from pathlib import Path

import httpx
import pytest

from tests.serve.conftest import Serve
from verascope.provenance.certificates import dev_chain
from verascope.result import Result
from verascope.scanner import Scanner
from verascope.serve import audit
from verascope.serve.config import SigningKey
from verascope.settings import Quality, Settings


def test_a_scan_answers_with_the_result_of_the_command_line(
    serve: Serve, photo: bytes, examples: Path
) -> None:
    client = serve().client("scan")
    answer = client.post("/v1/scan", content=photo, headers={"X-File-Name": "r.jpg"})
    assert answer.status_code == 200
    found = Result.from_json(answer.content)
    with Scanner(Settings(quality=Quality.FAST)) as scanner:
        wanted = scanner.scan(examples / "photographs" / "rocket.jpg")
    assert (found.score, found.verdict) == (wanted.score, wanted.verdict)
    assert found.input.sha256 == wanted.input.sha256
    assert found.input.uri == "r.jpg"
    assert answer.headers["x-request-id"] and answer.headers["cache-control"] == "no-store"


def test_a_form_is_the_same_upload(serve: Serve, photo: bytes) -> None:
    client = serve().client("scan")
    fields = {"note": "before"}
    answer = client.post("/v1/scan", data=fields, files={"file": ("a b.jpg", photo, "image/jpeg")})
    found = Result.from_json(answer.content)
    assert found.input.uri == "a b.jpg" and found.input.bytes == len(photo)


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"--x\r\nno end", "multipart/form-data; boundary=x", 422),
        (b"nothing of a form", "multipart/form-data; boundary=x", 400),
        (b'--x\r\nContent-Disposition: form-data; name="y"\r\n\r\n1\r\n--x--', None, 422),
    ],
)
def test_a_bad_form_is_a_problem(serve: Serve, body: bytes, kind: str | None, status: int) -> None:
    client = serve().client("scan")
    headers = {"Content-Type": kind or "multipart/form-data; boundary=x"}
    answer = client.post("/v1/scan", content=body, headers=headers)
    assert answer.status_code in (400, status)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_hostile_upload_has_a_reason_and_an_empty_one_too(serve: Serve) -> None:
    client = serve().client("scan")
    found = Result.from_json(client.post("/v1/scan", content=b"\xff\xd8\xff\xe0cut").content)
    assert found.status == "failed" and found.reason
    found = Result.from_json(client.post("/v1/scan", content=b"").content)
    assert found.reason == "empty"


def test_items_are_taken_judged_and_told(serve: Serve, photo: bytes) -> None:
    running = serve()
    client = running.client("items")
    given = {"context": '{"post": 7}', "subject": "user-1"}
    answer = client.post("/v1/items", content=photo, params=given)
    assert answer.status_code == 202
    ident = answer.json()["id"]
    assert answer.headers["location"] == f"/v1/items/{ident}"
    found = running.wait_for(client, ident)
    assert (found["state"], found["context"]) == ("done", {"post": 7})
    assert found["result"]["score"] is not None
    numbers = client.get(f"/v1/items/{ident}/signals").json()
    assert numbers["synthetic_score"] == found["result"]["score"]
    assert numbers["reaches_high_precision"] in (0.0, 1.0)
    assert list(running.settings.contents.iterdir()) == []


def test_the_same_idempotency_key_is_the_same_item(serve: Serve, photo: bytes) -> None:
    running = serve()
    client = running.client("items")
    headers = {"Idempotency-Key": "abc"}
    first, second = (client.post("/v1/items", content=photo, headers=headers) for _ in range(2))
    assert first.json()["id"] == second.json()["id"]
    other = client.post("/v1/items", content=photo + b"x", headers=headers)
    assert other.status_code == 409
    elsewhere = running.client("items").post("/v1/items", content=photo, headers=headers)
    assert elsewhere.json()["id"] != first.json()["id"]


def test_content_stays_only_where_the_policy_wants_a_person_to_look(
    serve: Serve, photo: bytes, tmp_path: Path
) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('default = "review"')
    running = serve(policy=rules)
    client = running.client("items")
    ident = client.post("/v1/items", content=photo).json()["id"]
    assert running.wait_for(client, ident)["action"] == "review"
    assert [path.name for path in running.settings.contents.iterdir()] == [ident]


def test_a_subject_is_forgotten(serve: Serve, photo: bytes, tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('default = "review"')
    running = serve(policy=rules)
    client = running.client("items", "admin")
    ids = [
        client.post("/v1/items", content=photo, params={"subject": who}).json()["id"]
        for who in ("one", "one", "two")
    ]
    for ident in ids:
        running.wait_for(client, ident)
    assert client.delete("/v1/items", params={"subject": "one"}).json() == {"deleted": 2}
    assert [client.get(f"/v1/items/{ident}").status_code for ident in ids] == [404, 404, 200]
    assert [path.name for path in running.settings.contents.iterdir()] == [ids[2]]


def test_a_credential_is_verified(serve: Serve, examples: Path) -> None:
    client = serve().client("verify")
    signed = (examples / "signed.jpg").read_bytes()
    found = client.post("/v1/verify", content=signed).json()
    assert found["outcome"] == "valid_untrusted"
    assert found["input"]["uri"] == "upload"


def test_an_upload_is_signed_with_the_platforms_key(
    serve: Serve, photo: bytes, tmp_path: Path
) -> None:
    made = dev_chain("A platform")
    (tmp_path / "chain.pem").write_bytes(made.chain)
    (tmp_path / "key.pem").write_bytes(made.key)
    key = SigningKey(certificates=tmp_path / "chain.pem", key=tmp_path / "key.pem")
    running = serve(sign=key)
    client = running.client("sign", "verify")
    told = {"source_type": "trainedAlgorithmicMedia"}
    answer = client.post("/v1/sign", content=photo, params=told)
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/jpeg"
    found = client.post("/v1/verify", content=answer.content).json()
    assert found["outcome"] == "valid_untrusted"
    assert found["claims"][0]["source_type"] == "trainedAlgorithmicMedia"
    refused = client.post("/v1/sign", content=b"not a picture")
    assert refused.status_code == 422 and str(tmp_path) not in refused.text
    assert client.post("/v1/sign", content=b"").status_code == 422
    assert list(running.settings.contents.iterdir()) == []
    assert audit.verify(running.service.engine) == (1, None)


def test_without_a_key_nothing_is_signed(serve: Serve, photo: bytes) -> None:
    assert serve().client("sign").post("/v1/sign", content=photo).status_code == 404


def test_models_have_cards_and_two_thresholds(serve: Serve) -> None:
    models = serve().client("models").get("/v1/models").json()["models"]
    assert [model["name"] for model in models] == [
        "image-residual",
        "audio-spectral",
        "text-style",
    ]
    for model in models:
        points = [point["name"] for point in model["operating_points"]]
        assert points == ["high_precision", "high_recall"]
        assert model["card"].startswith(f"# {model['name']}")


def test_keys_scopes_and_rates(serve: Serve, photo: bytes) -> None:
    running = serve()
    anonymous = httpx.Client(base_url=running.url)
    assert anonymous.post("/v1/scan", content=photo).status_code == 401
    wrong = {"Authorization": "Bearer vsk_0000_none"}
    assert anonymous.post("/v1/scan", content=photo, headers=wrong).status_code == 401
    client = running.client("models")
    answer = client.post("/v1/scan", content=photo)
    assert answer.status_code == 403 and "'scan'" in answer.json()["detail"]
    (key,) = running.service.keys.all()
    running.service.keys.revoke(key.id)
    assert client.get("/v1/models").status_code == 401
    slow = running.client("models", per_minute=2)
    assert [slow.get("/v1/models").status_code for _ in range(3)] == [200, 200, 429]
    assert int(slow.get("/v1/models").headers["retry-after"]) >= 1


def test_an_upload_over_the_limit_never_fills_the_disk(serve: Serve, photo: bytes) -> None:
    running = serve(max_body_bytes=10_000)
    client = running.client("scan", "items")
    for path in ("/v1/scan", "/v1/items"):
        assert client.post(path, content=photo).status_code == 413
        form = client.post(path, files={"file": ("a.jpg", photo)})
        assert form.status_code == 413
        unsized = client.post(path, content=iter([photo[:9000], photo[9000:]]))
        assert unsized.status_code == 413
    assert list(running.settings.contents.iterdir()) == []


def test_a_caller_that_goes_away_leaves_nothing(serve: Serve, photo: bytes) -> None:
    running = serve()
    key = running.service.keys.create("test", ("scan",))
    with socket.create_connection(("127.0.0.1", int(running.url.rpartition(":")[2]))) as sock:
        head = f"POST /v1/scan HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
        sock.sendall(head.encode() + b"Content-Length: 100000\r\n\r\n" + photo[:5000])
    client = running.client("scan")
    assert client.post("/v1/scan", content=photo).status_code == 200
    assert list(running.settings.contents.iterdir()) == []


def test_a_full_queue_says_when_to_come_again(
    serve: Serve, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = serve(max_waiting=5)
    monkeypatch.setattr(running.service.queue, "waiting", lambda: 5)
    answer = running.client("items").post("/v1/items", content=photo)
    assert answer.status_code == 429 and answer.headers["retry-after"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/items/none", 404),
        ("GET", "/v1/nothing", 404),
        ("PUT", "/v1/scan", 405),
        ("POST", "/v1/items?context={", 422),
        ("DELETE", "/v1/items?subject=", 422),
    ],
)
def test_errors_are_problems(serve: Serve, method: str, path: str, status: int) -> None:
    answer = serve().client("items", "admin").request(method, path)
    assert answer.status_code == status
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "instance"} == problem.keys()
    assert problem["instance"] == f"urn:request:{answer.headers['x-request-id']}"


def test_a_fault_of_ours_tells_nothing(
    serve: Serve, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = serve()

    def broken(_: object) -> None:
        raise RuntimeError("secret of the inside")

    monkeypatch.setattr(running.service.desk, "judge", broken)
    answer = running.client("scan").post("/v1/scan", content=photo)
    assert answer.status_code == 500
    assert "secret" not in answer.text and "RuntimeError" not in answer.text
    assert list(running.settings.contents.iterdir()) == []


def test_health_readiness_and_metrics(serve: Serve, photo: bytes) -> None:
    running = serve()
    client = running.client("scan", "metrics")
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}
    client.post("/v1/scan", content=photo, headers={"X-File-Name": "name-of-a-person.jpg"})
    text = client.get("/metrics").text
    assert re.search(
        r'verascope_scans_total\{modality="image",reason="none",verdict="\w+"\} 1', text
    )
    assert "verascope_queue_depth 0" in text
    assert "name-of-a-person" not in text


def test_openapi_tells_of_every_route(serve: Serve) -> None:
    document = httpx.get(f"{serve().url}/openapi.json").json()
    assert {"/v1/scan", "/v1/items", "/v1/items/{ident}", "/healthz"} <= document["paths"].keys()
    assert "application/problem+json" in json.dumps(document)
