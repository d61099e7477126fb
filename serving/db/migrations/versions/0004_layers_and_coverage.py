"""Imported layers, what each flight covered, and the quality of each photo.

Revision 0004, after 0003. Photos from before have no quality, which coverage tells apart from a
bad one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

PHOTO_QUALITY = ("blur_px", "brightness", "dark_share", "bright_share")
SIDES = ("west", "south", "east", "north")


def upgrade() -> None:
    for name in PHOTO_QUALITY:
        op.add_column("photos", sa.Column(name, sa.Float(), nullable=True))
    _create_layers()
    _create_features()
    _create_coverage()


def downgrade() -> None:
    op.drop_table("flight_coverage")
    op.drop_table("layer_features")
    op.drop_table("layers")
    for name in PHOTO_QUALITY:
        op.drop_column("photos", name)


def _create_layers() -> None:
    op.create_table(
        "layers",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("level", sa.String(length=16), server_default="", nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("crs", sa.String(length=80), nullable=False),
        sa.Column("file_name", sa.String(length=400), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("feature_count", sa.Integer(), nullable=False),
        sa.Column("fields", postgresql.JSONB(), nullable=False),
        sa.Column("warnings", postgresql.JSONB(), nullable=False),
        *(sa.Column(side, sa.Float(), nullable=False) for side in SIDES),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", _AWARE, server_default=sa.text("now()"), nullable=False),
        sa.Column("deleted_by", sa.BigInteger(), nullable=True),
        sa.Column("deleted_at", _AWARE, nullable=True),
        sa.CheckConstraint(
            "kind in ('buildings','covers','areas','terrain')", name="layer_kind_known"
        ),
        sa.CheckConstraint(
            "level in ('','district','street','community','grid','survey')",
            name="layer_level_known",
        ),
        sa.CheckConstraint("(kind = 'areas') = (level <> '')", name="layer_level_of_areas"),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"]),
        sa.ForeignKeyConstraint(["deleted_by"], ["users.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "layer_file_once",
        "layers",
        ["kind", "level", "sha256"],
        unique=True,
        postgresql_where=sa.text("deleted_at is null"),
    )


def _create_features() -> None:
    op.create_table(
        "layer_features",
        sa.Column("layer_id", sa.BigInteger(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("feature_id", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=400), nullable=True),
        *(sa.Column(side, sa.Float(), nullable=False) for side in SIDES),
        sa.Column("geometry", sa.LargeBinary(), nullable=False),
        sa.Column("height_m", sa.Float(), nullable=True),
        sa.Column("storeys", sa.Integer(), nullable=True),
        sa.Column("diameter_m", sa.Float(), nullable=True),
        sa.Column("properties", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["layer_id"], ["layers.id"]),
        sa.PrimaryKeyConstraint("layer_id", "ordinal"),
    )
    op.create_index("layer_features_place", "layer_features", ["layer_id", *SIDES])


def _create_coverage() -> None:
    op.create_table(
        "flight_coverage",
        sa.Column("flight_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("requested_at", _AWARE, nullable=False),
        sa.Column("computed_at", _AWARE, nullable=True),
        sa.Column(
            "layer_ids", postgresql.ARRAY(sa.BigInteger()), server_default="{}", nullable=False
        ),
        sa.Column("summary", postgresql.JSONB(), nullable=True),
        sa.Column("files", postgresql.JSONB(), nullable=True),
        sa.Column("failure_code", sa.String(length=64), nullable=True),
        sa.Column("failure_message", sa.Text(), nullable=True),
        sa.Column("failure_remedy", sa.Text(), nullable=True),
        sa.CheckConstraint("state in ('queued','done','failed')", name="coverage_state_known"),
        sa.ForeignKeyConstraint(["flight_id"], ["flights.id"]),
        sa.PrimaryKeyConstraint("flight_id"),
    )


_AWARE = sa.DateTime(timezone=True)
