"""Alembic migrations of the house (bills, calls, payments, ledger), as package data: `ivr.storage.migrate` runs them."""
