"""What finance reads: the double-entry ledger of every charge and refund.

Entries are only ever added, each in the very transaction that makes its charge or refund final; a second
entry for the same charge breaks a constraint, and its lines sum to zero in each currency.
"""
