"""What callers hear, and where each answer leads: one folder a flow, and `language`, the words for it."""
