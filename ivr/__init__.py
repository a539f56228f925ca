"""The server: hosts flows, guards card data, records money, talks on every channel.

docs/architecture.md shows its rooms and arrows.
"""
