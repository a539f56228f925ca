"""Durable background work: enqueued in the transaction of the row that causes it, finished by whoever lives."""
