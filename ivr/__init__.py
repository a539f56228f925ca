"""The server: hosts flows, guards card data, records money, talks on every channel.

May import `flows` and `gateways`; nothing of those imports this. docs/architecture.md shows its rooms and
arrows.
"""
