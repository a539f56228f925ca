"""Table of webhooks to the merchant."""

import sqlalchemy as sa

from ivr.platform.database.engine import Instant
from ivr.platform.database.metadata import metadata

outcome = sa.Table(
    "outcome",
    metadata,
    sa.Column(
        "id",
        sa.String(40),
        primary_key=True,
        comment="in the webhook, so that the merchant can drop a repeat",
    ),
    sa.Column("kind", sa.String(40), nullable=False, comment="payment.approved, payment.declined, ..."),
    sa.Column("source_id", sa.String(40), nullable=False, comment="the attempt or the refund"),
    sa.Column("attempt_id", sa.String(40), sa.ForeignKey("attempt.id"), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False, comment="waiting, delivered or given_up"),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("last_answer", sa.String(200)),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("delivered_at", Instant),
    sa.UniqueConstraint("kind", "source_id"),
)
