"""Table of bills. A rule about money is a constraint here first and code second: reserved plus paid never
exceeds what is billed.
"""

import sqlalchemy as sa

from ivr.platform.database.engine import Instant
from ivr.platform.database.metadata import metadata

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
        "said_elsewhere_minor",
        sa.BigInteger,
        comment="paid elsewhere, as its source says: waits until its open links are closed",
    ),
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
    sa.Index(None, "updated_at", "id"),
)
