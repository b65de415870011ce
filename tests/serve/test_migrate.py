"""Migrations: they lead to the tables that the code speaks of, on each database, once."""

from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from verascope.serve.migrate import configuration, migrate
from verascope.serve.schema import engine_of, metadata
from verascope.serve.store import Store


def test_the_steps_lead_to_the_tables_of_the_code(store: Store) -> None:
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_they_run_once_and_can_be_gone_back(tmp_path: Path) -> None:
    engine = engine_of(f"sqlite:///{tmp_path / 'store.sqlite'}")
    migrate(engine)
    with engine.begin() as connection:
        command.downgrade(configuration(connection), "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]
    migrate(engine)
    assert set(metadata.tables) < set(inspect(engine).get_table_names())
