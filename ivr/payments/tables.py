"""Tables of payments: attempts and their history, links, saved cards, refunds, the gateway's webhooks."""

import sqlalchemy as sa

from ivr.platform.database.engine import Instant
from ivr.platform.database.metadata import metadata

attempt = sa.Table(
    "attempt",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True, comment="also the gateway's idempotency key"),
    sa.Column(
        "made_for",
        sa.String(80),
        nullable=False,
        unique=True,
        comment="call and turn: a repeat makes no second",
    ),
    sa.Column("reference", sa.String(8), nullable=False, unique=True, comment="spoken to the caller"),
    sa.Column("bill_id", sa.String(40), sa.ForeignKey("bill.id"), nullable=False),
    sa.Column("call_id", sa.String(40), sa.ForeignKey("call.id")),
    sa.Column("payer_phone", sa.String(20), comment="who is texted; null: nobody"),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("refunded_minor", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("gateway", sa.String(20), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("method", sa.String(8), nullable=False, server_default="card", comment="card or link"),
    sa.Column("card_entry_id", sa.String(120), comment="the card entry at the PCI process that it came from"),
    sa.Column("token", sa.Text, comment="the gateway's token; wiped when the attempt is final"),
    sa.Column("gateway_authorization", sa.Text, comment="where PCI authorized"),
    sa.Column("brand", sa.String(16)),
    sa.Column("last_four", sa.String(4)),
    sa.Column("gateway_reference", sa.String(80)),
    sa.Column("authorisation_code", sa.String(40)),
    sa.Column("saved_card_id", sa.String(40), comment="the saved card that pays; null: one that was keyed"),
    sa.Column(
        "holder",
        sa.String(80),
        key="gateway_customer_id",
        comment="of a saved card: whose it is, as the gateway knows them",
    ),
    sa.Column(
        "keep_card",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="the payer agreed that the card is kept",
    ),
    sa.Column("decline", sa.String(32)),
    sa.Column("gateway_code", sa.String(80)),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("deadline_at", Instant, nullable=False, comment="unclaimed by then: abandoned, never sent"),
    sa.Column("charge_asked_at", Instant, comment="the caller confirmed, and waits"),
    sa.Column("claimed_at", Instant),
    sa.Column("unknown_since", Instant),
    sa.Column(
        "promised_at", Instant, comment="the caller left without hearing the outcome: any outcome is texted"
    ),
    sa.Column("settled_at", Instant, comment="when it became final"),
    sa.Column(
        "jobs", sa.Integer, nullable=False, server_default="0", comment="jobs asked for: numbers the next"
    ),
    sa.Column("look_at", Instant, comment="when a job looks at it again; long past: that job was lost"),
    sa.Column(
        "verify_since",
        Instant,
        comment="since when the gateway is asked whether a notice is right; null: it is not",
    ),
    sa.Column(
        "given_back_heard_at",
        Instant,
        key="external_refund_heard_at",
        comment="when it told that something was given back; null: not, or it was asked since by whom",
    ),
    sa.Column(
        "given_back_elsewhere_minor",
        sa.BigInteger,
        key="refunded_externally_minor",
        nullable=False,
        server_default="0",
        comment="given back by others than us, as finance was told",
    ),
    sa.Column(
        "order_description", sa.Text, comment="what the payer reads of the order; null: as 0.1 wrote it"
    ),
    sa.Column("order_statement", sa.String(80), comment="on the card's statement; the same"),
    sa.CheckConstraint("amount_minor > 0", name="amount_above_zero"),
    sa.CheckConstraint("refunded_minor >= 0 AND refunded_minor <= amount_minor", name="no_over_refund"),
    sa.Index(None, "bill_id"),
    sa.Index(None, "call_id"),
    sa.Index(None, "payer_phone"),
    sa.Index(None, "gateway_reference"),
    sa.Index(None, "state"),
    sa.Index(None, "settled_at"),
    sa.Index(None, "look_at"),
    sa.Index(None, "created_at", "id"),
)

attempt_move = sa.Table(
    "attempt_move",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("attempt_id", sa.String(40), sa.ForeignKey("attempt.id"), nullable=False, index=True),
    sa.Column("event", sa.String(24), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("at", Instant, nullable=False, index=True),
    sa.Column("note", sa.String(200)),
)

pay_link = sa.Table(
    "pay_link",
    metadata,
    sa.Column("attempt_id", sa.String(40), sa.ForeignKey("attempt.id"), primary_key=True),
    sa.Column("token", sa.String(64), nullable=False, unique=True, comment="in our URL: who has it may pay"),
    sa.Column("base_url", sa.Text, nullable=False, comment="PUBLIC_URL when it was made: asked anew alike"),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Column("url", sa.Text, comment="the gateway's page"),
    sa.Column("gateway_reference", sa.String(255), index=True, comment="the link's own, at the gateway"),
    sa.Column("opened_at", Instant, comment="when the gateway told us of its page"),
)

saved_card = sa.Table(
    "saved_card",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True, comment="also the gateway's idempotency key"),
    sa.Column("customer_id", sa.String(40), sa.ForeignKey("customer.id"), nullable=False),
    sa.Column(
        "attempt_id",
        sa.String(40),
        sa.ForeignKey("attempt.id"),
        nullable=False,
        unique=True,
        comment="it came from",
    ),
    sa.Column("gateway", sa.String(20), nullable=False),
    sa.Column("state", sa.String(16), nullable=False, comment="see ivr.payments.saved_cards.service"),
    sa.Column(
        "holder",
        sa.String(80),
        key="gateway_customer_id",
        comment="whom the gateway knows the customer as",
    ),
    sa.Column("token", sa.Text, comment="the gateway's token; wiped when the card is forgotten"),
    sa.Column("brand", sa.String(16), nullable=False),
    sa.Column("last_four", sa.String(4), nullable=False),
    sa.Column("expiry_month", sa.Integer, nullable=False),
    sa.Column("expiry_year", sa.Integer, nullable=False),
    sa.Column("consent_wording", sa.Text, nullable=False, comment="word by word as it was spoken"),
    sa.Column("consent_language", sa.String(8), nullable=False),
    sa.Column("consent_prompt", sa.String(80), nullable=False, comment="flow:prompt"),
    sa.Column("consent_release", sa.String(20), nullable=False, comment="of this server, when it was spoken"),
    sa.Column("consented_at", Instant, nullable=False),
    sa.Column(
        "call_id", sa.String(40), sa.ForeignKey("call.id"), nullable=False, comment="in which they agreed"
    ),
    sa.Column("kept_at", Instant, comment="the gateway keeps it"),
    sa.Column("forgotten_by", sa.String(80), comment="who wanted it forgotten, or why it was"),
    sa.Column("forget_asked_at", Instant, comment="from then on it is neither offered nor charged"),
    sa.Column("forgotten_at", Instant, comment="the gateway can charge it no more"),
    sa.Column("sent_at", Instant, comment="when the gateway was first asked to keep it"),
    sa.Column("jobs", sa.Integer, nullable=False, server_default="0", comment="as on attempt"),
    sa.Column("look_at", Instant, comment="as on attempt"),
    sa.CheckConstraint("state = 'agreed' OR state = 'forgotten' OR token IS NOT NULL", name="has_token"),
    sa.CheckConstraint("state != 'kept' OR holder IS NOT NULL", name="kept_for_a_holder"),
    sa.Index(
        "uq_saved_card_one_of_each",
        "customer_id",
        "gateway",
        "brand",
        "last_four",
        "expiry_month",
        "expiry_year",
        unique=True,
        sqlite_where=sa.text("state = 'kept'"),
        postgresql_where=sa.text("state = 'kept'"),
    ),
    sa.Index(None, "customer_id", "state"),
    sa.Index(None, "look_at"),
)

refund = sa.Table(
    "refund",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True, comment="also the gateway's idempotency key"),
    sa.Column("attempt_id", sa.String(40), sa.ForeignKey("attempt.id"), nullable=False, index=True),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column(
        "state", sa.String(16), nullable=False, comment="asked, approved, declined, unknown or for_a_person"
    ),
    sa.Column("gateway_reference", sa.String(80), index=True),
    sa.Column("gateway_code", sa.String(80)),
    sa.Column("asked_by", sa.String(80), comment="a person's or an API key's name"),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("sent_at", Instant, comment="set before it is sent: it is never sent a second time"),
    sa.Column("settled_at", Instant),
    sa.Column("jobs", sa.Integer, nullable=False, server_default="0", comment="as on attempt"),
    sa.Column("look_at", Instant, comment="as on attempt"),
    sa.Column("verify_since", Instant, comment="as on attempt"),
    sa.CheckConstraint("amount_minor > 0", name="amount_above_zero"),
    sa.Index(None, "look_at"),
)

refund_request = sa.Table(
    "refund_request",
    metadata,
    sa.Column("attempt_id", sa.String(40), sa.ForeignKey("attempt.id"), primary_key=True),
    sa.Column("idempotency_key", sa.String(80), primary_key=True, comment="as a program sent it"),
    sa.Column("amount_minor", sa.BigInteger, comment="as it was asked; null: all that was left"),
    sa.Column("refund_id", sa.String(40), sa.ForeignKey("refund.id"), nullable=False),
    sa.Column("created_at", Instant, nullable=False),
)

gateway_event = sa.Table(
    "gateway_event",
    metadata,
    sa.Column("gateway", sa.String(20), primary_key=True),
    sa.Column("event_id", sa.String(80), primary_key=True, comment="the same for every repeat"),
    sa.Column("kind", sa.String(60), nullable=False, comment="as the gateway calls it"),
    sa.Column("at", Instant, nullable=False),
    sa.Index(None, "at"),
)
