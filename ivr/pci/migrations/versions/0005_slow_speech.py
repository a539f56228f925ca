"""Callers who want slow speech."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "card_entry",
        sa.Column(
            "slow",
            sa.Boolean(),
            nullable=False,
            server_default=sa.false(),
            comment="the caller wants slow speech",
        ),
    )
