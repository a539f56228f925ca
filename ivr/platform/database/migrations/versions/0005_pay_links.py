"""Payments by link: how an attempt is paid, its link, and texts of two purposes."""

import sqlalchemy as sa
from alembic import op

from ivr.platform.database.engine import Instant

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "attempt",
        sa.Column(
            "method", sa.String(length=8), nullable=False, server_default="card", comment="card or link"
        ),
    )
    op.create_index(op.f("ix_attempt_payer_phone"), "attempt", ["payer_phone"])
    op.create_table(
        "pay_link",
        sa.Column("attempt_id", sa.String(length=40), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False, comment="in our URL: who has it may pay"),
        sa.Column(
            "base_url", sa.Text(), nullable=False, comment="PUBLIC_URL when it was made: asked anew alike"
        ),
        sa.Column("expires_at", Instant(timezone=True), nullable=False),
        sa.Column("url", sa.Text(), nullable=True, comment="the gateway's page"),
        sa.Column(
            "gateway_reference",
            sa.String(length=255),
            nullable=True,
            comment="the link's own, at the gateway",
        ),
        sa.Column(
            "opened_at",
            Instant(timezone=True),
            nullable=True,
            comment="when the gateway told us of its page",
        ),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_pay_link_attempt_id")),
        sa.PrimaryKeyConstraint("attempt_id", name=op.f("pk_pay_link")),
        sa.UniqueConstraint("token", name=op.f("uq_pay_link_token")),
    )
    with op.batch_alter_table("confirmation") as batch:
        batch.add_column(
            sa.Column(
                "purpose",
                sa.String(length=8),
                nullable=False,
                server_default="receipt",
                comment="receipt or link",
            )
        )
        batch.drop_constraint(op.f("uq_confirmation_attempt_id"), type_="unique")
        batch.create_unique_constraint(op.f("uq_confirmation_attempt_id_purpose"), ["attempt_id", "purpose"])
