"""Every table of the web and worker processes. The PCI process has a database and a schema of its own.

May import `ivr.storage.engine` alone. A rule about money is a constraint here first and code second: reserved
plus paid never exceeds what is billed, an attempt has one ledger entry and one confirmation of each purpose.
Moments are UTC, amounts minor units. Change a table by a migration in `migrations/versions`, in a before and
an after half.
"""

import sqlalchemy as sa

from ivr.storage.engine import Instant

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

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

bill = sa.Table(
    "bill",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("reference", sa.String(8), nullable=False, unique=True),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("billed_minor", sa.BigInteger, nullable=False),
    sa.Column("minimum_minor", sa.BigInteger, nullable=False),
    sa.Column("paid_elsewhere_minor", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column(
        "paid_minor", sa.BigInteger, nullable=False, server_default="0", comment="approved here, less refunds"
    ),
    sa.Column("reserved_minor", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("due_date", sa.Date),
    sa.Column("payer_phone", sa.String(20), comment="E.164"),
    sa.Column("withdrawn", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("source", sa.String(16), nullable=False, comment="cli, import, api or lookup"),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
    sa.CheckConstraint("billed_minor > 0", name="billed_above_zero"),
    sa.CheckConstraint("minimum_minor > 0 AND minimum_minor <= billed_minor", name="minimum_within"),
    sa.CheckConstraint(
        "paid_minor >= 0 AND reserved_minor >= 0 AND paid_elsewhere_minor >= 0", name="not_negative"
    ),
    sa.CheckConstraint(
        "reserved_minor = 0 OR paid_minor + reserved_minor + paid_elsewhere_minor <= billed_minor",
        name="never_overpaid",
    ),
    sa.Index(None, "payer_phone"),
)

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
    sa.Column("bill_id", sa.ForeignKey("bill.id"), nullable=False),
    sa.Column("call_id", sa.ForeignKey("call.id")),
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
    sa.Column("holder", sa.String(80), comment="of a saved card: whose it is, as the gateway knows them"),
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
    sa.CheckConstraint("amount_minor > 0", name="amount_above_zero"),
    sa.CheckConstraint("refunded_minor >= 0 AND refunded_minor <= amount_minor", name="no_over_refund"),
    sa.Index(None, "bill_id"),
    sa.Index(None, "call_id"),
    sa.Index(None, "state"),
    sa.Index(None, "settled_at"),
    sa.Index(None, "look_at"),
)

pay_link = sa.Table(
    "pay_link",
    metadata,
    sa.Column("attempt_id", sa.ForeignKey("attempt.id"), primary_key=True),
    sa.Column("token", sa.String(64), nullable=False, unique=True, comment="in our URL: who has it may pay"),
    sa.Column("base_url", sa.Text, nullable=False, comment="PUBLIC_URL when it was made: asked anew alike"),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Column("url", sa.Text, comment="the gateway's page"),
    sa.Column("gateway_reference", sa.String(255), comment="the link's own, at the gateway"),
    sa.Column("opened_at", Instant, comment="when the gateway told us of its page"),
)

attempt_move = sa.Table(
    "attempt_move",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("attempt_id", sa.ForeignKey("attempt.id"), nullable=False, index=True),
    sa.Column("event", sa.String(24), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("note", sa.String(200)),
)

saved_card = sa.Table(
    "saved_card",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True, comment="also the gateway's idempotency key"),
    sa.Column("customer_id", sa.ForeignKey("customer.id"), nullable=False),
    sa.Column("attempt_id", sa.ForeignKey("attempt.id"), nullable=False, unique=True, comment="it came from"),
    sa.Column("gateway", sa.String(20), nullable=False),
    sa.Column("state", sa.String(16), nullable=False, comment="see ivr.payments.saved_cards"),
    sa.Column("holder", sa.String(80), comment="whom the gateway knows the customer as"),
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
    sa.Column("call_id", sa.ForeignKey("call.id"), nullable=False, comment="in which they agreed"),
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
    sa.Column("attempt_id", sa.ForeignKey("attempt.id"), nullable=False, index=True),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column(
        "state", sa.String(16), nullable=False, comment="asked, approved, declined, unknown or for_a_person"
    ),
    sa.Column("gateway_reference", sa.String(80)),
    sa.Column("gateway_code", sa.String(80)),
    sa.Column("asked_by", sa.String(80), comment="a person's or an API key's name"),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("sent_at", Instant, comment="set before it is sent: it is never sent a second time"),
    sa.Column("settled_at", Instant),
    sa.Column("jobs", sa.Integer, nullable=False, server_default="0", comment="as on attempt"),
    sa.Column("look_at", Instant, comment="as on attempt"),
    sa.CheckConstraint("amount_minor > 0", name="amount_above_zero"),
    sa.Index(None, "look_at"),
)

refund_request = sa.Table(
    "refund_request",
    metadata,
    sa.Column("attempt_id", sa.ForeignKey("attempt.id"), primary_key=True),
    sa.Column("idempotency_key", sa.String(80), primary_key=True, comment="as a program sent it"),
    sa.Column("amount_minor", sa.BigInteger, comment="as it was asked; null: all that was left"),
    sa.Column("refund_id", sa.ForeignKey("refund.id"), nullable=False),
    sa.Column("created_at", Instant, nullable=False),
)

ledger_entry = sa.Table(
    "ledger_entry",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False, comment="charge or refund"),
    sa.Column("source_id", sa.String(40), nullable=False, comment="the attempt or the refund"),
    sa.Column("bill_id", sa.ForeignKey("bill.id"), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.UniqueConstraint("kind", "source_id"),
)

ledger_line = sa.Table(
    "ledger_line",
    metadata,
    sa.Column("entry_id", sa.ForeignKey("ledger_entry.id"), primary_key=True),
    sa.Column("account", sa.String(60), primary_key=True),
    sa.Column("amount_minor", sa.BigInteger, nullable=False, comment="debit above zero, credit below"),
    sa.Column("currency", sa.String(3), nullable=False),
)

confirmation = sa.Table(
    "confirmation",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("attempt_id", sa.ForeignKey("attempt.id"), nullable=False),
    sa.Column("purpose", sa.String(8), nullable=False, server_default="receipt", comment="receipt or link"),
    sa.Column("channel", sa.String(16), nullable=False, comment="sms, console or spoken"),
    sa.Column("recipient", sa.String(20)),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False, comment="see ivr.channels.states"),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("provider_id", sa.String(64), unique=True),
    sa.Column("error_code", sa.String(20)),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("tried_at", Instant),
    sa.Column("sent_at", Instant),
    sa.Column("delivered_at", Instant),
    sa.UniqueConstraint("attempt_id", "purpose"),
)

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
    sa.Column("attempt_id", sa.ForeignKey("attempt.id"), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False, comment="waiting, delivered or given_up"),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("last_answer", sa.String(200)),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("delivered_at", Instant),
    sa.UniqueConstraint("kind", "source_id"),
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

dispute = sa.Table(
    "dispute",
    metadata,
    sa.Column("gateway", sa.String(20), primary_key=True),
    sa.Column("reference", sa.String(80), primary_key=True, comment="the dispute's, in the dashboard"),
    sa.Column("charge_reference", sa.String(80), nullable=False, index=True),
    sa.Column("attempt_id", sa.ForeignKey("attempt.id"), index=True, comment="null: no charge of ours"),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("reason", sa.String(80), nullable=False, comment="as the gateway calls it"),
    sa.Column("state", sa.String(8), nullable=False, comment="open, won or lost"),
    sa.Column("answer_by", Instant),
    sa.Column("opened_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
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
    sa.UniqueConstraint("gateway", "reference"),
)

payout_line = sa.Table(
    "payout_line",
    metadata,
    sa.Column("payout_id", sa.ForeignKey("payout.id"), primary_key=True),
    sa.Column("reference", sa.String(80), primary_key=True, comment="the line's own, at the gateway"),
    sa.Column("kind", sa.String(8), nullable=False, comment="charge, refund, dispute, fee or other"),
    sa.Column("gateway_kind", sa.String(60), nullable=False),
    sa.Column("gross_minor", sa.BigInteger, nullable=False, comment="as it moves the merchant's balance"),
    sa.Column("fee_minor", sa.BigInteger, nullable=False),
    sa.Column("net_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("occurred_at", Instant, nullable=False),
    sa.Column("available_on", Instant, nullable=False),
    sa.Column("charge_reference", sa.String(80)),
    sa.Column("attempt_id", sa.String(40), comment="as the gateway repeats it"),
    sa.Column("refund_id", sa.String(40)),
    sa.Index(None, "attempt_id"),
)

api_key = sa.Table(
    "api_key",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("name", sa.String(80), nullable=False),
    sa.Column("hashed", sa.String(64), nullable=False, unique=True, comment="SHA-256 of a 256-bit secret"),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("revoked_at", Instant),
)

card_try = sa.Table(
    "card_try",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("attempt_id", sa.ForeignKey("attempt.id"), unique=True, comment="null: refused at card entry"),
    sa.Column("call_id", sa.ForeignKey("call.id")),
    sa.Column("caller", sa.String(20), comment="E.164, 'withheld' or 'unproven'; null: not by phone"),
    sa.Column("bill_id", sa.ForeignKey("bill.id"), nullable=False),
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

lock_out = sa.Table(
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
