"""The routes that the carrier calls: the turns of a call, and what became of our texts."""
