"""Photos that need not be looked at, because others show what they show.

Revision 0022, after 0021.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("flights", sa.Column("views", sa.Integer(), nullable=True))
    op.create_check_constraint("views_known", "flights", "views between 0 and 20")
    op.drop_constraint("photo_state_known", "photos")
    op.create_check_constraint(
        "photo_state_known", "photos", "state in ('queued','done','failed','left_out')"
    )


def downgrade() -> None:
    op.execute("update photos set state = 'queued' where state = 'left_out'")
    op.drop_constraint("photo_state_known", "photos")
    op.create_check_constraint("photo_state_known", "photos", "state in ('queued','done','failed')")
    op.drop_constraint("views_known", "flights")
    op.drop_column("flights", "views")
