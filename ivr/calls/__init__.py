"""The session of a call: kept, taken one turn further, and fulfilled.

May import `flows`, `ivr.payments`, `ivr.bills`, `ivr.customers`, `ivr.work`, `ivr.storage` and the leaves.
`machine` is pure and says what a turn needs; `host` fulfils it; `turns` locks, dedupes and commits.
"""
