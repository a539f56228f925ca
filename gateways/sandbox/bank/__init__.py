"""The small bank behind the sandbox: a loopback process with its own ledger, one truth for all processes.

It takes public test cards alone, and never stores a card number, a code or a token: what a card stands for is
decided as it arrives.
"""
