"""Refunds: asked for, sent once, looked up until certain."""
