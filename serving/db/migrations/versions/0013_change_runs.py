"""Comparisons of two flights, and what they say of each building.

Revision 0013, after 0012.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# Whoever decided on what a comparison said keeps it: as boxes of no processing (run 0), which are
# shown and grouped no more.
KEEP_AS_EARLIER = """
    update detections d set run = 0, ordinal = numbered.ordinal from (
        select id, row_number() over (partition by photo_id order by id) - 1 as ordinal
        from detections where change_run_id is not null
    ) numbered where numbered.id = d.id
"""


def upgrade() -> None:
    _create_runs()
    _create_findings()
    op.create_table(
        "flight_epochs",
        sa.Column("flight_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("baseline_flight_id", sa.BigInteger(), nullable=True),
        sa.Column("overlap_share", sa.Float(), nullable=True),
        sa.Column(
            "placed_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.CheckConstraint("flight_id <> baseline_flight_id", name="epoch_of_another_flight"),
        sa.ForeignKeyConstraint(["baseline_flight_id"], ["flights.id"]),
        sa.ForeignKeyConstraint(["flight_id"], ["flights.id"]),
        sa.PrimaryKeyConstraint("flight_id"),
    )
    op.create_index("ix_flight_epochs_baseline_flight_id", "flight_epochs", ["baseline_flight_id"])
    op.add_column("detections", sa.Column("change_run_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        "detections_change_run_id_fkey", "detections", "change_runs", ["change_run_id"], ["id"]
    )
    op.create_index("ix_detections_change_run_id", "detections", ["change_run_id"])
    op.drop_constraint("detection_once", "detections")
    op.create_index(
        "detection_once",
        "detections",
        ["photo_id", "run", "ordinal"],
        unique=True,
        postgresql_where=sa.text("change_run_id is null"),
    )
    op.create_index(
        "finding_shown_once", "detections", ["change_run_id", "photo_id", "ordinal"], unique=True
    )


def downgrade() -> None:
    op.drop_index("finding_shown_once", table_name="detections")
    op.drop_index("detection_once", table_name="detections")
    op.execute(KEEP_AS_EARLIER)
    op.create_unique_constraint("detection_once", "detections", ["photo_id", "run", "ordinal"])
    op.drop_column("detections", "change_run_id")
    for table in ("flight_epochs", "building_findings", "change_runs"):
        op.drop_table(table)


def _create_runs() -> None:
    op.create_table(
        "change_runs",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("base_flight_id", sa.BigInteger(), nullable=True),
        sa.Column("new_flight_id", sa.BigInteger(), nullable=False),
        sa.Column("heights_of", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=16), server_default="queued", nullable=False),
        sa.Column("stands", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("stage", sa.String(length=32), nullable=True),
        sa.Column("done", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("total", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("summary", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("failure_code", sa.String(length=64), nullable=True),
        sa.Column("failure_message", sa.Text(), nullable=True),
        sa.Column("failure_remedy", sa.Text(), nullable=True),
        sa.Column("settings_hash", sa.String(length=64), server_default="", nullable=False),
        sa.Column("requested_by", sa.BigInteger(), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind in ('compare','survey')", name="change_kind_known"),
        sa.CheckConstraint(
            "state in ('queued','running','done','failed','cancelled')", name="change_state_known"
        ),
        sa.CheckConstraint(
            "(kind = 'compare') = (base_flight_id is not null)", name="change_has_base"
        ),
        sa.CheckConstraint("base_flight_id <> new_flight_id", name="change_of_two_flights"),
        sa.CheckConstraint("not stands or state = 'done'", name="change_stands_done"),
        sa.ForeignKeyConstraint(["base_flight_id"], ["flights.id"]),
        sa.ForeignKeyConstraint(["heights_of"], ["change_runs.id"]),
        sa.ForeignKeyConstraint(["new_flight_id"], ["flights.id"]),
        sa.ForeignKeyConstraint(["requested_by"], ["users.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_change_runs_base_flight_id", "change_runs", ["base_flight_id"])
    op.create_index("ix_change_runs_state", "change_runs", ["state"])
    op.create_index("change_runs_flight", "change_runs", ["new_flight_id", "id"])
    op.create_index(
        "change_stands_once",
        "change_runs",
        ["new_flight_id"],
        unique=True,
        postgresql_where=sa.text("stands"),
    )


def _create_findings() -> None:
    op.create_table(
        "building_findings",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("layer_id", sa.BigInteger(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("building_id", sa.String(length=240), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=True),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("probability", sa.Float(), nullable=True),
        sa.Column("is_excess", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("attention", sa.Float(), nullable=False),
        sa.Column("figures", postgresql.JSONB(), nullable=False),
        sa.Column(
            "evidence", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
        sa.Column(
            "part", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
        sa.Column(
            "photos", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("before_sha256", sa.String(length=64), nullable=True),
        sa.Column("after_sha256", sa.String(length=64), nullable=True),
        sa.Column("difference_sha256", sa.String(length=64), nullable=True),
        sa.Column("picture_m_per_px", sa.Float(), nullable=True),
        sa.CheckConstraint(
            "verdict in ('rise','fall','unchanged','cannot_tell')", name="finding_verdict_known"
        ),
        sa.ForeignKeyConstraint(["layer_id"], ["layers.id"]),
        sa.ForeignKeyConstraint(["run_id"], ["change_runs.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "building_finding_once", "building_findings", ["run_id", "building_id"], unique=True
    )
    op.create_index("building_findings_order", "building_findings", ["run_id", "attention", "id"])
