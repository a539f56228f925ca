"""The merchant's own system and the PCI process, as we call them: signed, and bounded in time.

README.md beside this file is written for the merchant's programmers: what we send, how they check our
signature, what they answer.
"""
