"""Alembic migrations of the house's own database, as package data: `ivr.platform.database.migrate` runs them."""
