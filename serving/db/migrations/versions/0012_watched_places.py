"""Flights that came from a watched folder or bucket.

Revision 0012, after 0011.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "watched_folders",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("listing", sa.String(length=64), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("place", "folder", name="watched_folder_once"),
    )
    op.create_table(
        "watched_flights",
        sa.Column("flight_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("folder_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), server_default="reading", nullable=False),
        sa.CheckConstraint("state in ('reading','checking','done')", name="watched_state_known"),
        sa.ForeignKeyConstraint(["flight_id"], ["flights.id"]),
        sa.ForeignKeyConstraint(["folder_id"], ["watched_folders.id"]),
        sa.PrimaryKeyConstraint("flight_id"),
    )
    op.create_index("ix_watched_flights_folder_id", "watched_flights", ["folder_id"])
    op.create_index("ix_watched_flights_state", "watched_flights", ["state"])
    op.create_table(
        "watched_files",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("folder_id", sa.BigInteger(), nullable=False),
        sa.Column("flight_id", sa.BigInteger(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["flight_id"], ["watched_flights.flight_id"]),
        sa.ForeignKeyConstraint(["folder_id"], ["watched_folders.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("folder_id", "path", "version", name="watched_file_once"),
    )
    op.create_index("ix_watched_files_flight_id", "watched_files", ["flight_id"])


def downgrade() -> None:
    for table in ("watched_files", "watched_flights", "watched_folders"):
        op.drop_table(table)
