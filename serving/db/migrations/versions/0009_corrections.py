"""Boxes and classes that people corrected; photos found by where they were taken.

Revision 0009, after 0008.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

APPEND_ONLY = (
    """
    create function refuse_change_of_corrections() returns trigger language plpgsql as $$
    begin
        raise exception 'correction_events is append-only' using errcode = 'restrict_violation';
    end $$
    """,
    """
    create trigger correction_events_rows before update or delete on correction_events
    for each row execute function refuse_change_of_corrections()
    """,
    """
    create trigger correction_events_whole before truncate on correction_events
    for each statement execute function refuse_change_of_corrections()
    """,
)
BACK_TO_THE_MODELS = """
    update candidates set hazard_class = model_class where model_class is not null
"""


def upgrade() -> None:
    op.add_column("candidates", sa.Column("model_class", sa.String(length=40), nullable=True))
    op.create_index("photos_place", "photos", ["lat", "lon"])
    op.create_table(
        "correction_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("flight_id", sa.BigInteger(), nullable=False),
        sa.Column("candidate_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("photo_sha256", sa.String(length=64), nullable=True),
        sa.Column("thing", sa.String(length=40), nullable=True),
        sa.Column("seen_bbox_xyxy", postgresql.ARRAY(sa.Float()), nullable=True),
        sa.Column("before", postgresql.JSONB(), nullable=True),
        sa.Column("after", postgresql.JSONB(), nullable=True),
        sa.Column("is_opinion", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("undoes", sa.BigInteger(), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("idempotency_key", sa.String(length=64), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint("kind in ('box','class','undo')", name="correction_kind_known"),
        sa.CheckConstraint("(kind = 'undo') = (undoes is not null)", name="undo_names_correction"),
        sa.CheckConstraint(
            "(photo_sha256 is null) = (seen_bbox_xyxy is null)"
            " and (photo_sha256 is null) = (thing is null)",
            name="correction_names_sighting",
        ),
        sa.ForeignKeyConstraint(["flight_id"], ["flights.id"]),
        sa.ForeignKeyConstraint(["candidate_id"], ["candidates.id"]),
        sa.ForeignKeyConstraint(["undoes"], ["correction_events.id"]),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("undoes"),
        sa.UniqueConstraint("user_id", "idempotency_key", name="correction_once"),
    )
    for name in ("candidate_id", "user_id"):
        op.create_index(op.f(f"ix_correction_events_{name}"), "correction_events", [name])
    op.create_index(
        "correction_events_photo", "correction_events", ["flight_id", "photo_sha256", "id"]
    )
    for statement in APPEND_ONLY:
        op.execute(statement)


def downgrade() -> None:
    op.execute("drop table correction_events cascade")
    op.execute("drop function refuse_change_of_corrections cascade")
    op.drop_index("photos_place", table_name="photos")
    op.execute(BACK_TO_THE_MODELS)
    op.drop_column("candidates", "model_class")
