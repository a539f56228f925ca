"""What gateways tell by webhook: events heard, disputes, payouts and their lines; the card entry of an
attempt.
"""

import sqlalchemy as sa
from alembic import op

from ivr.platform.database.engine import Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "gateway_event",
        sa.Column("gateway", sa.String(length=20), nullable=False),
        sa.Column("event_id", sa.String(length=80), nullable=False, comment="the same for every repeat"),
        sa.Column("kind", sa.String(length=60), nullable=False, comment="as the gateway calls it"),
        sa.Column("at", Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("gateway", "event_id", name=op.f("pk_gateway_event")),
    )
    op.create_index(op.f("ix_gateway_event_at"), "gateway_event", ["at"], unique=False)
    op.create_table(
        "payout",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("gateway", sa.String(length=20), nullable=False),
        sa.Column("reference", sa.String(length=80), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("arrives", Instant(timezone=True), nullable=False),
        sa.Column("told_at", Instant(timezone=True), nullable=False),
        sa.Column(
            "read_at",
            Instant(timezone=True),
            nullable=True,
            comment="when its lines were kept; null: not yet",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout")),
        sa.UniqueConstraint("gateway", "reference", name=op.f("uq_payout_gateway_reference")),
    )
    op.create_table(
        "payout_line",
        sa.Column("payout_id", sa.String(length=40), nullable=False),
        sa.Column(
            "reference", sa.String(length=80), nullable=False, comment="the line's own, at the gateway"
        ),
        sa.Column(
            "kind", sa.String(length=8), nullable=False, comment="charge, refund, dispute, fee or other"
        ),
        sa.Column("gateway_kind", sa.String(length=60), nullable=False),
        sa.Column(
            "gross_minor", sa.BigInteger(), nullable=False, comment="as it moves the merchant's balance"
        ),
        sa.Column("fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("occurred_at", Instant(timezone=True), nullable=False),
        sa.Column("available_on", Instant(timezone=True), nullable=False),
        sa.Column("charge_reference", sa.String(length=80), nullable=True),
        sa.Column(
            "attempt_id",
            sa.String(length=40),
            nullable=True,
            comment="as the gateway repeats it",
        ),
        sa.Column("refund_id", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(["payout_id"], ["payout.id"], name=op.f("fk_payout_line_payout_id")),
        sa.PrimaryKeyConstraint("payout_id", "reference", name=op.f("pk_payout_line")),
    )
    op.create_index(op.f("ix_payout_line_attempt_id"), "payout_line", ["attempt_id"], unique=False)
    op.create_table(
        "dispute",
        sa.Column("gateway", sa.String(length=20), nullable=False),
        sa.Column(
            "reference", sa.String(length=80), nullable=False, comment="the dispute's, in the dashboard"
        ),
        sa.Column("charge_reference", sa.String(length=80), nullable=False),
        sa.Column("attempt_id", sa.String(length=40), nullable=True, comment="null: no charge of ours"),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("reason", sa.String(length=80), nullable=False, comment="as the gateway calls it"),
        sa.Column("state", sa.String(length=8), nullable=False, comment="open, won or lost"),
        sa.Column("answer_by", Instant(timezone=True), nullable=True),
        sa.Column("opened_at", Instant(timezone=True), nullable=False),
        sa.Column("updated_at", Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_dispute_attempt_id")),
        sa.PrimaryKeyConstraint("gateway", "reference", name=op.f("pk_dispute")),
    )
    op.create_index(op.f("ix_dispute_attempt_id"), "dispute", ["attempt_id"], unique=False)
    op.create_index(op.f("ix_dispute_charge_reference"), "dispute", ["charge_reference"], unique=False)
    op.add_column(
        "attempt",
        sa.Column(
            "card_entry_id",
            sa.String(length=120),
            nullable=True,
            comment="the card entry at the PCI process that it came from",
        ),
    )
