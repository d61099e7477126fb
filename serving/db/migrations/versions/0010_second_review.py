"""Blind second reviews, disputes and check items.

Revision 0010, after 0009.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

KINDS = "kind in ('decision','opinion','undo')"
OLD_KINDS = "kind in ('decision','undo')"
AWARE = sa.DateTime(timezone=True)
NOW = sa.text("clock_timestamp()")
TASK_INDEXES = (
    ("blind_tasks_open", ["candidate_id"], "state = 'open'", False),
    ("blind_tasks_disputed", ["id"], "state = 'disputed'", False),
    ("blind_task_waits_once", ["candidate_id"], "state = 'waiting'", True),
    ("check_once_per_person", ["candidate_id", "user_id"], "kind = 'check'", True),
)
FORGET_OPINIONS = (
    # The older tables have no place for an opinion; the audit log keeps it.
    "alter table review_events disable trigger review_events_rows",
    """
    delete from review_events where kind = 'undo'
    and undoes in (select id from review_events where kind = 'opinion')
    """,
    "delete from review_events where kind = 'opinion'",
    "alter table review_events enable trigger review_events_rows",
)


def upgrade() -> None:
    _create_tasks()
    _create_marks()
    op.add_column("review_events", sa.Column("task_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key("event_names_task", "review_events", "blind_tasks", ["task_id"], ["id"])
    op.create_index(op.f("ix_review_events_task_id"), "review_events", ["task_id"])
    op.drop_constraint("event_kind_known", "review_events")
    op.drop_constraint("decision_has_verdict", "review_events")
    op.create_check_constraint("event_kind_known", "review_events", KINDS)
    op.create_check_constraint(
        "decision_has_verdict", "review_events", "(kind <> 'undo') = (verdict is not null)"
    )
    op.create_check_constraint(
        "opinion_has_task", "review_events", "kind <> 'opinion' or task_id is not null"
    )


def downgrade() -> None:
    op.drop_column("review_events", "task_id")
    op.execute("drop table check_marks")
    op.execute("drop table blind_tasks")
    for statement in FORGET_OPINIONS:
        op.execute(statement)
    op.drop_constraint("event_kind_known", "review_events")
    op.drop_constraint("decision_has_verdict", "review_events")
    op.create_check_constraint("event_kind_known", "review_events", OLD_KINDS)
    op.create_check_constraint(
        "decision_has_verdict", "review_events", "(kind = 'decision') = (verdict is not null)"
    )


def _create_tasks() -> None:
    op.create_table(
        "blind_tasks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("candidate_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("about_id", sa.BigInteger(), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "excluded_ids",
            postgresql.ARRAY(sa.BigInteger()),
            server_default=sa.text("'{}'::bigint[]"),
            nullable=False,
        ),
        sa.Column("truth", sa.String(length=16), nullable=True),
        sa.Column("state", sa.String(length=16), server_default="open", nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("asked_by", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("opinion_id", sa.BigInteger(), nullable=True),
        sa.Column("settled_by_id", sa.BigInteger(), nullable=True),
        sa.Column("same_evidence", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("created_at", AWARE, server_default=NOW, nullable=False),
        sa.Column("answered_at", AWARE, nullable=True),
        sa.CheckConstraint(
            "kind in ('urgent','sample','asked','check')", name="blind_task_kind_known"
        ),
        sa.CheckConstraint(
            "state in ('waiting','open','agreed','disputed','settled','answered','cancelled')",
            name="blind_task_state_known",
        ),
        sa.CheckConstraint("(kind = 'check') = (truth is not null)", name="check_has_truth"),
        sa.CheckConstraint("(kind = 'check') = (user_id is not null)", name="check_has_person"),
        sa.ForeignKeyConstraint(["candidate_id"], ["candidates.id"]),
        sa.ForeignKeyConstraint(["about_id"], ["review_events.id"]),
        sa.ForeignKeyConstraint(["opinion_id"], ["review_events.id"]),
        sa.ForeignKeyConstraint(["settled_by_id"], ["review_events.id"]),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
        sa.ForeignKeyConstraint(["asked_by"], ["users.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    for name in ("about_id", "candidate_id", "user_id"):
        op.create_index(op.f(f"ix_blind_tasks_{name}"), "blind_tasks", [name])
    for name, columns, where, unique in TASK_INDEXES:
        op.create_index(
            name, "blind_tasks", columns, unique=unique, postgresql_where=sa.text(where)
        )


def _create_marks() -> None:
    op.create_table(
        "check_marks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("candidate_id", sa.BigInteger(), nullable=False),
        sa.Column("truth", sa.String(length=16), nullable=False),
        sa.Column("marked_by", sa.BigInteger(), nullable=False),
        sa.Column("marked_at", AWARE, server_default=NOW, nullable=False),
        sa.Column("removed_by", sa.BigInteger(), nullable=True),
        sa.Column("removed_at", AWARE, nullable=True),
        sa.CheckConstraint("truth in ('confirm','reject')", name="mark_truth_known"),
        sa.ForeignKeyConstraint(["candidate_id"], ["candidates.id"]),
        sa.ForeignKeyConstraint(["marked_by"], ["users.id"]),
        sa.ForeignKeyConstraint(["removed_by"], ["users.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "check_mark_stands_once",
        "check_marks",
        ["candidate_id"],
        unique=True,
        postgresql_where=sa.text("removed_at is null"),
    )
