"""How each wait of a flow is done: finding the bill, collecting the card, charging, sending the link."""
