"""What a payment sets off: timeline, texts, webhooks out and fraud counts, in the transaction that moves the
money.
"""
