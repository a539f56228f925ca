"""An attempt keeps the words of its order, which the gateway is asked in again. None: those of the last
release.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "attempt",
        sa.Column(
            "order_description",
            sa.Text(),
            nullable=True,
            comment="what the payer reads of the order; null: as 0.1 wrote it",
        ),
    )
    op.add_column(
        "attempt",
        sa.Column(
            "order_statement",
            sa.String(length=80),
            nullable=True,
            comment="on the card's statement; the same",
        ),
    )
