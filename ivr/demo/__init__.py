"""The whole server on one machine, for `paybycall call`: no account, no network, nothing to set.

May import `ivr.phone`, `ivr.storage`, `ivr.bills`, `ivr.payments` and the leaves. Nothing here runs in
production.
"""
