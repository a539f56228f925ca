"""The normalised reasons of a decline, and what the caller can do about each.

Every adapter maps its gateway's codes onto these; an unmapped code is `GENERIC`. A caller is never told that
a card was reported lost, stolen or fraudulent.
"""

from enum import StrEnum


class Decline(StrEnum):
    """Why the issuer, or the gateway for it, said no."""

    EXPIRED_CARD = "expired_card"
    INCORRECT_CVC = "incorrect_cvc"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    INVALID_NUMBER = "invalid_number"
    INVALID_EXPIRY = "invalid_expiry"
    LOST_STOLEN = "lost_stolen"
    SUSPECTED_FRAUD = "suspected_fraud"
    AUTHENTICATION_REQUIRED = "authentication_required"
    ISSUER_UNAVAILABLE = "issuer_unavailable"
    CONFIG_ERROR = "config_error"
    GENERIC = "generic"


class Remedy(StrEnum):
    """What the caller can do next."""

    TRY_ANOTHER_CARD = "try_another_card"
    AUTHENTICATE = "authenticate"
    REFUSED = "refused"


_REMEDIES = {
    Decline.AUTHENTICATION_REQUIRED: Remedy.AUTHENTICATE,
    Decline.CONFIG_ERROR: Remedy.REFUSED,
}


def remedy(decline: Decline) -> Remedy:
    """What the caller can do: nearly always, try another card."""
    return _REMEDIES.get(decline, Remedy.TRY_ANOTHER_CARD)
