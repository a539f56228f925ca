"""The session of a call: kept, taken one turn further, and fulfilled.

`machine` is pure and says what a turn needs; `host` fulfils it; `turns` locks, dedupes and commits.
"""
