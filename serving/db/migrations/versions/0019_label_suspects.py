"""Labels that are suspected of being wrong, and what people said of them.

Revision 0019, after 0018.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

NOW = sa.text("clock_timestamp()")

APPEND_ONLY = (
    """
    create function refuse_change_of_suspect_events() returns trigger language plpgsql as $$
    begin
        raise exception 'suspect_events is append-only' using errcode = 'restrict_violation';
    end $$
    """,
    """
    create trigger suspect_events_rows before update or delete on suspect_events
    for each row execute function refuse_change_of_suspect_events()
    """,
    """
    create trigger suspect_events_whole before truncate on suspect_events
    for each statement execute function refuse_change_of_suspect_events()
    """,
)


def upgrade() -> None:
    _create_suspects()
    op.create_table(
        "suspect_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("suspect_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("answer", sa.String(length=16), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("undoes", sa.BigInteger(), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("idempotency_key", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.CheckConstraint("kind in ('answer','undo')", name="suspect_event_kind_known"),
        sa.CheckConstraint(
            "answer in ('accept','fix','drop','unsure','return')", name="suspect_answer_known"
        ),
        sa.CheckConstraint("(kind = 'answer') = (answer is not null)", name="suspect_answer_given"),
        sa.CheckConstraint(
            "(kind = 'undo') = (undoes is not null)", name="undo_names_suspect_answer"
        ),
        sa.ForeignKeyConstraint(["suspect_id"], ["label_suspects.id"]),
        sa.ForeignKeyConstraint(["undoes"], ["suspect_events.id"]),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("undoes"),
        sa.UniqueConstraint("user_id", "idempotency_key", name="suspect_act_once"),
    )
    for name in ("suspect_id", "user_id"):
        op.create_index(op.f(f"ix_suspect_events_{name}"), "suspect_events", [name])
    for statement in APPEND_ONLY:
        op.execute(statement)


def _create_suspects() -> None:
    numbers = postgresql.ARRAY(sa.BigInteger())
    shape = postgresql.JSONB(none_as_null=True)
    op.create_table(
        "label_suspects",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.String(length=24), nullable=False),
        sa.Column("set_name", sa.String(length=120), nullable=False),
        sa.Column("data_sha256", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("suspicion", sa.Float(), nullable=False),
        sa.Column("photo_name", sa.String(length=400), nullable=False),
        sa.Column("photo_sha256", sa.String(length=64), nullable=False),
        sa.Column("width_px", sa.Integer(), nullable=False),
        sa.Column("height_px", sa.Integer(), nullable=False),
        sa.Column("split", sa.String(length=8), nullable=False),
        sa.Column("source", sa.String(length=200), server_default="", nullable=False),
        sa.Column("has_outlines", sa.Boolean(), nullable=False),
        sa.Column("label", shape, nullable=True),
        sa.Column("model", shape, nullable=True),
        sa.Column(
            "others", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
        sa.Column("window", numbers, nullable=False),
        sa.Column("crop_sha256", sa.String(length=64), nullable=False),
        sa.Column("event_ids", numbers, server_default="{}", nullable=False),
        sa.Column("annotation_ids", numbers, server_default="{}", nullable=False),
        sa.Column("candidate_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=16), server_default="open", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.CheckConstraint(
            "kind in ('missing_label','no_object','wrong_class','bad_box')",
            name="suspect_kind_known",
        ),
        sa.CheckConstraint(
            "state in ('open','accepted','fixed','dropped','unsure','returned')",
            name="suspect_state_known",
        ),
        sa.ForeignKeyConstraint(["candidate_id"], ["candidates.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("set_name", "key", name="suspect_once"),
    )
    op.create_index(
        "label_suspects_queue", "label_suspects", ["state", sa.text("suspicion desc"), "id"]
    )


def downgrade() -> None:
    op.execute("drop table suspect_events cascade")
    op.execute("drop function refuse_change_of_suspect_events cascade")
    op.drop_table("label_suspects")
