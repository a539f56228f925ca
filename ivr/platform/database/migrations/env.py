"""Alembic's entry: runs the migrations on the connection that `ivr.platform.database.migrations` hands over."""

from alembic import context

from ivr.platform.database.metadata import all_tables

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=all_tables(), render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
