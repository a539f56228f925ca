"""Simulators of what cannot be reached from here: the carrier with its phones."""
