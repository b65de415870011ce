"""The OpenAPI document and the service hold to each other: schemathesis, with a seed."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")

from tests.serve.conftest import Serve

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance"
CHECKS += ",response_schema_conformance,negative_data_rejection,ignored_auth"
SCOPES = ("scan", "verify", "sign", "items", "models", "metrics", "admin")


def test_nothing_that_the_document_allows_breaks_the_service(serve: Serve, tmp_path: Path) -> None:
    pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    running = serve(max_body_bytes=1_000_000)
    key = running.service.keys.create("test", SCOPES, per_minute=1_000_000)
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "run"),
        f"{running.url}/openapi.json",
        *("--header", f"Authorization: Bearer {key}"),
        *("--checks", CHECKS, "--max-examples", "30", "--seed", "1"),
        *("--phases", "examples,coverage,fuzzing"),
    ]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "Tested: 1" in done.stdout  # ten or more operations
