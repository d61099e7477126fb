"""Tiers, the order of risk, claims with a lease, assignments, key places.

Revision 0008, after 0007. What is in the queue already has the middle tier and no order but its
number until a worker starts, which puts it in order.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

AWARE = sa.DateTime(timezone=True)
IN_QUEUE = sa.text("merged_into is null")

LAYER_KINDS = "kind in ('buildings','covers','areas','terrain','key_places')"
OLD_LAYER_KINDS = "kind in ('buildings','covers','areas','terrain')"

NAME_THE_MODELS = """
    update candidates set models = named.models from (
        select s.candidate_id,
               array_agg(distinct d.model_name || '@' || left(d.weights_sha256, 12)) as models
        from sightings s join detections d on d.id = s.detection_id group by s.candidate_id
    ) named where named.candidate_id = candidates.id
"""

# A row for each difference, added up now and then by whoever comes by chance: to count in one row
# would let everybody who decides wait for everybody else.
ADD_UP = """
    create function add_up_tallies() returns void language plpgsql as $$
    begin
        if not pg_try_advisory_xact_lock(1212240468) then  -- "HAZT"
            return;
        end if;
        with gone as (delete from queue_tallies returning *)
        insert into queue_tallies (flight_id, hazard_class, state, tier, amount)
        select flight_id, hazard_class, state, tier, sum(amount) from gone
        group by flight_id, hazard_class, state, tier having sum(amount) <> 0;
    end $$
"""
TALLY = """
    create function tally_{event}_candidates() returns trigger language plpgsql as $$
    begin
        insert into queue_tallies (flight_id, hazard_class, state, tier, amount)
        select flight_id, hazard_class, state, tier, sum(amount) from ({changes}) changes
        group by flight_id, hazard_class, state, tier having sum(amount) <> 0;
        if random() < 0.005 then
            perform add_up_tallies();
        end if;
        return null;
    end $$
"""
TRIGGER = """
    create trigger candidates_tally_{event} after {event} on candidates {referencing}
    for each statement execute function tally_{event}_candidates()
"""
CHANGES = """
    select flight_id, hazard_class, state, tier, {amount} as amount from {rows}
    where merged_into is null
"""
CAME = CHANGES.format(amount="1", rows="new_rows")
WENT = CHANGES.format(amount="-1", rows="old_rows")
EVENTS = {
    "insert": (CAME, "referencing new table as new_rows"),
    "delete": (WENT, "referencing old table as old_rows"),
    "update": (
        f"{WENT} union all {CAME}",
        "referencing old table as old_rows new table as new_rows",
    ),
}
COUNT_ONCE = """
    insert into queue_tallies (flight_id, hazard_class, state, tier, amount)
    select flight_id, hazard_class, state, tier, count(*) from candidates
    where merged_into is null group by flight_id, hazard_class, state, tier
"""


def upgrade() -> None:
    op.drop_constraint("layer_kind_known", "layers")
    op.create_check_constraint("layer_kind_known", "layers", LAYER_KINDS)
    _widen_candidates()
    _create_claims()
    _create_assignments()
    _create_tallies()


def downgrade() -> None:
    for event in EVENTS:
        op.execute(f"drop trigger candidates_tally_{event} on candidates")
        op.execute(f"drop function tally_{event}_candidates")
    op.execute("drop function add_up_tallies")
    for table in ("queue_tallies", "assignments", "claims"):
        op.drop_table(table)
    for name in ("queue", "flight_queue", "class_queue", "areas", "models", "place"):
        op.drop_index(f"candidates_{name}", table_name="candidates")
    for name in ("models", "ranked_by", "exposure", "risk_key", "tier"):
        op.drop_column("candidates", name)
    falling = sa.text("score desc")
    op.create_index("candidates_queue", "candidates", ["state", "rank", falling, "id"])
    op.create_index(
        "candidates_flight_queue", "candidates", ["flight_id", "state", "rank", falling, "id"]
    )
    # The older service knows no key places: what they said stays in the order of risk alone.
    op.execute(
        "delete from layer_features where layer_id in "
        "(select id from layers where kind = 'key_places')"
    )
    op.execute("delete from layers where kind = 'key_places'")
    op.drop_constraint("layer_kind_known", "layers")
    op.create_check_constraint("layer_kind_known", "layers", OLD_LAYER_KINDS)


def _widen_candidates() -> None:
    empty, no_names = sa.text("'[]'::jsonb"), sa.text("'{}'")
    names = postgresql.ARRAY(sa.String(length=80))
    for column in (
        sa.Column("tier", sa.String(length=8), server_default="normal", nullable=False),
        sa.Column("risk_key", sa.Float(), server_default=sa.text("0"), nullable=False),
        sa.Column("exposure", postgresql.JSONB(), server_default=empty, nullable=False),
        sa.Column("ranked_by", sa.String(length=16), server_default="", nullable=False),
        sa.Column("models", names, server_default=no_names, nullable=False),
    ):
        op.add_column("candidates", column)
    op.create_check_constraint(
        "candidate_tier_known", "candidates", "tier in ('urgent','normal','low')"
    )
    op.execute(NAME_THE_MODELS)
    op.drop_index("candidates_queue", table_name="candidates")
    op.drop_index("candidates_flight_queue", table_name="candidates")
    order = ["tier", "risk_key", "id"]
    for name, columns in {
        "candidates_queue": ["state", *order],
        "candidates_flight_queue": ["flight_id", "state", *order],
        "candidates_class_queue": ["hazard_class", "state", *order],
    }.items():
        op.create_index(name, "candidates", columns, postgresql_where=IN_QUEUE)
    op.create_index(
        "candidates_areas",
        "candidates",
        ["areas"],
        postgresql_using="gin",
        postgresql_ops={"areas": "jsonb_path_ops"},
    )
    op.create_index("candidates_models", "candidates", ["models"], postgresql_using="gin")
    op.create_index("candidates_place", "candidates", ["lat", "lon"])


def _create_claims() -> None:
    op.create_table(
        "claims",
        sa.Column("candidate_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("expires_at", AWARE, nullable=False),
        sa.ForeignKeyConstraint(["candidate_id"], ["candidates.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
        sa.PrimaryKeyConstraint("candidate_id"),
    )
    op.create_index("claims_of_person", "claims", ["user_id", "expires_at"])


def _create_assignments() -> None:
    op.create_table(
        "assignments",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("hazard_class", sa.String(length=40), nullable=True),
        sa.Column("flight_id", sa.BigInteger(), nullable=True),
        sa.Column("area_level", sa.String(length=16), nullable=True),
        sa.Column("area_id", sa.String(length=200), nullable=True),
        sa.Column("area_name", sa.String(length=400), nullable=True),
        sa.Column("created_by", sa.BigInteger(), nullable=False),
        sa.Column("created_at", AWARE, server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_by", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", AWARE, nullable=True),
        sa.CheckConstraint(
            "num_nonnulls(hazard_class, flight_id, area_id) > 0", name="assignment_of_something"
        ),
        sa.CheckConstraint(
            "(area_level is null) = (area_id is null)", name="assignment_area_complete"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
        sa.ForeignKeyConstraint(["flight_id"], ["flights.id"]),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"]),
        sa.ForeignKeyConstraint(["ended_by"], ["users.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "assignments_open",
        "assignments",
        ["user_id", "id"],
        postgresql_where=sa.text("ended_at is null"),
    )


def _create_tallies() -> None:
    op.create_table(
        "queue_tallies",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("flight_id", sa.BigInteger(), nullable=False),
        sa.Column("hazard_class", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("tier", sa.String(length=8), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute(COUNT_ONCE)
    op.execute(ADD_UP)
    for event, (changes, referencing) in EVENTS.items():
        op.execute(TALLY.format(event=event, changes=changes))
        op.execute(TRIGGER.format(event=event, referencing=referencing))
