"""What callers hear, and where each answer leads: one folder a flow, and `language`, the words for it.

A flow is pure: it may import `flows.language` and the standard library, and nothing of the server.
"""
