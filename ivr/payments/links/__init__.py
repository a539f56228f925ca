"""Payments by link: opened at the gateway, closed, and looked at until certain."""
