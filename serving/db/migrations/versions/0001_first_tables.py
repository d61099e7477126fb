"""First tables.

Revision 0001, after .
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


APPEND_ONLY = (
    """
    create function refuse_change_of_events() returns trigger language plpgsql as $$
    begin
        raise exception 'review_events is append-only' using errcode = 'restrict_violation';
    end $$
    """,
    """
    create trigger review_events_rows before update or delete on review_events
    for each row execute function refuse_change_of_events()
    """,
    """
    create trigger review_events_table before truncate on review_events
    for each statement execute function refuse_change_of_events()
    """,
)


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("token_version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("role in ('operator','reviewer','engineer','admin')", name="role_known"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "users_username_lower", "users", [sa.literal_column("lower(username)")], unique=True
    )
    op.create_table(
        "flights",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("site", sa.String(length=200), nullable=True),
        sa.Column("state", sa.String(length=16), server_default="draft", nullable=False),
        sa.Column("demo_key", sa.String(length=32), nullable=True),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("grouping_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("grouped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure_code", sa.String(length=64), nullable=True),
        sa.Column("failure_message", sa.Text(), nullable=True),
        sa.Column("failure_remedy", sa.Text(), nullable=True),
        sa.CheckConstraint("kind in ('drone','street')", name="kind_known"),
        sa.CheckConstraint(
            "state in ('draft','queued','processing','done','failed','cancelled')",
            name="state_known",
        ),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("demo_key"),
    )
    op.create_index(op.f("ix_flights_state"), "flights", ["state"], unique=False)
    op.create_table(
        "candidates",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("flight_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("hazard_class", sa.String(length=40), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("error_m", sa.Float(), nullable=True),
        sa.Column("cov_ee_m2", sa.Float(), nullable=True),
        sa.Column("cov_en_m2", sa.Float(), nullable=True),
        sa.Column("cov_nn_m2", sa.Float(), nullable=True),
        sa.Column("method", sa.String(length=40), nullable=True),
        sa.Column("unplaced_reason", sa.String(length=64), nullable=True),
        sa.Column("config_hash", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), server_default="pending", nullable=False),
        sa.Column("duplicate_of", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "state in ('pending','confirmed','rejected','unsure','duplicate')",
            name="candidate_state_known",
        ),
        sa.ForeignKeyConstraint(["duplicate_of"], ["candidates.id"]),
        sa.ForeignKeyConstraint(["flight_id"], ["flights.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("flight_id", "key", name="candidate_once_per_flight"),
    )
    op.create_index(
        "candidates_flight_queue",
        "candidates",
        ["flight_id", "state", "rank", sa.literal_column("score desc"), "id"],
        unique=False,
    )
    op.create_index(
        "candidates_hazards",
        "candidates",
        ["state", sa.literal_column("decided_at desc"), sa.literal_column("id desc")],
        unique=False,
    )
    op.create_index(
        "candidates_queue",
        "candidates",
        ["state", "rank", sa.literal_column("score desc"), "id"],
        unique=False,
    )
    op.create_table(
        "photos",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("flight_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=400), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(length=32), nullable=False),
        sa.Column("width_px", sa.Integer(), nullable=False),
        sa.Column("height_px", sa.Integer(), nullable=False),
        sa.Column("captured_at", sa.String(length=40), nullable=True),
        sa.Column("camera_model", sa.String(length=120), nullable=True),
        sa.Column(
            "warnings", postgresql.ARRAY(sa.String(length=64)), server_default="{}", nullable=False
        ),
        sa.Column("state", sa.String(length=16), server_default="queued", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "uploaded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("focal_px", sa.Float(), nullable=True),
        sa.Column("cx_px", sa.Float(), nullable=True),
        sa.Column("cy_px", sa.Float(), nullable=True),
        sa.Column("intrinsics_source", sa.String(length=80), nullable=True),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("altitude_agl_m", sa.Float(), nullable=True),
        sa.Column("altitude_m", sa.Float(), nullable=True),
        sa.Column("yaw_deg", sa.Float(), nullable=True),
        sa.Column("pitch_deg", sa.Float(), nullable=True),
        sa.Column("roll_deg", sa.Float(), nullable=True),
        sa.Column("horizontal_std_m", sa.Float(), nullable=True),
        sa.Column("vertical_std_m", sa.Float(), nullable=True),
        sa.Column("yaw_std_deg", sa.Float(), nullable=True),
        sa.Column("pitch_std_deg", sa.Float(), nullable=True),
        sa.Column("roll_std_deg", sa.Float(), nullable=True),
        sa.Column("pose_source", sa.String(length=200), nullable=True),
        sa.CheckConstraint("state in ('queued','done','failed')", name="photo_state_known"),
        sa.ForeignKeyConstraint(["flight_id"], ["flights.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("flight_id", "sha256", name="photo_once_per_flight"),
    )
    op.create_index(op.f("ix_photos_sha256"), "photos", ["sha256"], unique=False)
    op.create_index("photos_flight_id", "photos", ["flight_id", "id"], unique=False)
    op.create_index("photos_flight_state", "photos", ["flight_id", "state"], unique=False)
    op.create_table(
        "detections",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("flight_id", sa.BigInteger(), nullable=False),
        sa.Column("photo_id", sa.BigInteger(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("hazard_class", sa.String(length=40), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("x_min", sa.Float(), nullable=False),
        sa.Column("y_min", sa.Float(), nullable=False),
        sa.Column("x_max", sa.Float(), nullable=False),
        sa.Column("y_max", sa.Float(), nullable=False),
        sa.Column("model_name", sa.String(length=80), nullable=False),
        sa.Column("weights_sha256", sa.String(length=64), nullable=False),
        sa.Column("config_hash", sa.String(length=64), nullable=False),
        sa.Column("threshold", sa.Float(), nullable=True),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("cov_ee_m2", sa.Float(), nullable=True),
        sa.Column("cov_en_m2", sa.Float(), nullable=True),
        sa.Column("cov_nn_m2", sa.Float(), nullable=True),
        sa.Column("method", sa.String(length=40), nullable=True),
        sa.Column("unplaced_reason", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["flight_id"], ["flights.id"]),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("photo_id", "config_hash", "ordinal", name="detection_once"),
    )
    op.create_index("detections_flight", "detections", ["flight_id", "id"], unique=False)
    op.create_table(
        "ingest_failures",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("flight_id", sa.BigInteger(), nullable=False),
        sa.Column("photo_id", sa.BigInteger(), nullable=True),
        sa.Column("file_name", sa.String(length=400), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["flight_id"], ["flights.id"]),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_ingest_failures_flight_id"), "ingest_failures", ["flight_id"], unique=False
    )
    op.create_index(
        "photo_failure_once",
        "ingest_failures",
        ["photo_id"],
        unique=True,
        postgresql_where=sa.text("photo_id is not null"),
    )
    op.create_index(
        "upload_failure_once",
        "ingest_failures",
        ["flight_id", "file_name", "code"],
        unique=True,
        postgresql_where=sa.text("photo_id is null"),
    )
    op.create_table(
        "review_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("candidate_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=True),
        sa.Column("state_before", sa.String(length=16), nullable=False),
        sa.Column("state_after", sa.String(length=16), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("duplicate_of", sa.BigInteger(), nullable=True),
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
        sa.CheckConstraint(
            "(kind = 'decision') = (verdict is not null)", name="decision_has_verdict"
        ),
        sa.CheckConstraint("(kind = 'undo') = (undoes is not null)", name="undo_names_decision"),
        sa.CheckConstraint("kind in ('decision','undo')", name="event_kind_known"),
        sa.ForeignKeyConstraint(["candidate_id"], ["candidates.id"]),
        sa.ForeignKeyConstraint(["duplicate_of"], ["candidates.id"]),
        sa.ForeignKeyConstraint(["undoes"], ["review_events.id"]),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("undoes"),
        sa.UniqueConstraint("user_id", "idempotency_key", name="act_once"),
    )
    op.create_index(
        op.f("ix_review_events_candidate_id"), "review_events", ["candidate_id"], unique=False
    )
    op.create_index(op.f("ix_review_events_user_id"), "review_events", ["user_id"], unique=False)
    op.create_table(
        "sightings",
        sa.Column("detection_id", sa.BigInteger(), nullable=False),
        sa.Column("candidate_id", sa.BigInteger(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["candidate_id"], ["candidates.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["detection_id"], ["detections.id"]),
        sa.PrimaryKeyConstraint("detection_id"),
    )
    op.create_index(op.f("ix_sightings_candidate_id"), "sightings", ["candidate_id"], unique=False)
    for statement in APPEND_ONLY:
        op.execute(statement)


def downgrade() -> None:
    op.execute("drop table review_events cascade")
    op.execute("drop function refuse_change_of_events cascade")
    for table in ("sightings", "ingest_failures", "detections", "photos", "candidates"):
        op.drop_table(table)
    op.drop_table("flights")
    op.drop_table("users")
