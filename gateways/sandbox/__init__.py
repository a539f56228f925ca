"""The sandbox: a gateway for development and tests, and the small bank behind it.

No real card is ever accepted, and production refuses this gateway.
"""
