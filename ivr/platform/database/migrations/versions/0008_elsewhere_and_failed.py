"""What others gave back of a payment, payouts that failed, and when a dispute stood as it is kept."""

import sqlalchemy as sa
from alembic import op

from ivr.platform.database.engine import Instant

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "attempt",
        sa.Column(
            "given_back_heard_at",
            Instant(timezone=True),
            nullable=True,
            comment="when it told that something was given back; null: not, or it was asked since by whom",
        ),
    )
    op.add_column(
        "attempt",
        sa.Column(
            "given_back_elsewhere_minor",
            sa.BigInteger(),
            nullable=False,
            server_default="0",
            comment="given back by others than us, as finance was told",
        ),
    )
    op.add_column(
        "dispute",
        sa.Column(
            "told_at",
            Instant(timezone=True),
            nullable=True,
            comment="when what is kept was so, by the gateway's clock",
        ),
    )
    op.add_column(
        "payout",
        sa.Column(
            "failed_at",
            Instant(timezone=True),
            nullable=True,
            comment="when we heard that the merchant's bank did not take it",
        ),
    )
    op.add_column(
        "payout",
        sa.Column(
            "failure_code", sa.String(length=80), nullable=True, comment="why, as the gateway calls it"
        ),
    )
