"""Twilio: signed webhooks, TwiML, `<Pay>`, and its REST API."""
