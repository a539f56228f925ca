"""Tables of calls and their turns."""

from enum import StrEnum

import sqlalchemy as sa

from ivr.platform.database.engine import Instant
from ivr.platform.database.metadata import metadata


class CallStatus(StrEnum):
    """Whether a call goes on. The words in quotes stand in the database: they are never renamed."""

    ACTIVE = "active"
    ENDED = "ended"


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
    sa.Column("call_id", sa.String(40), sa.ForeignKey("call.id"), primary_key=True),
    sa.Column("turn", sa.Integer, primary_key=True),
    sa.Column("twiml", sa.Text, nullable=False, comment="the very answer that was sent"),
    sa.Column("at", Instant, nullable=False),
)
