"""Table of messages to payers. An attempt has one of each purpose."""

import sqlalchemy as sa

from ivr.platform.database.engine import Instant
from ivr.platform.database.metadata import metadata

confirmation = sa.Table(
    "confirmation",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("attempt_id", sa.String(40), sa.ForeignKey("attempt.id"), nullable=False),
    sa.Column("purpose", sa.String(8), nullable=False, server_default="receipt", comment="receipt or link"),
    sa.Column("channel", sa.String(16), nullable=False, comment="sms, console or spoken"),
    sa.Column("recipient", sa.String(20)),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False, comment="see ivr.messaging.states"),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("provider_id", sa.String(64), unique=True),
    sa.Column("error_code", sa.String(20)),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("tried_at", Instant),
    sa.Column("sent_at", Instant),
    sa.Column("delivered_at", Instant),
    sa.UniqueConstraint("attempt_id", "purpose"),
)
