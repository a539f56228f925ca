"""Every code that Stripe documents has a meaning here, and what it does not document is counted."""

import pytest

from gateways.declines import Decline
from gateways.stripe.declines import KNOWN, SEEN_BEFORE, normalised

DOCUMENTED = """
authentication_not_handled authentication_required approve_with_id call_issuer card_not_supported
card_velocity_exceeded currency_not_supported do_not_honor do_not_try_again expired_card fraudulent
generic_decline incorrect_address incorrect_cvc incorrect_number incorrect_pin incorrect_postal_code
incorrect_zip insufficient_funds invalid_account invalid_amount invalid_cvc invalid_expiry_month
invalid_expiry_year invalid_number invalid_pin issuer_not_available lost_card merchant_blacklist
mobile_device_authentication_required new_account_information_available no_action_taken not_permitted
offline_pin_required online_or_offline_pin_required pickup_card pin_try_exceeded
previously_declined_do_not_retry processing_error reenter_transaction restricted_card
revocation_of_all_authorizations revocation_of_authorization security_violation service_not_allowed
stolen_card stop_payment_order testmode_decline test_mode_live_card live_mode_test_card
transaction_not_allowed try_again_later withdrawal_count_limit_exceeded
"""
"""Of https://docs.stripe.com/declines/codes, and what merchants are shown of test and live cards."""
OF_A_CARD = """
amount_too_large amount_too_small card_decline_rate_limit_exceeded card_declined
payment_intent_authentication_failure payment_method_customer_decline payment_method_provider_decline
payment_method_provider_timeout
"""
"""Of https://docs.stripe.com/error-codes, those that a payment by card can end with."""


@pytest.mark.parametrize("code", DOCUMENTED.split() + OF_A_CARD.split())
def test_every_documented_code_is_known(code: str) -> None:
    assert code in KNOWN


@pytest.mark.parametrize(
    ("code", "decline"),
    [
        ("expired_card", Decline.EXPIRED_CARD),
        ("incorrect_cvc", Decline.INCORRECT_CVC),
        ("insufficient_funds", Decline.INSUFFICIENT_FUNDS),
        ("incorrect_number", Decline.INVALID_NUMBER),
        ("invalid_expiry_year", Decline.INVALID_EXPIRY),
        ("lost_card", Decline.LOST_STOLEN),
        ("stolen_card", Decline.LOST_STOLEN),
        ("fraudulent", Decline.SUSPECTED_FRAUD),
        ("authentication_required", Decline.AUTHENTICATION_REQUIRED),
        ("issuer_not_available", Decline.ISSUER_UNAVAILABLE),
        ("processing_error", Decline.ISSUER_UNAVAILABLE),
        ("generic_decline", Decline.GENERIC),
    ],
)
def test_a_code_means(code: str, decline: Decline) -> None:
    assert normalised(code) is decline


def test_a_code_that_nobody_documented_is_generic_and_unmapped() -> None:
    assert normalised("brand_new") is Decline.GENERIC
    assert "brand_new" not in KNOWN


def test_seen_before_is_no_decline() -> None:
    assert {"duplicate_transaction"} == SEEN_BEFORE
    assert not SEEN_BEFORE & KNOWN
