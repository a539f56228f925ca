"""The carrier's answers to a `<Pay>`, read as the PCI process's would be: each Result, and a new one."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from gateways.declines import Decline
from ivr.calls.pay_progress import PayReport
from ivr.carriers.twilio.pay import result as form
from ivr.integrations.pci_client import CardEntryResult
from ivr.platform.card_entry_outcome import CardEntryOutcome

SUCCESS = {
    "Result": "success",
    "PaymentToken": "pm_1OxQ2eLkdIwHu7ixABCDEFGH",
    "ProfileId": "",
    "PaymentMethod": "credit-card",
    "PaymentCardNumber": "xxxx-xxxxxx-x0005",
    "PaymentCardType": "amex",
    "ExpirationDate": "0931",
    "SecurityCode": "****",
    "PaymentCardPostalCode": "94109",
    "PaymentConfirmationCode": "",
    "PaymentError": "",
    "PayErrorCode": "",
    "ConnectorError": "",
}


def read(fields: Mapping[str, str], *, behind: bool = False) -> CardEntryResult | None:
    return form.card_of(fields.get, behind_the_verb=behind)


def changed(**fields: str) -> CardEntryResult:
    found = read({**SUCCESS, **fields})
    assert found is not None
    return found


def test_success_is_a_token_the_last_four_and_the_expiry() -> None:
    found = changed()
    assert (found.outcome, found.brand, found.last_four) == (CardEntryOutcome.COLLECTED, "amex", "0005")
    assert (found.expiry_month, found.expiry_year) == (9, 2031)
    assert found.token is not None
    assert found.token.reveal() == SUCCESS["PaymentToken"]
    shown = repr(found)
    assert not any(word in shown for word in (SUCCESS["PaymentToken"], "2031", "94109"))


@pytest.mark.parametrize(
    ("named", "brand"),
    [
        ("visa", "visa"), ("mastercard", "mastercard"), ("master-card", "mastercard"), ("Visa", "visa"),
        ("diners-club", "diners"), ("maestro", "maestro"), ("jcb", "jcb"), ("discover", "discover"),
        ("optima", "optima"), ("enroute", "enroute"), ("", "other"),
        ("4242424242424242", "other"), ("a b", "other"),
        ("cartes-bancaires", "cartes-bancaires"), ("cartes-bancaires-x", "other"),
    ],
)  # fmt: skip
def test_kinds_of_card_by_our_names(named: str, brand: str) -> None:
    assert changed(PaymentCardType=named).brand == brand


@pytest.mark.parametrize("expiry", ["", "1331", "0031", "931", "09/31", "09311", "٠٩٣١"])
def test_an_expiry_that_is_none_is_left_out(expiry: str) -> None:
    found = changed(ExpirationDate=expiry)
    assert (found.outcome, found.expiry_month, found.expiry_year) == (CardEntryOutcome.COLLECTED, None, None)


@pytest.mark.parametrize(
    "fields",
    [
        {"PaymentToken": ""},
        {"PaymentToken": "4242424242424242"},
        {"PaymentToken": "pm_1 OR 1=1"},
        {"PaymentToken": "p" * 300},
        {"PaymentCardNumber": ""},
        {"PaymentCardNumber": "xxxxxxxxxxxx424"},
    ],
)
def test_a_success_without_what_a_charge_needs_is_no_card(fields: dict[str, str]) -> None:
    with capture_logs() as logs:
        assert changed(**fields) == CardEntryResult(CardEntryOutcome.UNAVAILABLE)
    assert [entry["event"] for entry in logs] == ["pay_answer_unusable"]
    assert SUCCESS["PaymentToken"] not in repr(logs)


@pytest.mark.parametrize(
    ("result", "outcome", "is_ours_to_mend"),
    [
        ("too-many-failed-attempts", CardEntryOutcome.GAVE_UP, False),
        ("caller-interrupted-with-star", CardEntryOutcome.LEFT, False),
        ("caller-hung-up", CardEntryOutcome.ENDED, False),
        ("payment-connector-error", CardEntryOutcome.UNAVAILABLE, True),
        ("validation-error", CardEntryOutcome.UNAVAILABLE, True),
        ("internal-error", CardEntryOutcome.UNAVAILABLE, True),
        ("a-result-of-next-year", CardEntryOutcome.UNAVAILABLE, True),
        ("SUCCESS", CardEntryOutcome.UNAVAILABLE, True),
    ],
)
def test_every_result(result: str, outcome: CardEntryOutcome, is_ours_to_mend: bool) -> None:
    """A token that comes along with anything but success is left where it is."""
    with capture_logs() as logs:
        assert changed(Result=result, PayErrorCode="64002") == CardEntryResult(outcome)
    assert bool(logs) is is_ours_to_mend
    assert all(entry["error_code"] == "64002" for entry in logs)


@pytest.mark.parametrize(
    ("fields", "decline"),
    [
        ({"PaymentError": "card is declined"}, Decline.GENERIC),
        ({"ConnectorError": "card_declined: Your card was declined."}, Decline.GENERIC),
        ({"ConnectorError": "incorrect_number"}, Decline.INVALID_NUMBER),
        ({"ConnectorError": "invalid_number: The card number is not a valid one."}, Decline.INVALID_NUMBER),
        ({"ConnectorError": "expired_card"}, Decline.EXPIRED_CARD),
        ({"ConnectorError": "invalid_expiry_year"}, Decline.INVALID_EXPIRY),
        ({"ConnectorError": "incorrect_cvc"}, Decline.INCORRECT_CVC),
        ({"ConnectorError": "invalid_cvc: Your card's security code is invalid."}, Decline.INCORRECT_CVC),
        ({"ConnectorError": "api_key_expired"}, None),
        ({"PaymentError": "Got malformed response from Payment Provider."}, None),
        ({}, None),
    ],
)
def test_a_card_at_fault_is_told_from_a_connector_at_fault(
    fields: dict[str, str], decline: Decline | None
) -> None:
    """Another card may do in the one case; in the other, no card will."""
    found = changed(Result="payment-connector-error", **fields)
    assert found.decline is decline
    assert found.outcome is (CardEntryOutcome.DECLINED if decline else CardEntryOutcome.UNAVAILABLE)
    assert found.token is None


def test_without_a_result() -> None:
    assert read({"Digits": "1"}) is None
    assert read({"Result": ""}) is None
    assert read({}, behind=True) == CardEntryResult(CardEntryOutcome.GAVE_UP)
    assert read(SUCCESS, behind=True) == changed(), "an answer is an answer, wherever it is sent"


NAMES = st.sampled_from([*SUCCESS, "For", "Attempt", "ErrorType"])
VALUES = st.one_of(st.text(max_size=30), st.sampled_from(["success", "payment-connector-error"]))


@given(st.dictionaries(NAMES, VALUES), st.booleans())
def test_whatever_the_form_holds_it_is_read(fields: dict[str, str], behind: bool) -> None:
    form.card_of(fields.get, behind_the_verb=behind)
    form.progress_of(fields.get)


# On the way -------------------------------------------------------------------------------------------------

REPORT = {"For": "expiration-date", "Attempt": "2", "ErrorType": "invalid-date", "ExpirationDate": "0120"}


@pytest.mark.parametrize(
    ("fields", "progress"),
    [
        ({}, PayReport("expiry", 2, "wrong_date")),
        ({"For": "payment-card-number", "ErrorType": "input-timeout"}, PayReport("number", 2, "silent")),
        ({"For": "security-code", "Attempt": "1", "ErrorType": ""}, PayReport("code", 1, None)),
        ({"For": "postal-code", "PaymentCardPostalCode": "94109"}, PayReport("postal_code", 2, "wrong_date")),
        ({"For": "payment-processing"}, PayReport("processing", 2, "wrong_date")),
        ({"For": "4242424242424242"}, PayReport("other", 2, "wrong_date")),
        ({"ErrorType": "4242424242424242"}, PayReport("expiry", 2, "other")),
        ({"Attempt": "4242424242424242"}, PayReport("expiry", None, "wrong_date")),
        ({"Attempt": "²"}, PayReport("expiry", None, "wrong_date")),
    ],
)
def test_a_report_becomes_words_of_ours(fields: dict[str, str], progress: PayReport) -> None:
    assert form.progress_of({**REPORT, **fields}.get) == progress


def test_the_result_is_no_report() -> None:
    assert form.progress_of(SUCCESS.get) is None


def test_nothing_else_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The postal code comes in clear, and so does the security code where a carrier forgets to mask it."""
    looked: set[str] = set()
    fields: dict[str, Any] = {**SUCCESS, **REPORT}

    def get(name: str) -> str | None:
        looked.add(name)
        return fields.get(name)

    form.progress_of(get)
    assert looked == {"For", "Attempt", "ErrorType"}
    form.card_of(get, behind_the_verb=False)
    assert not looked & {"PaymentCardPostalCode", "SecurityCode"}
