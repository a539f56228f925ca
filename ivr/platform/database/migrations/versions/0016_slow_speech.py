"""Who asked for slow speech hears it in later calls too."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "customer",
        sa.Column(
            "slow_speech",
            sa.Boolean(),
            nullable=False,
            server_default=sa.false(),
            comment="they asked for slow speech",
        ),
    )
