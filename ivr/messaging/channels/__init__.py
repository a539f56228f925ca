"""The channels that send a text: SMS, and the console in development."""
