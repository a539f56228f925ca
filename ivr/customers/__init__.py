"""Who is calling: identity, what they prefer, what they guessed, and one timeline over all channels."""
