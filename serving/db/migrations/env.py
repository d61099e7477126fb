"""Alembic runs this file: migrate on the connection that ``serving.db.migrate`` hands over."""

from alembic import context

from serving.db.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    include_name=lambda name, kind, _parents: (
        kind != "table" or not str(name).startswith("procrastinate_")
    ),
)
with context.begin_transaction():
    context.run_migrations()
