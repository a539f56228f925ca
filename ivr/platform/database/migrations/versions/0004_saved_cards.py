"""Saved cards with their payers' consent; whether an attempt's card is to be kept, or was."""

import sqlalchemy as sa
from alembic import op

from ivr.platform.database.engine import Instant

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "saved_card",
        sa.Column("id", sa.String(length=40), nullable=False, comment="also the gateway's idempotency key"),
        sa.Column("customer_id", sa.String(length=40), nullable=False),
        sa.Column("attempt_id", sa.String(length=40), nullable=False, comment="it came from"),
        sa.Column("gateway", sa.String(length=20), nullable=False),
        sa.Column(
            "state", sa.String(length=16), nullable=False, comment="see ivr.payments.saved_cards.service"
        ),
        sa.Column(
            "holder", sa.String(length=80), nullable=True, comment="whom the gateway knows the customer as"
        ),
        sa.Column(
            "token", sa.Text(), nullable=True, comment="the gateway's token; wiped when the card is forgotten"
        ),
        sa.Column("brand", sa.String(length=16), nullable=False),
        sa.Column("last_four", sa.String(length=4), nullable=False),
        sa.Column("expiry_month", sa.Integer(), nullable=False),
        sa.Column("expiry_year", sa.Integer(), nullable=False),
        sa.Column("consent_wording", sa.Text(), nullable=False, comment="word by word as it was spoken"),
        sa.Column("consent_language", sa.String(length=8), nullable=False),
        sa.Column("consent_prompt", sa.String(length=80), nullable=False, comment="flow:prompt"),
        sa.Column(
            "consent_release",
            sa.String(length=20),
            nullable=False,
            comment="of this server, when it was spoken",
        ),
        sa.Column("consented_at", Instant(timezone=True), nullable=False),
        sa.Column("call_id", sa.String(length=40), nullable=False, comment="in which they agreed"),
        sa.Column("kept_at", Instant(timezone=True), nullable=True, comment="the gateway keeps it"),
        sa.Column(
            "forgotten_by",
            sa.String(length=80),
            nullable=True,
            comment="who wanted it forgotten, or why it was",
        ),
        sa.Column(
            "forget_asked_at",
            Instant(timezone=True),
            nullable=True,
            comment="from then on it is neither offered nor charged",
        ),
        sa.Column(
            "forgotten_at", Instant(timezone=True), nullable=True, comment="the gateway can charge it no more"
        ),
        sa.Column(
            "sent_at",
            Instant(timezone=True),
            nullable=True,
            comment="when the gateway was first asked to keep it",
        ),
        sa.Column("jobs", sa.Integer(), server_default="0", nullable=False, comment="as on attempt"),
        sa.Column("look_at", Instant(timezone=True), nullable=True, comment="as on attempt"),
        sa.CheckConstraint(
            "state != 'kept' OR holder IS NOT NULL", name=op.f("ck_saved_card_kept_for_a_holder")
        ),
        sa.CheckConstraint(
            "state = 'agreed' OR state = 'forgotten' OR token IS NOT NULL",
            name=op.f("ck_saved_card_has_token"),
        ),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_saved_card_attempt_id")),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_saved_card_call_id")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_saved_card_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_card")),
        sa.UniqueConstraint("attempt_id", name=op.f("uq_saved_card_attempt_id")),
    )
    op.create_index(
        op.f("ix_saved_card_customer_id_state"), "saved_card", ["customer_id", "state"], unique=False
    )
    op.create_index(op.f("ix_saved_card_look_at"), "saved_card", ["look_at"], unique=False)
    op.create_index(
        "uq_saved_card_one_of_each",
        "saved_card",
        ["customer_id", "gateway", "brand", "last_four", "expiry_month", "expiry_year"],
        unique=True,
        sqlite_where=sa.text("state = 'kept'"),
        postgresql_where=sa.text("state = 'kept'"),
    )
    op.add_column(
        "attempt",
        sa.Column(
            "saved_card_id",
            sa.String(length=40),
            nullable=True,
            comment="the saved card that pays; null: one that was keyed",
        ),
    )
    op.add_column(
        "attempt",
        sa.Column(
            "holder",
            sa.String(length=80),
            nullable=True,
            comment="of a saved card: whose it is, as the gateway knows them",
        ),
    )
    op.add_column(
        "attempt",
        sa.Column(
            "keep_card",
            sa.Boolean(),
            server_default=sa.false(),
            nullable=False,
            comment="the payer agreed that the card is kept",
        ),
    )
