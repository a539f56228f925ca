"""Telephone carriers, a folder each: signature, webhook fields, rendering, REST API."""
