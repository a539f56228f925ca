"""Payments: a caller's money, from the part of the bill that is reserved to the entry in the ledger.

How it goes. A turn of the call makes an attempt (`AttemptService.make`), which reserves its part of the
bill, and asks for the charge (`ask_charge`). A worker claims it (`charge`), sends it outside any transaction,
and records the answer. An answer that is lost makes the attempt unknown; `resolve` asks the gateway until it
is certain, and never sends a second time. `release` lets go of an authorization that nobody captures,
`expire` ends what nobody claimed by its deadline, `refunding` gives money back, and `sweep` asks again for a
job that was lost.

Where a rule lives. States and their edges: `states`. What an answer of the gateway does in each state:
`answers`. What belongs to a move, in the same transaction (reservation, ledger, event, the next job):
`moves`. How long is waited for what: `patience`. Other packages listen to events.

What could go wrong, and why it does not. Two workers meet on one attempt: the row is locked and the move is a
compare-and-set. A worker is killed after it claimed: its claim asked for a look in 30 s. A worker froze and
wakes up: what it sends was fenced, or is answered and recorded late. A job is lost: each attempt says when it
is looked at next, and the sweep reads that.
"""
