"""The bank behind a carrier's Generic Pay Connector: only it is let in, and one name is one card."""

from typing import Any

import pytest
import requests

from gateways.capability import CardEntry
from gateways.contract import Approved, ChargeRequest, Declined, Order
from gateways.sandbox.bank.connector import PASSWORD, USERNAME
from gateways.secret import Secret
from tests.support.sandbox_bank import RunningBank
from tests.support.sandbox_harness import SandboxHarness

ASKED = {
    "transaction_id": "72500aba-328c-445c-a12e-da5700e10b17",
    "method": "tokenize",
    "cardnumber": "4242424242424242",
    "cvv": "973",
    "expiry_month": "12",
    "expiry_year": "30",
    "amount": "0.00",
    "currency_code": "USD",
    "postal_code": "",
    "description": "",
    "parameters": {},
}


def ask(bank: RunningBank, auth: Any = (USERNAME, PASSWORD), **changed: Any) -> requests.Response:
    return requests.post(f"{bank.url}/connector", json={**ASKED, **changed}, auth=auth, timeout=5)


def charge(bank: RunningBank, token: str, key: str) -> Any:
    gateway = SandboxHarness(bank, CardEntry.TOKENIZE).gateway
    return gateway.charge(ChargeRequest(Order(key, 5000, "EUR", "Water"), Secret(token)))


def test_a_token_of_the_connector_pays(bank: RunningBank) -> None:
    answer = ask(bank)
    body = answer.json()
    assert (answer.status_code, body["error_code"], body["parameters"]) == (200, None, {})
    assert isinstance(charge(bank, body["token_id"], "a-1"), Approved)


def test_the_same_transaction_again_is_the_same_card(bank: RunningBank) -> None:
    """The carrier asks up to six times: whichever answer it hears, the card pays once."""
    first, second = (ask(bank).json()["token_id"] for _ in range(2))
    assert isinstance(charge(bank, first, "a-1"), Approved)
    assert isinstance(charge(bank, second, "a-2"), Declined)
    assert len(bank.rows("SELECT id FROM card")) == 1


@pytest.mark.parametrize("auth", [None, (USERNAME, "guess"), ("guess", PASSWORD), ("", "")])
def test_nobody_else_is_let_in(bank: RunningBank, auth: Any) -> None:
    answer = ask(bank, auth)
    assert (answer.status_code, answer.json()) == (401, {"error": {"code": "unauthorized"}})
    assert bank.rows("SELECT id FROM card") == []


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"cardnumber": "4111111111111111"}, "invalid_number"),
        ({"expiry_year": "20"}, "invalid_expiry"),
        ({"expiry_month": "13"}, "invalid_expiry"),
        ({"cvv": "97"}, "incorrect_cvc"),
    ],
)
def test_a_card_at_fault_is_told_as_the_protocol_has_it(
    bank: RunningBank, changed: dict[str, str], code: str
) -> None:
    answer = ask(bank, **changed)
    body = answer.json()
    assert (answer.status_code, body["token_id"], body["error_code"]) == (200, None, code)
    assert body["error_message"]
    assert not any(value in answer.text for value in changed.values())


@pytest.mark.parametrize(
    "changed",
    [
        {"method": "charge"}, {"method": None}, {"transaction_id": ""}, {"cardnumber": 4242424242424242},
        {"expiry_month": "1x"}, {"expiry_year": "2030"}, {"expiry_year": ""}, {"cvv": None},
    ],
)  # fmt: skip
def test_what_is_not_of_the_protocol_is_refused_and_not_repeated(
    bank: RunningBank, changed: dict[str, Any]
) -> None:
    answer = ask(bank, **changed)
    assert answer.status_code == 400
    assert "4242" not in answer.text
    assert bank.rows("SELECT id FROM card") == []
