"""Who listens to events: `subscriptions` lists them, each stands in a file of its own concept."""
