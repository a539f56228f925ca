"""Tables of calls: who rang, each turn, what happened when, and guesses at references."""

import sqlalchemy as sa

from ivr.platform.database.engine import Instant
from ivr.platform.database.schema.base import metadata

call = sa.Table(
    "call",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("call_sid", sa.String(64), nullable=False, unique=True),
    sa.Column("account_sid", sa.String(64), nullable=False),
    sa.Column("from_number", sa.String(20), comment="E.164; null where it was withheld"),
    sa.Column("to_number", sa.String(20), nullable=False),
    sa.Column("flow", sa.String(40), nullable=False),
    sa.Column("turn", sa.Integer, nullable=False, comment="the turn that the next webhook answers"),
    sa.Column(
        "session", sa.JSON, nullable=False, comment="step, state, language, visits, trail: ivr.calls.session"
    ),
    sa.Column("intent", sa.JSON, comment="the network call of the turn under way: kind, turn, lease"),
    sa.Column("status", sa.String(16), nullable=False, comment="active or ended"),
    sa.Column("ended_because", sa.String(32)),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("ended_at", Instant),
    sa.Column(
        "stir_verstat", sa.String(40), comment="the carrier's word on the caller's number; null: it says none"
    ),
    sa.Index(None, "status", "started_at"),
)

call_turn = sa.Table(
    "call_turn",
    metadata,
    sa.Column("call_id", sa.ForeignKey("call.id"), primary_key=True),
    sa.Column("turn", sa.Integer, primary_key=True),
    sa.Column("twiml", sa.Text, nullable=False, comment="the very answer that was sent"),
    sa.Column("at", Instant, nullable=False),
)

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
    sa.Column("customer_id", sa.ForeignKey("customer.id")),
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
