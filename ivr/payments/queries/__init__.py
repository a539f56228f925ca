"""Payments as programs and people read them: the feed, the search, and a period."""
