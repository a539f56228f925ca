"""Cards that a payer agreed to have kept for the next payment."""
