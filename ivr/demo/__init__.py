"""The whole server on one machine, for `paybycall call`: no account, no network, nothing to set.

Nothing here runs in production.
"""
