"""Tasks of Label Studio and what people drew there.

Revision 0016, after 0015.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

APPEND_ONLY = (
    """
    create function refuse_change_of_drawings() returns trigger language plpgsql as $$
    begin
        raise exception 'label_annotations is append-only' using errcode = 'restrict_violation';
    end $$
    """,
    """
    create trigger label_annotations_rows before update or delete on label_annotations
    for each row execute function refuse_change_of_drawings()
    """,
    """
    create trigger label_annotations_whole before truncate on label_annotations
    for each statement execute function refuse_change_of_drawings()
    """,
)


def upgrade() -> None:
    _create_label_events()
    _create_label_projects()
    _create_label_pushes()
    _create_label_tasks()
    _create_label_annotations()
    _create_label_problems()
    _create_label_push_tasks()
    for statement in APPEND_ONLY:
        op.execute(statement)


def downgrade() -> None:
    for table in (
        "label_push_tasks",
        "label_problems",
        "label_annotations",
        "label_tasks",
        "label_pushes",
        "label_projects",
        "label_events",
    ):
        op.execute(f"drop table {table} cascade")
    op.execute("drop function refuse_change_of_drawings cascade")


def _create_label_events() -> None:
    op.create_table(
        "label_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("body_sha256", sa.String(length=64), nullable=False),
        sa.Column("geometry", sa.String(length=16), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column(
            "board_task_ids", postgresql.ARRAY(sa.BigInteger()), server_default="{}", nullable=False
        ),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("body_sha256"),
    )
    op.create_index(
        "label_events_waiting",
        "label_events",
        ["id"],
        unique=False,
        postgresql_where=sa.text("handled_at is null"),
    )


def _create_label_projects() -> None:
    op.create_table(
        "label_projects",
        sa.Column("geometry", sa.String(length=16), nullable=False),
        sa.Column("url", sa.String(length=400), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("webhook_id", sa.BigInteger(), nullable=True),
        sa.Column("settings_sha256", sa.String(length=64), nullable=False),
        sa.Column(
            "set_up_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("synced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("foreign_tasks", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure_code", sa.String(length=64), nullable=True),
        sa.Column("failure_message", sa.Text(), nullable=True),
        sa.Column("failure_remedy", sa.Text(), nullable=True),
        sa.CheckConstraint("geometry in ('boxes','outlines')", name="label_geometry_known"),
        sa.PrimaryKeyConstraint("geometry"),
    )


def _create_label_pushes() -> None:
    op.create_table(
        "label_pushes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("selection_id", sa.BigInteger(), nullable=True),
        sa.Column("wanted", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.String(length=16), server_default="queued", nullable=False),
        sa.Column("new_tasks", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("known_tasks", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("idempotency_key", sa.String(length=64), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure_code", sa.String(length=64), nullable=True),
        sa.Column("failure_message", sa.Text(), nullable=True),
        sa.Column("failure_remedy", sa.Text(), nullable=True),
        sa.CheckConstraint("state in ('queued','done','failed')", name="label_push_state_known"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("user_id", "idempotency_key", name="label_push_once"),
    )
    op.create_index(
        op.f("ix_label_pushes_selection_id"), "label_pushes", ["selection_id"], unique=False
    )
    op.create_index(op.f("ix_label_pushes_user_id"), "label_pushes", ["user_id"], unique=False)


def _create_label_tasks() -> None:
    op.create_table(
        "label_tasks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("geometry", sa.String(length=16), nullable=False),
        sa.Column("photo_id", sa.BigInteger(), nullable=False),
        sa.Column("photo_sha256", sa.String(length=64), nullable=False),
        sa.Column("flight_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), server_default="waiting", nullable=False),
        sa.Column("board_task_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "predictions",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column("link_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pushed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("agreement", sa.Float(), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.CheckConstraint(
            "state in ('waiting','sending','open','drawn','skipped','disagreeing','refused')",
            name="label_task_state_known",
        ),
        sa.ForeignKeyConstraint(["flight_id"], ["flights.id"]),
        sa.ForeignKeyConstraint(["geometry"], ["label_projects.geometry"]),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index(op.f("ix_label_tasks_flight_id"), "label_tasks", ["flight_id"], unique=False)
    op.create_index(op.f("ix_label_tasks_photo_id"), "label_tasks", ["photo_id"], unique=False)
    op.create_index("label_tasks_board", "label_tasks", ["geometry", "board_task_id"], unique=False)
    op.create_index("label_tasks_state", "label_tasks", ["geometry", "state"], unique=False)


def _create_label_annotations() -> None:
    op.create_table(
        "label_annotations",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("label_task_id", sa.BigInteger(), nullable=False),
        sa.Column("task_key", sa.String(length=120), nullable=False),
        sa.Column("photo_id", sa.BigInteger(), nullable=False),
        sa.Column("photo_sha256", sa.String(length=64), nullable=False),
        sa.Column("flight_id", sa.BigInteger(), nullable=False),
        sa.Column("width_px", sa.Integer(), nullable=False),
        sa.Column("height_px", sa.Integer(), nullable=False),
        sa.Column("geometry", sa.String(length=16), nullable=False),
        sa.Column("classes", postgresql.ARRAY(sa.String(length=40)), nullable=False),
        sa.Column("board_task_id", sa.BigInteger(), nullable=False),
        sa.Column("annotation_id", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.String(length=64), nullable=False),
        sa.Column("annotator", sa.String(length=40), nullable=False),
        sa.Column("edited_by", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("is_ground_truth", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("region_xyxy", postgresql.ARRAY(sa.Float()), nullable=True),
        sa.Column(
            "shapes",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "dropped",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "kind in ('annotated','skipped','deleted')", name="label_annotation_kind_known"
        ),
        sa.ForeignKeyConstraint(["flight_id"], ["flights.id"]),
        sa.ForeignKeyConstraint(["label_task_id"], ["label_tasks.id"]),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("task_key", "annotation_id", "revision", name="label_annotation_once"),
    )
    op.create_index(
        op.f("ix_label_annotations_flight_id"), "label_annotations", ["flight_id"], unique=False
    )
    op.create_index(
        op.f("ix_label_annotations_label_task_id"),
        "label_annotations",
        ["label_task_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_label_annotations_photo_id"), "label_annotations", ["photo_id"], unique=False
    )
    op.create_index(
        "label_annotations_standing",
        "label_annotations",
        ["task_key", "annotation_id", "id"],
        unique=False,
    )


def _create_label_problems() -> None:
    op.create_table(
        "label_problems",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("task_id", sa.BigInteger(), nullable=True),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.Column(
            "first_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column(
            "last_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("mended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["task_id"], ["label_tasks.id"]),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index(op.f("ix_label_problems_task_id"), "label_problems", ["task_id"], unique=False)


def _create_label_push_tasks() -> None:
    op.create_table(
        "label_push_tasks",
        sa.Column("push_id", sa.BigInteger(), nullable=False),
        sa.Column("task_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["push_id"], ["label_pushes.id"]),
        sa.ForeignKeyConstraint(["task_id"], ["label_tasks.id"]),
        sa.PrimaryKeyConstraint("push_id", "task_id"),
    )
    op.create_index(
        op.f("ix_label_push_tasks_task_id"), "label_push_tasks", ["task_id"], unique=False
    )
