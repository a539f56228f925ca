"""How a payer is told: one port, a sender for each channel, and one confirmation for one payment."""
