"""Card-testing defences: every try of a card for as long as it counts, lock-outs, and what the carrier says
of the caller's number.
"""

import sqlalchemy as sa
from alembic import op

from ivr.platform.database.engine import Instant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "call",
        sa.Column(
            "stir_verstat",
            sa.String(length=40),
            nullable=True,
            comment="the carrier's word on the caller's number; null: it says none",
        ),
    )
    op.create_table(
        "card_try",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("attempt_id", sa.String(length=40), nullable=True, comment="null: refused at card entry"),
        sa.Column("call_id", sa.String(length=40), nullable=True),
        sa.Column(
            "caller",
            sa.String(length=20),
            nullable=True,
            comment="E.164, 'withheld' or 'unproven'; null: not by phone",
        ),
        sa.Column("bill_id", sa.String(length=40), nullable=False),
        sa.Column(
            "weight", sa.Integer(), nullable=False, comment="what it counts: more from a number in doubt"
        ),
        sa.Column("state", sa.String(length=16), nullable=False, comment="open, approved, declined or void"),
        sa.Column("decline", sa.String(length=32), nullable=True),
        sa.Column("at", Instant(timezone=True), nullable=False),
        sa.Column("ended_at", Instant(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_card_try_attempt_id")),
        sa.ForeignKeyConstraint(["bill_id"], ["bill.id"], name=op.f("fk_card_try_bill_id")),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_card_try_call_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card_try")),
        sa.UniqueConstraint("attempt_id", name=op.f("uq_card_try_attempt_id")),
    )
    op.create_index(op.f("ix_card_try_at"), "card_try", ["at"], unique=False)
    op.create_index(op.f("ix_card_try_bill_id_at"), "card_try", ["bill_id", "at"], unique=False)
    op.create_index(op.f("ix_card_try_call_id"), "card_try", ["call_id"], unique=False)
    op.create_index(op.f("ix_card_try_caller_at"), "card_try", ["caller", "at"], unique=False)
    op.create_index(op.f("ix_card_try_ended_at"), "card_try", ["ended_at"], unique=False)
    op.create_table(
        "lock_out",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False, comment="call, caller, bill or breaker"),
        sa.Column("subject", sa.String(length=40), nullable=False, comment="whose cards are not taken"),
        sa.Column("number", sa.Integer(), nullable=False, comment="the subject's lock-outs, counted from 1"),
        sa.Column("since", Instant(timezone=True), nullable=False),
        sa.Column("until", Instant(timezone=True), nullable=False),
        sa.Column("why", sa.String(length=200), nullable=False),
        sa.Column("call_id", sa.String(length=40), nullable=True, comment="the call in which it began"),
        sa.Column("lifted_at", Instant(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.String(length=80), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lock_out")),
        sa.UniqueConstraint("kind", "subject", "number", name=op.f("uq_lock_out_kind_subject_number")),
    )
    op.create_index(op.f("ix_lock_out_until"), "lock_out", ["until"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_lock_out_until"), table_name="lock_out")
    op.drop_table("lock_out")
    for name in ("ended_at", "caller_at", "call_id", "bill_id_at", "at"):
        op.drop_index(op.f(f"ix_card_try_{name}"), table_name="card_try")
    op.drop_table("card_try")
    op.drop_column("call", "stir_verstat")
