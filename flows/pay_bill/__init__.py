"""The flow `pay_bill`: a caller hears what they owe and pays it by card. README.md beside tells it in words.

May import `flows.language` and the standard library, like every flow.
"""
