"""Files of a flight from announcement to receipt, transfers that go on, videos and tracks.

Revision 0007, after 0006. Photos from before have no file: their flights have no receipt.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_media()
    _create_files()
    _create_uploads()


def downgrade() -> None:
    op.drop_table("uploads")
    op.drop_table("flight_files")
    op.drop_table("flight_media")


def _create_media() -> None:
    op.create_table(
        "flight_media",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("flight_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=400), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), server_default="waiting", nullable=False),
        sa.Column("frames", sa.Integer(), server_default=sa.text("0"), nullable=False),
        *_reason(),
        sa.Column("created_at", _AWARE, server_default=sa.text("now()"), nullable=False),
        sa.Column("processed_at", _AWARE, nullable=True),
        sa.CheckConstraint("kind in ('video','srt','mrk','gpx')", name="media_kind_known"),
        sa.CheckConstraint("state in ('waiting','done','failed')", name="media_state_known"),
        sa.ForeignKeyConstraint(["flight_id"], ["flights.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("flight_id", "name", "sha256", name="medium_once_per_flight"),
    )
    op.create_index(op.f("ix_flight_media_sha256"), "flight_media", ["sha256"])


def _create_files() -> None:
    identity = ["flight_id", "path", "size_bytes", "digest", "archive_id"]
    op.create_table(
        "flight_files",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("flight_id", sa.BigInteger(), nullable=False),
        sa.Column("archive_id", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("path", sa.String(length=400), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), server_default="", nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("staged", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=16), server_default="expected", nullable=False),
        *_reason(),
        sa.Column("photo_id", sa.BigInteger(), nullable=True),
        sa.Column("media_id", sa.BigInteger(), nullable=True),
        sa.Column("verified_at", _AWARE, nullable=True),
        sa.Column("created_at", _AWARE, server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_at", _AWARE, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "state in ('expected','transferring','checking','accepted','rejected')",
            name="file_state_known",
        ),
        sa.CheckConstraint(
            "kind in ('photo','archive','video','srt','mrk','gpx','other')", name="file_kind_known"
        ),
        sa.ForeignKeyConstraint(["flight_id"], ["flights.id"]),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"]),
        sa.ForeignKeyConstraint(["media_id"], ["flight_media.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(*identity, name="file_once_per_flight"),
    )
    op.create_index("flight_files_state", "flight_files", ["flight_id", "state", "id"])
    op.create_index("flight_files_order", "flight_files", ["flight_id", "id"])


def _create_uploads() -> None:
    op.create_table(
        "uploads",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("flight_id", sa.BigInteger(), nullable=False),
        sa.Column("file_id", sa.BigInteger(), nullable=False),
        sa.Column("length_bytes", sa.BigInteger(), nullable=False),
        sa.Column("offset_bytes", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", _AWARE, server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", _AWARE, nullable=False),
        sa.Column("completed_at", _AWARE, nullable=True),
        sa.CheckConstraint("offset_bytes between 0 and length_bytes", name="upload_offset_in_file"),
        sa.ForeignKeyConstraint(["flight_id"], ["flights.id"]),
        sa.ForeignKeyConstraint(["file_id"], ["flight_files.id"]),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "upload_open_once",
        "uploads",
        ["file_id"],
        unique=True,
        postgresql_where=sa.text("completed_at is null"),
    )
    op.create_index("uploads_expiry", "uploads", ["expires_at"])
    op.create_index(op.f("ix_uploads_flight_id"), "uploads", ["flight_id"])
    op.create_index(op.f("ix_uploads_file_id"), "uploads", ["file_id"])


def _reason() -> tuple[sa.Column[str], ...]:
    return (
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("remedy", sa.Text(), nullable=True),
    )


_AWARE = sa.DateTime(timezone=True)
