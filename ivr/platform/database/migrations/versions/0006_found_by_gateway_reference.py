"""The way back from the gateway to our books: what a payout's line is of, and look-ups by a gateway's
reference that read no whole table.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_SOUGHT_BY = (
    ("attempt", "gateway_reference"),
    ("dispute", "reference"),
    ("pay_link", "gateway_reference"),
    ("payout_line", "charge_reference"),
    ("payout_line", "source_reference"),
    ("refund", "gateway_reference"),
)


def upgrade() -> None:
    op.add_column(
        "payout_line",
        sa.Column(
            "source_reference",
            sa.String(length=80),
            nullable=True,
            comment="of the charge, refund or dispute itself, in the dashboard",
        ),
    )
    for table, column in _SOUGHT_BY:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column], unique=False)
