"""Fingerprints: which card an entry under way is of, tallies by card and BIN, lock-outs."""

import sqlalchemy as sa
from alembic import op

from ivr.platform.database.engine import Instant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "card_watch",
        sa.Column(
            "entry_id", sa.String(length=120), nullable=False, comment="forgotten with the card's outcome"
        ),
        sa.Column("key_id", sa.String(length=16), nullable=False, comment="which PCI_FINGERPRINT_KEY"),
        sa.Column("card_mark", sa.String(length=64), nullable=False, comment="keyed hash of the number"),
        sa.Column("bin_mark", sa.String(length=64), nullable=False, comment="keyed hash of its first digits"),
        sa.Column("since", Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_card_watch")),
    )
    op.create_index(op.f("ix_card_watch_bin_mark"), "card_watch", ["bin_mark"], unique=False)
    op.create_index(op.f("ix_card_watch_card_mark"), "card_watch", ["card_mark"], unique=False)
    op.create_index(op.f("ix_card_watch_since"), "card_watch", ["since"], unique=False)
    op.create_table(
        "card_tally",
        sa.Column("kind", sa.String(length=8), nullable=False, comment="card or bin"),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.Column(
            "hour",
            Instant(timezone=True),
            nullable=False,
            comment="no finer: a moment would name a payment",
        ),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("declines", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key_id", "mark", "hour", name=op.f("pk_card_tally")),
    )
    op.create_index(op.f("ix_card_tally_hour"), "card_tally", ["hour"], unique=False)
    op.create_table(
        "lock_out",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False, comment="card or bin"),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.Column("since", Instant(timezone=True), nullable=False),
        sa.Column("until", Instant(timezone=True), nullable=False),
        sa.Column("why", sa.String(length=200), nullable=False),
        sa.Column("lifted_at", Instant(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.String(length=80), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lock_out")),
    )
    op.create_index(op.f("ix_lock_out_mark_until"), "lock_out", ["mark", "until"], unique=False)
    op.create_index(op.f("ix_lock_out_until"), "lock_out", ["until"], unique=False)


def downgrade() -> None:
    op.drop_table("lock_out")
    op.drop_table("card_tally")
    op.drop_table("card_watch")
