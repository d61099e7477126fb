"""Bulk acts, appearance of detections, keys of people.

Revision 0011, after 0010.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

APPEND_ONLY = ("bulk_acts", "bulk_act_members")


def upgrade() -> None:
    op.create_table(
        "bulk_acts",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("anchor_id", sa.BigInteger(), nullable=False),
        sa.Column("min_similarity", sa.Float(), nullable=True),
        sa.Column(
            "left_out", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
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
        sa.CheckConstraint("kind in ('reject','undo')", name="bulk_kind_known"),
        sa.CheckConstraint("(kind = 'undo') = (undoes is not null)", name="undo_names_bulk"),
        sa.ForeignKeyConstraint(["undoes"], ["bulk_acts.id"]),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("undoes"),
        sa.UniqueConstraint("user_id", "idempotency_key", name="bulk_once"),
    )
    op.create_index("bulk_acts_of_person", "bulk_acts", ["user_id", "id"])
    op.create_table(
        "bulk_act_members",
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("bulk_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["bulk_id"], ["bulk_acts.id"]),
        sa.ForeignKeyConstraint(["event_id"], ["review_events.id"]),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_index(op.f("ix_bulk_act_members_bulk_id"), "bulk_act_members", ["bulk_id"])
    op.create_table(
        "detection_appearance",
        sa.Column("detection_id", sa.BigInteger(), nullable=False),
        sa.Column("weights_sha256", sa.String(length=64), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["detection_id"], ["detections.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("detection_id"),
    )
    op.create_table(
        "user_preferences",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", postgresql.JSONB(), nullable=False),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
        sa.PrimaryKeyConstraint("user_id", "name"),
    )
    _make_append_only()


def downgrade() -> None:
    for table in ("user_preferences", "detection_appearance", "bulk_act_members", "bulk_acts"):
        op.execute(f"drop table {table} cascade")
    op.execute("drop function refuse_change_of_bulk cascade")


def _make_append_only() -> None:
    op.execute(
        """
        create function refuse_change_of_bulk() returns trigger language plpgsql as $$
        begin
            raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
        end $$
        """
    )
    for table in APPEND_ONLY:
        op.execute(
            f"""
            create trigger {table}_rows before update or delete on {table}
            for each row execute function refuse_change_of_bulk()
            """
        )
        op.execute(
            f"""
            create trigger {table}_whole before truncate on {table}
            for each statement execute function refuse_change_of_bulk()
            """
        )
