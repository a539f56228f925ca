"""The bank's decline codes, as the server understands them.

A code that is not listed is `GENERIC`: the bank may learn new ones at any time.
"""

from gateways.declines import Decline

_DECLINES = {
    "authentication_required": Decline.AUTHENTICATION_REQUIRED,
    "blocked": Decline.SUSPECTED_FRAUD,
    "expired_card": Decline.EXPIRED_CARD,
    "generic_decline": Decline.GENERIC,
    "incorrect_cvc": Decline.INCORRECT_CVC,
    "insufficient_funds": Decline.INSUFFICIENT_FUNDS,
    "invalid_expiry": Decline.INVALID_EXPIRY,
    "invalid_number": Decline.INVALID_NUMBER,
    "lost_card": Decline.LOST_STOLEN,
    "processing_error": Decline.ISSUER_UNAVAILABLE,
    "stolen_card": Decline.LOST_STOLEN,
}


KNOWN = frozenset(_DECLINES)


def normalised(code: str) -> Decline:
    """The reason behind a code of the bank."""
    return _DECLINES.get(code, Decline.GENERIC)
