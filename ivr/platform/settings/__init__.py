"""Settings: how they are read, those of web and worker, and those that PCI shares with them."""
