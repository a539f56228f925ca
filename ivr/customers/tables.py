"""Tables of customers, their timeline, and guesses at references."""

import sqlalchemy as sa

from ivr.platform.database.engine import Instant
from ivr.platform.database.metadata import metadata

customer = sa.Table(
    "customer",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("phone", sa.String(20), nullable=False, unique=True),
    sa.Column("language", sa.String(8)),
    sa.Column(
        "slow_speech",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="they asked for slow speech",
    ),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
)

timeline = sa.Table(
    "timeline",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("customer_id", sa.String(40), sa.ForeignKey("customer.id")),
    sa.Column("call_id", sa.String(40)),
    sa.Column("attempt_id", sa.String(40)),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Index(None, "call_id"),
    sa.Index(None, "customer_id", "at"),
)

guess = sa.Table(
    "guess",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("caller", sa.String(20), nullable=False, comment="E.164, or 'withheld'"),
    sa.Column("at", Instant, nullable=False),
    sa.Index(None, "caller", "at"),
)
