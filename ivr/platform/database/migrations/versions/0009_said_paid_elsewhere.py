"""What a bill's source says was paid elsewhere while a link for the bill is open: kept until that is closed."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "bill",
        sa.Column(
            "said_elsewhere_minor",
            sa.BigInteger(),
            nullable=True,
            comment="paid elsewhere, as its source says: waits until its open links are closed",
        ),
    )
