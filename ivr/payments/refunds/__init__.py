"""Refunds: requested, sent under one key, looked up until the outcome is certain."""
