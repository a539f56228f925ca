"""HTTP in: the carrier's webhooks, the JSON API, the payer's pages, and what operators ask."""
