"""Since when the gateway is asked about a notice that contradicts the books."""

import sqlalchemy as sa
from alembic import op

from ivr.platform.database.engine import Instant

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "attempt",
        sa.Column(
            "verify_since",
            Instant(timezone=True),
            nullable=True,
            comment="since when the gateway is asked whether a notice is right; null: it is not",
        ),
    )
    op.add_column(
        "refund",
        sa.Column("verify_since", Instant(timezone=True), nullable=True, comment="as on attempt"),
    )
