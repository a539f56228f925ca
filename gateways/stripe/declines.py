"""Stripe's decline codes, as the server understands them.

All that https://docs.stripe.com/declines/codes and /error-codes name of a card; one that is not listed is
`GENERIC`, and counted as unmapped. `duplicate_transaction` is not here: "seen before" is never a decline.
"""

from gateways.declines import Decline

SEEN_BEFORE = frozenset({"duplicate_transaction"})

_CODES = {
    Decline.EXPIRED_CARD: "expired_card expired_payment_method",
    Decline.INCORRECT_CVC: "incorrect_cvc invalid_cvc",
    Decline.INSUFFICIENT_FUNDS: "card_velocity_exceeded insufficient_funds withdrawal_count_limit_exceeded",
    Decline.INVALID_NUMBER: "incorrect_number invalid_account invalid_number",
    Decline.INVALID_EXPIRY: "invalid_expiry_month invalid_expiry_year",
    Decline.LOST_STOLEN: "lost_card pickup_card restricted_card stolen_card",
    Decline.SUSPECTED_FRAUD: "card_decline_rate_limit_exceeded elevated_risk_level fraudulent "
    "highest_risk_level merchant_blacklist rule security_violation",
    Decline.AUTHENTICATION_REQUIRED: "authentication_not_handled authentication_required "
    "mobile_device_authentication_required payment_intent_action_required "
    "payment_intent_authentication_failure",
    Decline.ISSUER_UNAVAILABLE: "issuer_not_available processing_error reenter_transaction try_again_later "
    "payment_method_provider_timeout",
    Decline.CONFIG_ERROR: "amount_too_large amount_too_small invalid_amount invalid_charge_amount "
    "live_mode_test_card test_mode_live_card testmode_decline",
    Decline.GENERIC: "approve_with_id call_issuer card_declined card_not_supported currency_not_supported "
    "do_not_honor do_not_try_again generic_decline incorrect_address incorrect_pin incorrect_postal_code "
    "incorrect_zip invalid_card_type invalid_pin new_account_information_available no_action_taken "
    "not_permitted offline_pin_required online_or_offline_pin_required payment_method_customer_decline "
    "payment_method_not_available payment_method_provider_decline payment_method_restricted "
    "payment_method_unactivated payment_method_unexpected_state payment_method_unsupported_type "
    "pin_try_exceeded previously_declined_do_not_retry resource_missing revocation_of_all_authorizations "
    "revocation_of_authorization service_not_allowed stop_payment_order transaction_not_allowed",
}
_DECLINES = {code: decline for decline, codes in _CODES.items() for code in codes.split()}

KNOWN = frozenset(_DECLINES)


def normalised(code: str, otherwise: Decline = Decline.GENERIC) -> Decline:
    """The reason behind a code of Stripe's."""
    return _DECLINES.get(code, otherwise)
