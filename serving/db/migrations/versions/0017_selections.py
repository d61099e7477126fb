"""What to label next, and how scores and confirmations drift.

Revision 0017, after 0016.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

APPEND_ONLY = (
    """
    create function refuse_change_of_drift_seen() returns trigger language plpgsql as $$
    begin
        raise exception 'drift_seen is append-only' using errcode = 'restrict_violation';
    end $$
    """,
    """
    create trigger drift_seen_rows before update or delete on drift_seen
    for each row execute function refuse_change_of_drift_seen()
    """,
    """
    create trigger drift_seen_whole before truncate on drift_seen
    for each statement execute function refuse_change_of_drift_seen()
    """,
)
PARTS = ("total", "uncertainty", "diversity", "rarity", "disagreement", "novelty")


def upgrade() -> None:
    _create_selections()
    _create_picks()
    _create_drift()
    for statement in APPEND_ONLY:
        op.execute(statement)


def downgrade() -> None:
    op.execute("drop table drift_seen cascade")
    op.execute("drop function refuse_change_of_drift_seen cascade")
    for table in ("drift_slices", "drift_checks", "selection_picks", "selections"):
        op.drop_table(table)


def _create_selections() -> None:
    op.create_table(
        "selections",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("state", sa.String(length=16), server_default="queued", nullable=False),
        sa.Column("budget", sa.Integer(), nullable=False),
        sa.Column("settings", postgresql.JSONB(), nullable=False),
        sa.Column("summary", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("failure_code", sa.String(length=64), nullable=True),
        sa.Column("failure_message", sa.Text(), nullable=True),
        sa.Column("failure_remedy", sa.Text(), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("idempotency_key", sa.String(length=64), nullable=True),
        _moment("created_at"),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state in ('queued','done','failed')", name="selection_state_known"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
        sa.ForeignKeyConstraint(["sent_by"], ["users.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("user_id", "idempotency_key", name="selection_once"),
    )


def _create_picks() -> None:
    op.create_table(
        "selection_picks",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("selection_id", sa.BigInteger(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("photo_id", sa.BigInteger(), nullable=False),
        sa.Column("candidate_id", sa.BigInteger(), nullable=True),
        sa.Column("detection_id", sa.BigInteger(), nullable=True),
        sa.Column("hazard_class", sa.String(length=40), nullable=True),
        *(sa.Column(name, sa.Float(), nullable=False) for name in PARTS),
        sa.Column("reason", sa.String(length=24), nullable=False),
        sa.Column(
            "evidence", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.CheckConstraint("kind in ('candidate','photo')", name="selection_pick_kind_known"),
        sa.ForeignKeyConstraint(["candidate_id"], ["candidates.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["detection_id"], ["detections.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"]),
        sa.ForeignKeyConstraint(["selection_id"], ["selections.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("selection_id", "photo_id", name="selection_photo_once"),
        sa.UniqueConstraint("selection_id", "rank", name="selection_rank_once"),
    )
    for name in ("candidate_id", "detection_id"):
        op.create_index(f"ix_selection_picks_{name}", "selection_picks", [name])
    op.create_index("selection_picks_photo", "selection_picks", ["photo_id"])


def _create_drift() -> None:
    op.create_table(
        "drift_checks",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        _moment("made_at"),
        sa.Column("settings", postgresql.JSONB(), nullable=False),
        sa.Column("summary", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "drift_slices",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("check_id", sa.BigInteger(), nullable=False),
        *_name_of_slice(),
        sa.Column("is_new", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("reference", postgresql.JSONB(), nullable=False),
        sa.Column("recent", postgresql.JSONB(), nullable=False),
        sa.Column("change", sa.Float(), nullable=True),
        sa.Column("p_value", sa.Float(), nullable=True),
        sa.Column("p_needed", sa.Float(), nullable=True),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column("alarm_since", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("measure in ('scores','confirmed')", name="drift_measure_known"),
        sa.CheckConstraint(
            "verdict in ('alarm','steady','cannot_tell')", name="drift_verdict_known"
        ),
        sa.ForeignKeyConstraint(["check_id"], ["drift_checks.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    names = ["hazard_class", "dimension", "value", "measure"]
    op.create_index("drift_slice_once", "drift_slices", ["check_id", *names], unique=True)
    op.create_table(
        "drift_seen",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        *_name_of_slice(),
        sa.Column("alarm_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        _moment("created_at"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("drift_seen_once", "drift_seen", [*names, "alarm_since"], unique=True)


def _name_of_slice() -> tuple[sa.Column[str], ...]:
    lengths = {"hazard_class": 40, "dimension": 16, "value": 200, "measure": 16}
    return tuple(
        sa.Column(name, sa.String(length=length), nullable=False)
        for name, length in lengths.items()
    )


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(
        name,
        sa.DateTime(timezone=True),
        server_default=sa.text("clock_timestamp()"),
        nullable=False,
    )
