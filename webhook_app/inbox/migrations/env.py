"""Alembic's entry: run the migrations on the connection that the inbox hands over."""

from __future__ import annotations

from alembic import context

from webhook_app.inbox.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
