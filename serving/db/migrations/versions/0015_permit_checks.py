"""What people said of the permits of an added storey.

Revision 0015, after 0014.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

APPEND_ONLY = (
    """
    create function refuse_change_of_permits() returns trigger language plpgsql as $$
    begin
        raise exception 'permit_events is append-only' using errcode = 'restrict_violation';
    end $$
    """,
    """
    create trigger permit_events_rows before update or delete on permit_events
    for each row execute function refuse_change_of_permits()
    """,
    """
    create trigger permit_events_whole before truncate on permit_events
    for each statement execute function refuse_change_of_permits()
    """,
)


def upgrade() -> None:
    op.create_table(
        "permit_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("candidate_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("permit", sa.String(length=16), nullable=False),
        sa.Column("answer", sa.String(length=16), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("is_opinion", sa.Boolean(), server_default=sa.false(), nullable=False),
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
        sa.CheckConstraint("kind in ('answer','undo')", name="permit_kind_known"),
        sa.CheckConstraint("permit in ('land','planning','construction')", name="permit_known"),
        sa.CheckConstraint("answer in ('yes','no','to_check')", name="permit_answer_known"),
        sa.CheckConstraint("kind = 'undo' or answer is not null", name="permit_answer_given"),
        sa.CheckConstraint(
            "(kind = 'undo') = (undoes is not null)", name="undo_names_permit_answer"
        ),
        sa.ForeignKeyConstraint(["candidate_id"], ["candidates.id"]),
        sa.ForeignKeyConstraint(["undoes"], ["permit_events.id"]),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("undoes"),
        sa.UniqueConstraint("user_id", "idempotency_key", name="permit_once"),
    )
    for name in ("candidate_id", "user_id"):
        op.create_index(op.f(f"ix_permit_events_{name}"), "permit_events", [name])
    for statement in APPEND_ONLY:
        op.execute(statement)


def downgrade() -> None:
    op.execute("drop table permit_events cascade")
    op.execute("drop function refuse_change_of_permits cascade")
