"""Bills: what is owed, under which reference, and how bills come in. What was paid here is our ledger's word
alone.

A bill is stored by `store.upsert`, from wherever it comes: command, CSV file, API or the merchant's own
look-up. Its columns `paid_minor` and `reserved_minor` are moved by `reservation` alone.
"""
