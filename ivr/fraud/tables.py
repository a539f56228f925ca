"""Tables of card attempts that count, and of lockouts."""

import sqlalchemy as sa

from ivr.platform.database.engine import Instant
from ivr.platform.database.metadata import metadata

card_try = sa.Table(
    "card_try",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column(
        "attempt_id",
        sa.String(40),
        sa.ForeignKey("attempt.id"),
        unique=True,
        comment="null: refused at card entry",
    ),
    sa.Column("call_id", sa.String(40), sa.ForeignKey("call.id")),
    sa.Column("caller", sa.String(20), comment="E.164, 'withheld' or 'unproven'; null: not by phone"),
    sa.Column("bill_id", sa.String(40), sa.ForeignKey("bill.id"), nullable=False),
    sa.Column("weight", sa.Integer, nullable=False, comment="what it counts: more from a number in doubt"),
    sa.Column("state", sa.String(16), nullable=False, comment="open, approved, declined or void"),
    sa.Column("decline", sa.String(32)),
    sa.Column("at", Instant, nullable=False),
    sa.Column("ended_at", Instant),
    sa.Index(None, "call_id"),
    sa.Index(None, "caller", "at"),
    sa.Index(None, "bill_id", "at"),
    sa.Index(None, "at"),
    sa.Index(None, "ended_at"),
)

lockout = sa.Table(
    "lock_out",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False, comment="call, caller, bill or breaker"),
    sa.Column("subject", sa.String(40), nullable=False, comment="whose cards are not taken"),
    sa.Column("number", sa.Integer, nullable=False, comment="the subject's lock-outs, counted from 1"),
    sa.Column("since", Instant, nullable=False),
    sa.Column("until", Instant, nullable=False),
    sa.Column("why", sa.String(200), nullable=False),
    sa.Column("call_id", sa.String(40), comment="the call in which it began"),
    sa.Column("lifted_at", Instant),
    sa.Column("lifted_by", sa.String(80)),
    sa.UniqueConstraint("kind", "subject", "number"),
    sa.Index(None, "until"),
)
