"""Databases that landed releases have filled, and what this release makes of them."""
