"""Outlines of detections.

Revision 0002, after 0001. What was found before came from models of boxes: it has none.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # With a constant default the server writes no row anew, however many there are.
    op.add_column(
        "detections",
        sa.Column(
            "polygons", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
    )


def downgrade() -> None:
    op.drop_column("detections", "polygons")
