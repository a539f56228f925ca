"""Alembic migrations of the PCI process, as package data: `ivr.pci.migrate` runs them."""
