"""Messages to payers: a receipt or a link for each payment, sent over one of the channels."""
