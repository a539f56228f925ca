"""The small bank behind the sandbox: a loopback process with its own ledger, one truth for all processes.

May import Flask, the standard library, `gateways.sandbox.currencies` and itself; clock, sleep and ids are
passed in. It takes public test cards alone, and never stores a card number, a code or a token: what a card
stands for is decided as it arrives.
"""
