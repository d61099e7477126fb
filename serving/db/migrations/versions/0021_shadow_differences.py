"""Where a shadow model and the one in force disagree.

Revision 0021, after 0020.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

NOW = sa.text("clock_timestamp()")

APPEND_ONLY = (
    """
    create function refuse_change_of_shadow_judgements() returns trigger language plpgsql as $$
    begin
        raise exception 'shadow_judgements is append-only' using errcode = 'restrict_violation';
    end $$
    """,
    """
    create trigger shadow_judgements_rows before update or delete on shadow_judgements
    for each row execute function refuse_change_of_shadow_judgements()
    """,
    """
    create trigger shadow_judgements_whole before truncate on shadow_judgements
    for each statement execute function refuse_change_of_shadow_judgements()
    """,
)


def upgrade() -> None:
    _create_comparisons()
    _create_differences()
    _create_judgements()
    for statement in APPEND_ONLY:
        op.execute(statement)


def _create_comparisons() -> None:
    op.create_table(
        "shadow_comparisons",
        sa.Column("photo_id", sa.BigInteger(), nullable=False),
        sa.Column("config_hash", sa.String(length=64), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("flight_id", sa.BigInteger(), nullable=False),
        sa.Column("model_name", sa.String(length=80), nullable=False),
        sa.Column("version", sa.String(length=16), nullable=False),
        sa.Column("current_sha256", sa.String(length=64), nullable=True),
        sa.Column("both", sa.Integer(), nullable=False),
        sa.Column("only_shadow", sa.Integer(), nullable=False),
        sa.Column("only_current", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.ForeignKeyConstraint(["flight_id"], ["flights.id"]),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"]),
        sa.PrimaryKeyConstraint("photo_id", "config_hash", "run"),
    )
    op.create_index("ix_shadow_comparisons_flight_id", "shadow_comparisons", ["flight_id"])
    op.create_index(
        "shadow_comparisons_model", "shadow_comparisons", ["model_name", "version", "flight_id"]
    )


def _create_differences() -> None:
    box = postgresql.JSONB(none_as_null=True)
    op.create_table(
        "shadow_differences",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("photo_id", sa.BigInteger(), nullable=False),
        sa.Column("config_hash", sa.String(length=64), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("flight_id", sa.BigInteger(), nullable=False),
        sa.Column("model_name", sa.String(length=80), nullable=False),
        sa.Column("version", sa.String(length=16), nullable=False),
        sa.Column("hazard_class", sa.String(length=40), nullable=False),
        sa.Column("shadow", box, nullable=True),
        sa.Column("current", box, nullable=True),
        sa.Column("lot", sa.Float(), nullable=False),
        sa.Column("state", sa.String(length=16), server_default="open", nullable=False),
        sa.CheckConstraint(
            "state in ('open','shadow','current','neither','unsure')",
            name="difference_state_known",
        ),
        sa.CheckConstraint(
            "shadow is not null or current is not null", name="difference_is_of_a_box"
        ),
        sa.ForeignKeyConstraint(["flight_id"], ["flights.id"]),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("photo_id", "config_hash", "run", "ordinal", name="difference_once"),
    )
    op.create_index("ix_shadow_differences_flight_id", "shadow_differences", ["flight_id"])
    op.create_index(
        "shadow_differences_queue",
        "shadow_differences",
        ["model_name", "version", "state", "lot"],
    )


def _create_judgements() -> None:
    op.create_table(
        "shadow_judgements",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("difference_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("judgement", sa.String(length=16), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("undoes", sa.BigInteger(), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("idempotency_key", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.CheckConstraint("kind in ('judgement','undo')", name="shadow_event_kind_known"),
        sa.CheckConstraint(
            "judgement in ('shadow','current','neither','unsure')", name="judgement_known"
        ),
        sa.CheckConstraint(
            "(kind = 'judgement') = (judgement is not null)", name="judgement_given"
        ),
        sa.CheckConstraint("(kind = 'undo') = (undoes is not null)", name="undo_names_judgement"),
        sa.ForeignKeyConstraint(["difference_id"], ["shadow_differences.id"]),
        sa.ForeignKeyConstraint(["undoes"], ["shadow_judgements.id"]),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("undoes"),
        sa.UniqueConstraint("user_id", "idempotency_key", name="shadow_judgement_once"),
    )
    for name in ("difference_id", "user_id"):
        op.create_index(op.f(f"ix_shadow_judgements_{name}"), "shadow_judgements", [name])


def downgrade() -> None:
    op.execute("drop table shadow_judgements cascade")
    op.execute("drop function refuse_change_of_shadow_judgements cascade")
    op.drop_table("shadow_differences")
    op.drop_table("shadow_comparisons")
