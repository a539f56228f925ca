"""Defences against card testing on the web side: velocity limits, lockouts, the breaker, caller identity."""
