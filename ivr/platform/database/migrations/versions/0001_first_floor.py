"""The first floor: bills, calls, attempts, ledger, confirmations."""

import sqlalchemy as sa
from alembic import op

from ivr.platform.database.engine import Instant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("hashed", sa.String(length=64), nullable=False, comment="SHA-256 of a 256-bit secret"),
        sa.Column("created_at", Instant(timezone=True), nullable=False),
        sa.Column("revoked_at", Instant(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("hashed", name=op.f("uq_api_key_hashed")),
    )
    op.create_table(
        "bill",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("reference", sa.String(length=8), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("billed_minor", sa.BigInteger(), nullable=False),
        sa.Column("minimum_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_elsewhere_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column(
            "paid_minor",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="approved here, less refunds",
        ),
        sa.Column("reserved_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("due_date", sa.Date(), nullable=True),
        sa.Column("payer_phone", sa.String(length=20), nullable=True, comment="E.164"),
        sa.Column("withdrawn", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False, comment="cli, import, api or lookup"),
        sa.Column("created_at", Instant(timezone=True), nullable=False),
        sa.Column("updated_at", Instant(timezone=True), nullable=False),
        sa.CheckConstraint("billed_minor > 0", name=op.f("ck_bill_billed_above_zero")),
        sa.CheckConstraint(
            "minimum_minor > 0 AND minimum_minor <= billed_minor", name=op.f("ck_bill_minimum_within")
        ),
        sa.CheckConstraint(
            "paid_minor >= 0 AND reserved_minor >= 0 AND paid_elsewhere_minor >= 0",
            name=op.f("ck_bill_not_negative"),
        ),
        sa.CheckConstraint(
            "reserved_minor = 0 OR paid_minor + reserved_minor + paid_elsewhere_minor <= billed_minor",
            name=op.f("ck_bill_never_overpaid"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bill")),
        sa.UniqueConstraint("reference", name=op.f("uq_bill_reference")),
    )
    with op.batch_alter_table("bill", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_bill_payer_phone"), ["payer_phone"], unique=False)

    op.create_table(
        "call",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("call_sid", sa.String(length=64), nullable=False),
        sa.Column("account_sid", sa.String(length=64), nullable=False),
        sa.Column(
            "from_number", sa.String(length=20), nullable=True, comment="E.164; null where it was withheld"
        ),
        sa.Column("to_number", sa.String(length=20), nullable=False),
        sa.Column("flow", sa.String(length=40), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False, comment="the turn that the next webhook answers"),
        sa.Column(
            "session",
            sa.JSON(),
            nullable=False,
            comment="step, state, language, visits, trail: ivr.calls.session",
        ),
        sa.Column(
            "intent",
            sa.JSON(),
            nullable=True,
            comment="the network call of the turn under way: kind, turn, lease",
        ),
        sa.Column("status", sa.String(length=16), nullable=False, comment="active or ended"),
        sa.Column("ended_because", sa.String(length=32), nullable=True),
        sa.Column("started_at", Instant(timezone=True), nullable=False),
        sa.Column("ended_at", Instant(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call")),
        sa.UniqueConstraint("call_sid", name=op.f("uq_call_call_sid")),
    )
    with op.batch_alter_table("call", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_call_status_started_at"), ["status", "started_at"], unique=False)

    op.create_table(
        "customer",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=True),
        sa.Column("created_at", Instant(timezone=True), nullable=False),
        sa.Column("updated_at", Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer")),
        sa.UniqueConstraint("phone", name=op.f("uq_customer_phone")),
    )
    op.create_table(
        "guess",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("caller", sa.String(length=20), nullable=False, comment="E.164, or 'withheld'"),
        sa.Column("at", Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guess")),
    )
    with op.batch_alter_table("guess", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_guess_caller_at"), ["caller", "at"], unique=False)

    op.create_table(
        "attempt",
        sa.Column("id", sa.String(length=40), nullable=False, comment="also the gateway's idempotency key"),
        sa.Column(
            "made_for",
            sa.String(length=80),
            nullable=False,
            comment="call and turn: a repeat makes no second",
        ),
        sa.Column("reference", sa.String(length=8), nullable=False, comment="spoken to the caller"),
        sa.Column("bill_id", sa.String(length=40), nullable=False),
        sa.Column("call_id", sa.String(length=40), nullable=True),
        sa.Column("payer_phone", sa.String(length=20), nullable=True, comment="who is texted; null: nobody"),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("gateway", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column(
            "token", sa.Text(), nullable=True, comment="the gateway's token; wiped when the attempt is final"
        ),
        sa.Column("gateway_authorization", sa.Text(), nullable=True, comment="where PCI authorized"),
        sa.Column("brand", sa.String(length=16), nullable=True),
        sa.Column("last_four", sa.String(length=4), nullable=True),
        sa.Column("gateway_reference", sa.String(length=80), nullable=True),
        sa.Column("authorisation_code", sa.String(length=40), nullable=True),
        sa.Column("decline", sa.String(length=32), nullable=True),
        sa.Column("gateway_code", sa.String(length=80), nullable=True),
        sa.Column("created_at", Instant(timezone=True), nullable=False),
        sa.Column(
            "deadline_at",
            Instant(timezone=True),
            nullable=False,
            comment="unclaimed by then: abandoned, never sent",
        ),
        sa.Column(
            "charge_asked_at",
            Instant(timezone=True),
            nullable=True,
            comment="the caller confirmed, and waits",
        ),
        sa.Column("claimed_at", Instant(timezone=True), nullable=True),
        sa.Column("unknown_since", Instant(timezone=True), nullable=True),
        sa.Column(
            "promised_at",
            Instant(timezone=True),
            nullable=True,
            comment="the caller left without hearing the outcome: any outcome is texted",
        ),
        sa.Column("settled_at", Instant(timezone=True), nullable=True, comment="when it became final"),
        sa.Column(
            "jobs",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="jobs asked for: numbers the next",
        ),
        sa.Column(
            "look_at",
            Instant(timezone=True),
            nullable=True,
            comment="when a job looks at it again; long past: that job was lost",
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_attempt_amount_above_zero")),
        sa.CheckConstraint(
            "refunded_minor >= 0 AND refunded_minor <= amount_minor", name=op.f("ck_attempt_no_over_refund")
        ),
        sa.ForeignKeyConstraint(["bill_id"], ["bill.id"], name=op.f("fk_attempt_bill_id")),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_attempt_call_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
        sa.UniqueConstraint("made_for", name=op.f("uq_attempt_made_for")),
        sa.UniqueConstraint("reference", name=op.f("uq_attempt_reference")),
    )
    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_attempt_bill_id"), ["bill_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_attempt_call_id"), ["call_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_attempt_look_at"), ["look_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_attempt_settled_at"), ["settled_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_attempt_state"), ["state"], unique=False)

    op.create_table(
        "call_turn",
        sa.Column("call_id", sa.String(length=40), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("twiml", sa.Text(), nullable=False, comment="the very answer that was sent"),
        sa.Column("at", Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_call_turn_call_id")),
        sa.PrimaryKeyConstraint("call_id", "turn", name=op.f("pk_call_turn")),
    )
    op.create_table(
        "ledger_entry",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False, comment="charge or refund"),
        sa.Column("source_id", sa.String(length=40), nullable=False, comment="the attempt or the refund"),
        sa.Column("bill_id", sa.String(length=40), nullable=False),
        sa.Column("at", Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["bill_id"], ["bill.id"], name=op.f("fk_ledger_entry_bill_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entry")),
        sa.UniqueConstraint("kind", "source_id", name=op.f("uq_ledger_entry_kind_source_id")),
    )
    op.create_table(
        "timeline",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("at", Instant(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("customer_id", sa.String(length=40), nullable=True),
        sa.Column("call_id", sa.String(length=40), nullable=True),
        sa.Column("attempt_id", sa.String(length=40), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_timeline_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timeline")),
    )
    with op.batch_alter_table("timeline", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_timeline_call_id"), ["call_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_timeline_customer_id_at"), ["customer_id", "at"], unique=False)

    op.create_table(
        "attempt_move",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("attempt_id", sa.String(length=40), nullable=False),
        sa.Column("event", sa.String(length=24), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("at", Instant(timezone=True), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_attempt_move_attempt_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt_move")),
    )
    with op.batch_alter_table("attempt_move", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_attempt_move_attempt_id"), ["attempt_id"], unique=False)

    op.create_table(
        "confirmation",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("attempt_id", sa.String(length=40), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False, comment="sms, console or spoken"),
        sa.Column("recipient", sa.String(length=20), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False, comment="see ivr.messaging.states"),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("provider_id", sa.String(length=64), nullable=True),
        sa.Column("error_code", sa.String(length=20), nullable=True),
        sa.Column("created_at", Instant(timezone=True), nullable=False),
        sa.Column("tried_at", Instant(timezone=True), nullable=True),
        sa.Column("sent_at", Instant(timezone=True), nullable=True),
        sa.Column("delivered_at", Instant(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_confirmation_attempt_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_confirmation")),
        sa.UniqueConstraint("attempt_id", name=op.f("uq_confirmation_attempt_id")),
        sa.UniqueConstraint("provider_id", name=op.f("uq_confirmation_provider_id")),
    )
    op.create_table(
        "ledger_line",
        sa.Column("entry_id", sa.String(length=40), nullable=False),
        sa.Column("account", sa.String(length=60), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False, comment="debit above zero, credit below"),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["ledger_entry.id"], name=op.f("fk_ledger_line_entry_id")),
        sa.PrimaryKeyConstraint("entry_id", "account", name=op.f("pk_ledger_line")),
    )
    op.create_table(
        "outcome",
        sa.Column(
            "id",
            sa.String(length=40),
            nullable=False,
            comment="in the webhook, so that the merchant can drop a repeat",
        ),
        sa.Column(
            "kind", sa.String(length=40), nullable=False, comment="payment.approved, payment.declined, ..."
        ),
        sa.Column("source_id", sa.String(length=40), nullable=False, comment="the attempt or the refund"),
        sa.Column("attempt_id", sa.String(length=40), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False, comment="waiting, delivered or given_up"),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_answer", sa.String(length=200), nullable=True),
        sa.Column("created_at", Instant(timezone=True), nullable=False),
        sa.Column("delivered_at", Instant(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_outcome_attempt_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outcome")),
        sa.UniqueConstraint("kind", "source_id", name=op.f("uq_outcome_kind_source_id")),
    )
    op.create_table(
        "refund",
        sa.Column("id", sa.String(length=40), nullable=False, comment="also the gateway's idempotency key"),
        sa.Column("attempt_id", sa.String(length=40), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column(
            "state",
            sa.String(length=16),
            nullable=False,
            comment="asked, approved, declined, unknown or for_a_person",
        ),
        sa.Column("gateway_reference", sa.String(length=80), nullable=True),
        sa.Column("gateway_code", sa.String(length=80), nullable=True),
        sa.Column("asked_by", sa.String(length=80), nullable=True, comment="a person's or an API key's name"),
        sa.Column("created_at", Instant(timezone=True), nullable=False),
        sa.Column(
            "sent_at",
            Instant(timezone=True),
            nullable=True,
            comment="set before it is sent: it is never sent a second time",
        ),
        sa.Column("settled_at", Instant(timezone=True), nullable=True),
        sa.Column("jobs", sa.Integer(), server_default="0", nullable=False, comment="as on attempt"),
        sa.Column("look_at", Instant(timezone=True), nullable=True, comment="as on attempt"),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_refund_amount_above_zero")),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_refund_attempt_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund")),
    )
    with op.batch_alter_table("refund", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_refund_attempt_id"), ["attempt_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_refund_look_at"), ["look_at"], unique=False)

    op.create_table(
        "refund_request",
        sa.Column("attempt_id", sa.String(length=40), nullable=False),
        sa.Column("idempotency_key", sa.String(length=80), nullable=False, comment="as a program sent it"),
        sa.Column(
            "amount_minor", sa.BigInteger(), nullable=True, comment="as it was asked; null: all that was left"
        ),
        sa.Column("refund_id", sa.String(length=40), nullable=False),
        sa.Column("created_at", Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_refund_request_attempt_id")),
        sa.ForeignKeyConstraint(["refund_id"], ["refund.id"], name=op.f("fk_refund_request_refund_id")),
        sa.PrimaryKeyConstraint("attempt_id", "idempotency_key", name=op.f("pk_refund_request")),
    )


def downgrade() -> None:
    op.drop_table("refund_request")
    with op.batch_alter_table("refund", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_refund_look_at"))
        batch_op.drop_index(batch_op.f("ix_refund_attempt_id"))

    op.drop_table("refund")
    op.drop_table("outcome")
    op.drop_table("ledger_line")
    op.drop_table("confirmation")
    with op.batch_alter_table("attempt_move", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_attempt_move_attempt_id"))

    op.drop_table("attempt_move")
    with op.batch_alter_table("timeline", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_timeline_customer_id_at"))
        batch_op.drop_index(batch_op.f("ix_timeline_call_id"))

    op.drop_table("timeline")
    op.drop_table("ledger_entry")
    op.drop_table("call_turn")
    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_attempt_state"))
        batch_op.drop_index(batch_op.f("ix_attempt_settled_at"))
        batch_op.drop_index(batch_op.f("ix_attempt_look_at"))
        batch_op.drop_index(batch_op.f("ix_attempt_call_id"))
        batch_op.drop_index(batch_op.f("ix_attempt_bill_id"))

    op.drop_table("attempt")
    with op.batch_alter_table("guess", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_guess_caller_at"))

    op.drop_table("guess")
    op.drop_table("customer")
    with op.batch_alter_table("call", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_call_status_started_at"))

    op.drop_table("call")
    with op.batch_alter_table("bill", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_bill_payer_phone"))

    op.drop_table("bill")
    op.drop_table("api_key")
