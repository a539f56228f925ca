"""What every package stands on: settings, database, HTTP server, clock, ids, money and logs. Nothing of
payments.
"""
