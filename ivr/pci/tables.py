"""The tables of the PCI process: a database of its own, which no other process opens.

What was keyed is sealed before it is stored, and even the wrapped keys are elsewhere. Deleting a row does
not destroy a secret, which stays in write-ahead logs and dead tuples; destroying its key does. Card entries
are needed for one call, and the sweeper empties them. What is counted against card testing is kept for a
day, by keyed hashes alone, and names no entry. Change a table by a migration in `migrations/versions`.
"""

import sqlalchemy as sa

from ivr.platform.database.engine import Instant

VERSION_TABLE = "pci_schema_version"
"""Not Alembic's own name, so that a database that is (wrongly) shared with web is not confused."""
metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

card_entry = sa.Table(
    "card_entry",
    metadata,
    sa.Column(
        "id", sa.String(120), primary_key=True, comment="derived by the web process from call and turn"
    ),
    sa.Column(
        "request_digest", sa.String(64), nullable=False, comment="SHA-256 of what the web process asked"
    ),
    sa.Column("call_sid", sa.String(64), nullable=False),
    sa.Column("account_sid", sa.String(64), nullable=False),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column(
        "slow", sa.Boolean, nullable=False, server_default=sa.false(), comment="the caller wants slow speech"
    ),
    sa.Column("return_url", sa.Text, nullable=False),
    sa.Column("wants_postal_code", sa.Boolean, nullable=False),
    sa.Column("authorize_key", sa.String(120), comment="null: the gateway makes a token"),
    sa.Column("authorize_amount_minor", sa.BigInteger),
    sa.Column("authorize_currency", sa.String(3)),
    sa.Column("authorize_description", sa.Text),
    sa.Column("authorize_metadata", sa.JSON, comment="our references, as the gateway is to keep them"),
    sa.Column("authorize_statement", sa.String(80)),
    sa.Column("status", sa.String(16), nullable=False, comment="keying, sending or finished"),
    sa.Column("outcome", sa.String(32), comment="set with status finished"),
    sa.Column("turn", sa.Integer, nullable=False, comment="the turn that the next webhook answers"),
    sa.Column("field", sa.String(16), nullable=False, comment="what is being keyed"),
    sa.Column("mistakes", sa.Integer, nullable=False, comment="mistakes and silences in this field"),
    sa.Column("star_last", sa.Boolean, nullable=False, comment="the last key heard was a star"),
    sa.Column("fallbacks", sa.Integer, nullable=False, comment="how often the carrier came by its fallback"),
    sa.Column("brand", sa.String(16)),
    sa.Column(
        "key_kept",
        sa.Boolean,
        nullable=False,
        comment="the key service may still keep its data key: the sweeper makes sure, and says so here",
    ),
    sa.Column("sealed_number", sa.LargeBinary),
    sa.Column("sealed_expiry", sa.LargeBinary),
    sa.Column("sealed_code", sa.LargeBinary),
    sa.Column("sealed_postal_code", sa.LargeBinary),
    sa.Column("result_generation", sa.String(20)),
    sa.Column("result_key", sa.LargeBinary),
    sa.Column("sealed_result", sa.LargeBinary, comment="token or authorization, last four, expiry"),
    sa.Column("decline", sa.String(32)),
    sa.Column("claimant", sa.String(120), comment="the call and turn that collected the result"),
    sa.Column("sending_since", Instant),
    sa.Column("spoken_at", Instant, comment="when the waiting caller last heard a word"),
    sa.Column("lease_owner", sa.String(64)),
    sa.Column("lease_until", Instant),
    sa.Column("claims", sa.Integer, nullable=False, comment="how many processes began to ask the gateway"),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("finished_at", Instant),
    sa.Index(None, "call_sid"),
    sa.Index(None, "status", "created_at"),
)

card_entry_turn = sa.Table(
    "card_entry_turn",
    metadata,
    sa.Column("entry_id", sa.ForeignKey("card_entry.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("turn", sa.Integer, primary_key=True),
    sa.Column(
        "twiml", sa.Text, nullable=False, comment="the very answer that was sent; it never holds a digit"
    ),
)

nonce = sa.Table(
    "nonce",
    metadata,
    sa.Column("nonce", sa.String(100), primary_key=True),
    sa.Column("seen_at", Instant, nullable=False),
    sa.Index(None, "seen_at"),
)

card_watch = sa.Table(
    "card_watch",
    metadata,
    sa.Column("entry_id", sa.String(120), primary_key=True, comment="forgotten with the card's outcome"),
    sa.Column("key_id", sa.String(16), nullable=False, comment="which PCI_FINGERPRINT_KEY"),
    sa.Column("card_mark", sa.String(64), nullable=False, comment="keyed hash of the number"),
    sa.Column("bin_mark", sa.String(64), nullable=False, comment="keyed hash of its first digits"),
    sa.Column("since", Instant, nullable=False),
    sa.Index(None, "card_mark"),
    sa.Index(None, "bin_mark"),
    sa.Index(None, "since"),
)

card_tally = sa.Table(
    "card_tally",
    metadata,
    sa.Column("kind", sa.String(8), primary_key=True, comment="card or bin"),
    sa.Column("key_id", sa.String(16), primary_key=True),
    sa.Column("mark", sa.String(64), primary_key=True),
    sa.Column("hour", Instant, primary_key=True, comment="no finer: a moment would name a payment"),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("declines", sa.Integer, nullable=False),
    sa.Index(None, "hour"),
)

lockout = sa.Table(
    "lock_out",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("kind", sa.String(8), nullable=False, comment="card or bin"),
    sa.Column("key_id", sa.String(16), nullable=False),
    sa.Column("mark", sa.String(64), nullable=False),
    sa.Column("since", Instant, nullable=False),
    sa.Column("until", Instant, nullable=False),
    sa.Column("why", sa.String(200), nullable=False),
    sa.Column("lifted_at", Instant),
    sa.Column("lifted_by", sa.String(80)),
    sa.Index(None, "mark", "until"),
    sa.Index(None, "until"),
)
