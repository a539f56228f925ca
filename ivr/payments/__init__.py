"""Payments: from the part of a bill that is reserved to the entry in the ledger, and back by a refund.

attempts/          one attempt to have one amount paid: its states (`states`), the only way to move it
                   (`transitions`), what each answer of the gateway does (`gateway_answers`), and its jobs
refunds/           refunds that this server makes, and those that others made at the gateway
links/             payments by link: opened, looked at, closed
saved_cards/       cards that the gateway keeps for a customer's next payment
queries/           payments as programs, people and metrics list, search and count them
gateway_events.py  the gateway's webhooks: kept once, then the gateway is asked
history.py         a payment's history, with the discrepancies between the gateway and our books
service.py         all of it put together for one gateway, and the sweep for jobs that were lost;
                   `gateway_client.py` asks the gateway, `timeouts.py` says how long is waited for what

Each folder has a `service.py` (what others may do), a `store.py` (all its SQL) and `jobs.py` where there are
any. Workers may meet, freeze or die at any line: a row is locked and moved by compare-and-set, a claimed
attempt is looked up and never sent again, and each row says when it is looked at next.
"""
