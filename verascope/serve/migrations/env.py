"""What Alembic runs: the steps that are missing, on the connection that it was given."""

from alembic import context

from verascope.serve.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite cannot change a table in place
)
with context.begin_transaction():
    context.run_migrations()
