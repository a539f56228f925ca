"""Table of the API's keys."""

import sqlalchemy as sa

from ivr.platform.database.engine import Instant
from ivr.platform.database.metadata import metadata

api_key = sa.Table(
    "api_key",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("name", sa.String(80), nullable=False),
    sa.Column("hashed", sa.String(64), nullable=False, unique=True, comment="SHA-256 of a 256-bit secret"),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("revoked_at", Instant),
)
