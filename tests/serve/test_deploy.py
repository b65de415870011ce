"""The Compose file: valid where its schema is at hand, and every option that it gives exists."""

import json
import os
import re
from pathlib import Path
from typing import Any

import click
import pytest

from tests.conftest import ROOT
from verascope.cli.main import cli

yaml = pytest.importorskip("yaml", reason="pyyaml is not installed")
KEYS = {"services", "volumes", "networks", "configs", "secrets", "name"}


@pytest.fixture
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text("utf-8"))
    return found


def test_the_commands_options_exist(compose: dict[str, Any]) -> None:
    verb, *options = compose["services"]["verascope"]["command"]
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None
    known = {text for option in command.params for text in option.opts}
    assert {option.partition("=")[0] for option in options} <= known
    docker = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
    (started,) = re.findall(r"^CMD (.*)$", docker, re.MULTILINE)
    assert {each for each in json.loads(started) if each.startswith("--")} <= known


def test_what_is_named_is_there_and_nothing_is_published(compose: dict[str, Any]) -> None:
    assert compose.keys() <= KEYS
    for service in compose["services"].values():
        assert "ports" not in service and "healthcheck" in service
        assert set(service.get("depends_on", {})) <= compose["services"].keys()
        for volume in service.get("volumes", []):
            assert volume.partition(":")[0] in compose["volumes"]


def test_it_is_valid_by_the_compose_specifications_schema(compose: dict[str, Any]) -> None:
    """$VERASCOPE_COMPOSE_SCHEMA: compose-spec.json, which is not ours to carry."""
    schema = os.environ.get("VERASCOPE_COMPOSE_SCHEMA")
    if not schema:
        pytest.skip("no schema of the Compose Specification given")
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(compose, json.loads(Path(schema).read_text("utf-8")))
