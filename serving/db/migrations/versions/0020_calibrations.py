"""Thresholds of one camera or place.

Revision 0020, after 0019.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

APPEND_ONLY = ("calibration_labels", "calibration_events")
EMPTY_LIST = sa.text("'[]'::jsonb")


def upgrade() -> None:
    _make_calibrations()
    _make_boxes()
    _make_labels()
    _make_events()
    for table in APPEND_ONLY:
        _refuse_changes(table)
    op.add_column("detections", sa.Column("calibration_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_detections_calibration_id_calibrations"),
        "detections",
        "calibrations",
        ["calibration_id"],
        ["id"],
    )


def downgrade() -> None:
    op.drop_column("detections", "calibration_id")
    for table in ("calibration_events", "calibration_labels", "calibration_boxes", "calibrations"):
        op.execute(f"drop table {table} cascade")
    for table in APPEND_ONLY:
        op.execute(f"drop function refuse_change_of_{table} cascade")


def _make_calibrations() -> None:
    op.create_table(
        "calibrations",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("flight_id", sa.BigInteger(), nullable=False),
        sa.Column("camera_key", sa.String(length=200), nullable=False),
        sa.Column("camera", postgresql.JSONB(), nullable=False),
        sa.Column("state", sa.String(length=16), server_default="queued", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("models", postgresql.JSONB(), server_default=EMPTY_LIST, nullable=False),
        sa.Column("photos", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("done", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=False),
        _moment("created_at", "now()"),
        sa.Column("ready_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure_code", sa.String(length=64), nullable=True),
        sa.Column("failure_message", sa.Text(), nullable=True),
        sa.Column("failure_remedy", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state in ('queued','running','labelling','failed')", name="calibration_state_known"
        ),
        sa.ForeignKeyConstraint(["flight_id"], ["flights.id"]),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    _index("calibrations", "flight_id", "camera_key")
    op.create_index(
        "calibration_open_once",
        "calibrations",
        ["flight_id", "camera_key"],
        unique=True,
        postgresql_where=sa.text("state in ('queued','running')"),
    )


def _make_boxes() -> None:
    sides = (sa.Column(name, sa.Float(), nullable=False) for name in ("x_min", "y_min", "x_max"))
    op.create_table(
        "calibration_boxes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("calibration_id", sa.BigInteger(), nullable=False),
        sa.Column("photo_id", sa.BigInteger(), nullable=False),
        sa.Column("model_name", sa.String(length=80), nullable=False),
        sa.Column("hazard_class", sa.String(length=40), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        *sides,
        sa.Column("y_max", sa.Float(), nullable=False),
        sa.Column("place", sa.String(length=64), server_default="", nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["calibration_id"], ["calibrations.id"]),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("calibration_id", "ordinal", name="calibration_turn_once"),
    )
    op.create_index(
        "calibration_boxes_class",
        "calibration_boxes",
        ["calibration_id", "model_name", "hazard_class"],
    )


def _make_labels() -> None:
    op.create_table(
        "calibration_labels",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("box_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("answer", sa.String(length=16), nullable=True),
        sa.Column("hazard_class", sa.String(length=40), nullable=True),
        sa.Column("undoes", sa.BigInteger(), nullable=True),
        *_person(),
        sa.CheckConstraint("kind in ('label','undo')", name="calibration_label_kind_known"),
        sa.CheckConstraint("answer in ('yes','no','unsure')", name="calibration_answer_known"),
        sa.CheckConstraint(
            "(kind = 'label') = (answer is not null)", name="calibration_answer_given"
        ),
        sa.CheckConstraint("(kind = 'undo') = (undoes is not null)", name="undo_names_label"),
        sa.ForeignKeyConstraint(["box_id"], ["calibration_boxes.id"]),
        sa.ForeignKeyConstraint(["undoes"], ["calibration_labels.id"]),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("undoes"),
        sa.UniqueConstraint("user_id", "idempotency_key", name="calibration_label_once"),
    )
    _index("calibration_labels", "box_id", "user_id")


def _make_events() -> None:
    op.create_table(
        "calibration_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("calibration_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("thresholds", postgresql.JSONB(), server_default=EMPTY_LIST, nullable=False),
        sa.Column("site", sa.String(length=200), nullable=True),
        sa.Column(
            "raised", postgresql.ARRAY(sa.String(length=40)), server_default="{}", nullable=False
        ),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("undoes", sa.BigInteger(), nullable=True),
        *_person(),
        sa.CheckConstraint(
            "kind in ('propose','apply','withdraw')", name="calibration_event_known"
        ),
        sa.CheckConstraint("(kind = 'withdraw') = (undoes is not null)", name="withdrawal_names"),
        sa.ForeignKeyConstraint(["calibration_id"], ["calibrations.id"]),
        sa.ForeignKeyConstraint(["undoes"], ["calibration_events.id"]),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("undoes"),
        sa.UniqueConstraint("user_id", "idempotency_key", name="calibration_act_once"),
    )
    _index("calibration_events", "calibration_id", "user_id")


def _person() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("idempotency_key", sa.String(length=64), nullable=True),
        _moment("created_at", "clock_timestamp()"),
    )


def _moment(name: str, default: str) -> sa.Column[object]:
    moment = sa.DateTime(timezone=True)
    return sa.Column(name, moment, server_default=sa.text(default), nullable=False)


def _index(table: str, *names: str) -> None:
    for name in names:
        op.create_index(op.f(f"ix_{table}_{name}"), table, [name])


def _refuse_changes(table: str) -> None:
    op.execute(
        f"""
        create function refuse_change_of_{table}() returns trigger language plpgsql as $$
        begin
            raise exception '{table} is append-only' using errcode = 'restrict_violation';
        end $$
        """
    )
    for moment, each in (("update or delete", "row"), ("truncate", "statement")):
        op.execute(
            f"create trigger {table}_{each} before {moment} on {table} "
            f"for each {each} execute function refuse_change_of_{table}()"
        )
