"""The PCI process: card data lives here and nowhere else.

It has its own settings, database, prompts and keys, and the web process reaches it by signed requests alone.
"""
