"""The sandbox: a gateway for development and tests, and the small bank behind it.

`adapter`, `tokenize` and what they share talk HTTP to the bank and may import nothing of `bank`; `bank` is a
process of its own and may import `currencies` and the bank alone. No real card is ever accepted, and
production refuses this gateway.
"""
