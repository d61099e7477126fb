"""The audit log, and the roles of the arbiter and the auditor.

Revision 0006, after 0005.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

OLD_ROLES = "role in ('operator','reviewer','engineer','admin')"
ROLES = "role in ('operator','reviewer','arbiter','engineer','auditor','admin')"
APPEND_ONLY = (
    """
    create function refuse_change_of_audit() returns trigger language plpgsql as $$
    begin
        raise exception 'audit_events is append-only' using errcode = 'restrict_violation';
    end $$
    """,
    """
    create trigger audit_events_rows before update or delete on audit_events
    for each row execute function refuse_change_of_audit()
    """,
    """
    create trigger audit_events_whole before truncate on audit_events
    for each statement execute function refuse_change_of_audit()
    """,
)


def upgrade() -> None:
    op.drop_constraint("role_known", "users")
    op.create_check_constraint("role_known", "users", ROLES)
    op.create_table(
        "audit_events",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("act", sa.String(length=40), nullable=False),
        sa.Column("subject_kind", sa.String(length=24), nullable=False),
        sa.Column("subject_id", sa.String(length=64), nullable=False),
        sa.Column("before", postgresql.JSONB(), nullable=True),
        sa.Column("after", postgresql.JSONB(), nullable=True),
        sa.Column("evidence_sha256", sa.String(length=64), nullable=True),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
        sa.UniqueConstraint("hash", name="audit_hash_once"),
    )
    op.create_index(
        "audit_events_subject", "audit_events", ["subject_kind", "subject_id", "sequence"]
    )
    op.create_index("audit_events_actor", "audit_events", ["user_id", "sequence"])
    for statement in APPEND_ONLY:
        op.execute(statement)


def downgrade() -> None:
    op.execute("drop table audit_events cascade")
    op.execute("drop function refuse_change_of_audit cascade")
    op.drop_constraint("role_known", "users")
    # Nobody may do more than before: who had only read is shut out.
    op.execute("update users set role = 'reviewer' where role = 'arbiter'")
    op.execute("update users set role = 'operator', disabled_at = now() where role = 'auditor'")
    op.create_check_constraint("role_known", "users", OLD_ROLES)
