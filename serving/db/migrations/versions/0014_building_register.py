"""The register of what buildings are permitted to be.

Revision 0014, after 0013.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_AWARE = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create_registers()
    _create_entries()


def downgrade() -> None:
    op.drop_table("register_entries")
    op.drop_table("building_registers")


def _create_registers() -> None:
    op.create_table(
        "building_registers",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("layer_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("file_name", sa.String(length=400), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("fields", postgresql.JSONB(), nullable=False),
        sa.Column("notes", postgresql.JSONB(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("joined_count", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", _AWARE, server_default=sa.text("now()"), nullable=False),
        sa.Column("replaced_by", sa.BigInteger(), nullable=True),
        sa.Column("replaced_at", _AWARE, nullable=True),
        sa.Column("deleted_by", sa.BigInteger(), nullable=True),
        sa.Column("deleted_at", _AWARE, nullable=True),
        sa.ForeignKeyConstraint(["layer_id"], ["layers.id"]),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"]),
        sa.ForeignKeyConstraint(["replaced_by"], ["building_registers.id"]),
        sa.ForeignKeyConstraint(["deleted_by"], ["users.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "register_current_once",
        "building_registers",
        ["layer_id"],
        unique=True,
        postgresql_where=sa.text("replaced_at is null and deleted_at is null"),
    )


def _create_entries() -> None:
    texts = ("use", "land_permit", "planning_permit", "construction_permit")
    op.create_table(
        "register_entries",
        sa.Column("register_id", sa.BigInteger(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("feature_ordinal", sa.Integer(), nullable=True),
        sa.Column("building_no", sa.String(length=200), nullable=True),
        sa.Column("permitted_storeys", sa.Integer(), nullable=True),
        sa.Column("permitted_height_m", sa.Float(), nullable=True),
        sa.Column("permitted_area_m2", sa.Float(), nullable=True),
        *(sa.Column(name, sa.String(length=200), nullable=True) for name in texts),
        sa.ForeignKeyConstraint(["register_id"], ["building_registers.id"]),
        sa.PrimaryKeyConstraint("register_id", "ordinal"),
    )
    op.create_index(
        "register_entries_building", "register_entries", ["register_id", "feature_ordinal"]
    )
