"""Stripe, through its own library: keyed cards, two-step charges, refunds, Checkout links, saved cards.

`adapter` and the verbs beside it are for web and worker; `tokenize` is for the PCI process alone. What both
need (`client`, `answers`, `intents`, `declines`, `currencies`) imports neither. Stripe's library is imported
by this folder only: it takes a quarter of a second, which no other gateway's process should wait for.
"""
