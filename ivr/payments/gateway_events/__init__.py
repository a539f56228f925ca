"""The gateway's webhooks: kept once, then the gateway is asked about what each one hints at."""
