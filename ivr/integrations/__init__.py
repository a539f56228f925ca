"""The merchant's own system: what we post to it is signed, bounded in time, and never trusted blindly.

README.md beside this file is written for the merchant's programmers: what we send, how they check our
signature, what they answer.
"""
