"""The PCI process: card data lives here and nowhere else.

May import what docs/architecture.md lists for it, and nothing more: tests hold it to that list. It has its
own settings, database, prompts and keys, and the web process reaches it by signed requests alone.
"""
