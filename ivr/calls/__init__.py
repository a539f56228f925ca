"""A call: its session is kept between two turns, and each turn takes it further.

`machine` is pure and says what a turn needs, `waits` does it, `turns` locks, dedupes and commits.
"""
