"""Where on a building, in which areas and at which place a candidate is; hand merges and splits.

Revision 0005, after 0004. What was found before stays as it is: it names no building, no area and
no votes, is its own place, and belongs to the first run of its flight.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

RUNS = ("flights", "photos", "detections")
APPEND_ONLY = (
    """
    create function refuse_change_of_groupings() returns trigger language plpgsql as $$
    begin
        raise exception 'grouping_events is append-only' using errcode = 'restrict_violation';
    end $$
    """,
    """
    create trigger grouping_events_rows before update or delete on grouping_events
    for each row execute function refuse_change_of_groupings()
    """,
    """
    create trigger grouping_events_table before truncate on grouping_events
    for each statement execute function refuse_change_of_groupings()
    """,
)

MERGED_AWAY = "select id from candidates where merged_into is not null"
FORGET_MERGED_AWAY = (
    # Its photos are shown by another; one with a history stays, under a key that is its own.
    """
    delete from candidates where id in (select id from merged_away) and not exists (
        select from review_events e where candidates.id in (e.candidate_id, e.duplicate_of)
    )
    """,
    """
    update candidates set key = left(md5(key || '|' || id), 20)
    where id in (select id from merged_away)
    """,
)
JOIN_THE_RUNS = (
    # What an earlier run found has no place in the older tables, unless a candidate shows it.
    """
    delete from detections d using photos p
    where p.id = d.photo_id and p.run <> d.run
    and not exists (select from sightings s where s.detection_id = d.id)
    """,
    """
    update detections d set ordinal = numbered.ordinal from (
        select each.id, row_number() over (
            partition by each.photo_id order by p.run - each.run, each.ordinal
        ) - 1 as ordinal
        from detections each join photos p on p.id = each.photo_id
    ) numbered where numbered.id = d.id and numbered.ordinal <> d.ordinal
    """,
)


def upgrade() -> None:
    _number_the_runs()
    op.add_column("photos", sa.Column("focal_std_px", sa.Float(), nullable=True))
    op.add_column("photos", sa.Column("distortion", postgresql.ARRAY(sa.Float()), nullable=True))
    op.add_column("detections", sa.Column("on_building", postgresql.JSONB(), nullable=True))
    op.add_column("detections", sa.Column("measure", postgresql.JSONB(), nullable=True))
    _widen_candidates()
    _create_grouping_events()


def downgrade() -> None:
    op.execute("drop table grouping_events cascade")
    op.execute("drop function refuse_change_of_groupings cascade")
    _forget_the_merges()
    for name in ("areas", "on_building", "votes", "is_ambiguous", "place_key", "revision"):
        op.drop_column("candidates", name)
    for name in ("measure", "on_building"):
        op.drop_column("detections", name)
    for name in ("distortion", "focal_std_px"):
        op.drop_column("photos", name)
    op.drop_constraint("detection_once", "detections")
    for statement in JOIN_THE_RUNS:
        op.execute(statement)
    op.create_unique_constraint(
        "detection_once", "detections", ["photo_id", "config_hash", "ordinal"]
    )
    for table in RUNS:
        op.drop_column(table, "run")


def _forget_the_merges() -> None:
    op.drop_index("candidate_once_per_flight", table_name="candidates")
    op.execute("create temporary table merged_away on commit drop as " + MERGED_AWAY)
    op.drop_column("candidates", "merged_into")
    for statement in FORGET_MERGED_AWAY:
        op.execute(statement)
    op.create_unique_constraint("candidate_once_per_flight", "candidates", ["flight_id", "key"])


def _number_the_runs() -> None:
    # With a constant default the server writes no row anew, however many there are.
    for table in RUNS:
        op.add_column(
            table, sa.Column("run", sa.Integer(), server_default=sa.text("1"), nullable=False)
        )
    op.drop_constraint("detection_once", "detections")
    op.create_unique_constraint("detection_once", "detections", ["photo_id", "run", "ordinal"])


def _widen_candidates() -> None:
    empty = sa.text("'[]'::jsonb")
    for column in (
        sa.Column("merged_into", sa.BigInteger(), sa.ForeignKey("candidates.id"), nullable=True),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("place_key", sa.String(length=64), nullable=True),
        sa.Column("is_ambiguous", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("votes", postgresql.JSONB(), nullable=True),
        sa.Column("on_building", postgresql.JSONB(), nullable=True),
        sa.Column("areas", postgresql.JSONB(), server_default=empty, nullable=False),
    ):
        op.add_column("candidates", column)
    op.create_index(op.f("ix_candidates_merged_into"), "candidates", ["merged_into"])
    op.create_index(op.f("ix_candidates_place_key"), "candidates", ["place_key"])
    # So that the next flight finds the place of what an earlier one saw.
    op.execute("update candidates set place_key = key where lon is not null")
    # Two visible candidates never share a key; one that was merged away may keep its own.
    op.drop_constraint("candidate_once_per_flight", "candidates")
    op.create_index(
        "candidate_once_per_flight",
        "candidates",
        ["flight_id", "key"],
        unique=True,
        postgresql_where=sa.text("merged_into is null"),
    )


def _create_grouping_events() -> None:
    op.create_table(
        "grouping_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("flight_id", sa.BigInteger(), nullable=False),
        sa.Column("candidate_id", sa.BigInteger(), nullable=False),
        sa.Column("candidate_ids", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("parts", postgresql.JSONB(), nullable=False),
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
        sa.CheckConstraint("kind in ('merge','split','undo')", name="grouping_kind_known"),
        sa.CheckConstraint("(kind = 'undo') = (undoes is not null)", name="undo_names_grouping"),
        sa.ForeignKeyConstraint(["flight_id"], ["flights.id"]),
        sa.ForeignKeyConstraint(["candidate_id"], ["candidates.id"]),
        sa.ForeignKeyConstraint(["undoes"], ["grouping_events.id"]),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("undoes"),
        sa.UniqueConstraint("user_id", "idempotency_key", name="grouping_once"),
    )
    for name in ("candidate_id", "flight_id", "user_id"):
        op.create_index(op.f(f"ix_grouping_events_{name}"), "grouping_events", [name])
    for statement in APPEND_ONLY:
        op.execute(statement)
