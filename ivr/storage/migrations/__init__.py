"""Alembic migrations of the house's own database, as package data: `ivr.storage.migrate` runs them."""
