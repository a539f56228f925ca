"""The carrier's door: webhooks in, TwiML out.

May import `ivr.calls`, `flows.language` and the leaves. `twiml` and `signature` are leaves themselves, which
the PCI process uses too.
"""
