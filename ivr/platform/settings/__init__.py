"""Settings: how one is declared, which there are, and what is wrong with them."""
