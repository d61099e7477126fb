"""Alembic migrations: run by :mod:`serving.db.migrate`."""
