"""The first floor: card entries, the answers sent in them, and the nonces of the last minutes."""

import sqlalchemy as sa
from alembic import op

from ivr.platform.database.engine import Instant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "card_entry",
        sa.Column(
            "id",
            sa.String(length=120),
            nullable=False,
            comment="derived by the web process from call and turn",
        ),
        sa.Column(
            "request_digest",
            sa.String(length=64),
            nullable=False,
            comment="SHA-256 of what the web process asked",
        ),
        sa.Column("call_sid", sa.String(length=64), nullable=False),
        sa.Column("account_sid", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("return_url", sa.Text(), nullable=False),
        sa.Column("wants_postal_code", sa.Boolean(), nullable=False),
        sa.Column(
            "authorize_key", sa.String(length=120), nullable=True, comment="null: the gateway makes a token"
        ),
        sa.Column("authorize_amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("authorize_currency", sa.String(length=3), nullable=True),
        sa.Column("authorize_description", sa.Text(), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False, comment="keying, sending or finished"),
        sa.Column("outcome", sa.String(length=32), nullable=True, comment="set with status finished"),
        sa.Column("turn", sa.Integer(), nullable=False, comment="the turn that the next webhook answers"),
        sa.Column("field", sa.String(length=16), nullable=False, comment="what is being keyed"),
        sa.Column("mistakes", sa.Integer(), nullable=False, comment="mistakes and silences in this field"),
        sa.Column("star_last", sa.Boolean(), nullable=False, comment="the last key heard was a star"),
        sa.Column(
            "fallbacks", sa.Integer(), nullable=False, comment="how often the carrier came by its fallback"
        ),
        sa.Column("brand", sa.String(length=16), nullable=True),
        sa.Column(
            "key_kept",
            sa.Boolean(),
            nullable=False,
            comment="the key service may still keep its data key: the sweeper makes sure, and says so here",
        ),
        sa.Column("sealed_number", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_expiry", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_code", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_postal_code", sa.LargeBinary(), nullable=True),
        sa.Column("result_generation", sa.String(length=20), nullable=True),
        sa.Column("result_key", sa.LargeBinary(), nullable=True),
        sa.Column(
            "sealed_result",
            sa.LargeBinary(),
            nullable=True,
            comment="token or authorization, last four, expiry",
        ),
        sa.Column("decline", sa.String(length=32), nullable=True),
        sa.Column(
            "claimant",
            sa.String(length=120),
            nullable=True,
            comment="the call and turn that collected the result",
        ),
        sa.Column("sending_since", Instant(timezone=True), nullable=True),
        sa.Column(
            "spoken_at",
            Instant(timezone=True),
            nullable=True,
            comment="when the waiting caller last heard a word",
        ),
        sa.Column("lease_owner", sa.String(length=64), nullable=True),
        sa.Column("lease_until", Instant(timezone=True), nullable=True),
        sa.Column(
            "claims", sa.Integer(), nullable=False, comment="how many processes began to ask the gateway"
        ),
        sa.Column("created_at", Instant(timezone=True), nullable=False),
        sa.Column("finished_at", Instant(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card_entry")),
    )
    op.create_index(op.f("ix_card_entry_call_sid"), "card_entry", ["call_sid"], unique=False)
    op.create_index(
        op.f("ix_card_entry_status_created_at"), "card_entry", ["status", "created_at"], unique=False
    )
    op.create_table(
        "nonce",
        sa.Column("nonce", sa.String(length=100), nullable=False),
        sa.Column("seen_at", Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("nonce", name=op.f("pk_nonce")),
    )
    op.create_index(op.f("ix_nonce_seen_at"), "nonce", ["seen_at"], unique=False)
    op.create_table(
        "card_entry_turn",
        sa.Column("entry_id", sa.String(length=120), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column(
            "twiml",
            sa.Text(),
            nullable=False,
            comment="the very answer that was sent; it never holds a digit",
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["card_entry.id"], name=op.f("fk_card_entry_turn_entry_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("entry_id", "turn", name=op.f("pk_card_entry_turn")),
    )


def downgrade() -> None:
    op.drop_table("card_entry_turn")
    op.drop_index(op.f("ix_nonce_seen_at"), table_name="nonce")
    op.drop_table("nonce")
    op.drop_index(op.f("ix_card_entry_status_created_at"), table_name="card_entry")
    op.drop_index(op.f("ix_card_entry_call_sid"), table_name="card_entry")
    op.drop_table("card_entry")
