"""Tables of the ledger, disputes and payouts. An attempt has one ledger entry of each kind."""

import sqlalchemy as sa

from ivr.platform.database.engine import Instant
from ivr.platform.database.metadata import metadata

ledger_entry = sa.Table(
    "ledger_entry",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False, comment="charge or refund"),
    sa.Column("source_id", sa.String(40), nullable=False, comment="the attempt or the refund"),
    sa.Column("bill_id", sa.String(40), sa.ForeignKey("bill.id"), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.UniqueConstraint("kind", "source_id"),
)

ledger_line = sa.Table(
    "ledger_line",
    metadata,
    sa.Column("entry_id", sa.String(40), sa.ForeignKey("ledger_entry.id"), primary_key=True),
    sa.Column("account", sa.String(60), primary_key=True),
    sa.Column("amount_minor", sa.BigInteger, nullable=False, comment="debit above zero, credit below"),
    sa.Column("currency", sa.String(3), nullable=False),
)

dispute = sa.Table(
    "dispute",
    metadata,
    sa.Column("gateway", sa.String(20), primary_key=True),
    sa.Column("reference", sa.String(80), primary_key=True, comment="the dispute's, in the dashboard"),
    sa.Column("charge_reference", sa.String(80), nullable=False, index=True),
    sa.Column(
        "attempt_id",
        sa.String(40),
        sa.ForeignKey("attempt.id"),
        index=True,
        comment="null: no charge of ours",
    ),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("reason", sa.String(80), nullable=False, comment="as the gateway calls it"),
    sa.Column("state", sa.String(8), nullable=False, comment="open, won or lost"),
    sa.Column("answer_by", Instant),
    sa.Column("opened_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
    sa.Column("told_at", Instant, comment="when what is kept was so, by the gateway's clock"),
    sa.Index(None, "reference"),
)

payout = sa.Table(
    "payout",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("gateway", sa.String(20), nullable=False),
    sa.Column("reference", sa.String(80), nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("arrives", Instant, nullable=False),
    sa.Column("told_at", Instant, nullable=False),
    sa.Column("read_at", Instant, comment="when its lines were kept; null: not yet"),
    sa.Column("failed_at", Instant, comment="when we heard that the merchant's bank did not take it"),
    sa.Column("failure_code", sa.String(80), comment="why, as the gateway calls it"),
    sa.UniqueConstraint("gateway", "reference"),
)

payout_line = sa.Table(
    "payout_line",
    metadata,
    sa.Column("payout_id", sa.String(40), sa.ForeignKey("payout.id"), primary_key=True),
    sa.Column("reference", sa.String(80), primary_key=True, comment="the line's own, at the gateway"),
    sa.Column("kind", sa.String(8), nullable=False, comment="charge, refund, dispute, fee or other"),
    sa.Column("gateway_kind", sa.String(60), nullable=False),
    sa.Column("gross_minor", sa.BigInteger, nullable=False, comment="as it moves the merchant's balance"),
    sa.Column("fee_minor", sa.BigInteger, nullable=False),
    sa.Column("net_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("occurred_at", Instant, nullable=False),
    sa.Column("available_on", Instant, nullable=False),
    sa.Column("charge_reference", sa.String(80), index=True),
    sa.Column("attempt_id", sa.String(40), comment="as the gateway repeats it"),
    sa.Column("refund_id", sa.String(40)),
    sa.Column(
        "source_reference",
        sa.String(80),
        index=True,
        comment="of the charge, refund or dispute itself, in the dashboard",
    ),
    sa.Index(None, "attempt_id"),
)
