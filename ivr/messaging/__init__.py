"""Messages to payers: a receipt, word that nothing was charged, or a link, sent over one of the channels."""
