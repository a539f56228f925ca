"""What our URLs ask of the carrier: to send a webhook again where it met nobody, or a server error.

A retry is safe: a repeated turn gets the answer that it got before. The carrier keeps the fragment to itself
and never sends it to us. Its 15 seconds in all stay as they are, so a webhook that was waited for so long is
not sent again. Source: twilio.com/docs/usage/webhooks/webhooks-connection-overrides.
"""

OVERRIDES = "#rc=5&rp=ct,rt,5xx"
"""Five retries, the most that the carrier takes, where the connection or the read failed, or on a 5xx."""
OVERRIDES_BEFORE = "#rc=5&rp=all"
"""What our documents asked the operator to set at the status callback until this release."""


def retried(url: str) -> str:
    """The URL as it is given to the carrier."""
    return url + OVERRIDES
