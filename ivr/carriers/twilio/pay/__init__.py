"""A card that the carrier takes by itself: its `<Pay>` as we write it, and its answers as we read them.

Where CARD_ENTRY is `pay`, no digit of a card reaches this server, and no PCI process is asked: what comes
back is a token of the gateway, a masked number, a kind of card and an expiry.
"""
