"""A card entry that authorizes names the whole order, so that web and worker can ask for the same one."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "card_entry",
        sa.Column(
            "authorize_metadata",
            sa.JSON(),
            nullable=True,
            comment="our references, as the gateway is to keep them",
        ),
    )
    op.add_column("card_entry", sa.Column("authorize_statement", sa.String(length=80), nullable=True))
