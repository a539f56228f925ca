"""Answers that no bank of ours gives: whatever is not understood is Unknown, and is never repeated."""

from typing import Any

import pytest
import requests
import responses

from gateways.capability import CardEntry
from gateways.contract import (
    Approved,
    Card,
    ChargeRequest,
    Declined,
    GatewayUnreachableError,
    Order,
    Unavailable,
    Unknown,
)
from gateways.sandbox.adapter import SandboxGateway
from gateways.sandbox.client import BankClient, BankReply
from gateways.sandbox.tokenize import SandboxTokenizer
from gateways.secret import Secret
from tests.support.gateway_harness import card

URL = "http://bank.test"
CHARGE = ChargeRequest(Order("a-1", 5000, "EUR", "Water"), Secret("tok_secret_of_the_test"))
ECHO = "tok_secret_of_the_test 4242424242424242 973"
STRANGE: list[dict[str, Any]] = [
    {"status": 200, "json": {}},
    {"status": 200, "json": []},
    {"status": 200, "json": "approved"},
    {"status": 200, "body": b""},
    {"status": 200, "body": b"\xff\xfe"},
    {"status": 200, "json": {"state": "approved"}},
    {"status": 200, "json": {"state": "approved", "id": ECHO}},
    {"status": 200, "json": {"state": "authorized", "id": None}},
    {"status": 200, "json": {"state": ECHO, "id": "ch_1"}},
    {"status": 200, "json": {"state": ["approved"], "id": "ch_1"}},
    {"status": 200, "json": {"state": "settled", "id": "ch_1"}},
    {"status": 201, "json": {"state": "approved", "id": "ch_1"}},
    {"status": 202, "json": {"state": "pending", "id": "ch_1"}},
    {"status": 204, "body": b""},
    {"status": 302, "headers": {"Location": f"{URL}/elsewhere"}},
    {"status": 402, "json": {"state": "declined", "id": "ch_1"}},
    {"status": 402, "json": {"state": "declined", "id": "ch_1", "code": ECHO}},
    {"status": 402, "json": {"error": {"code": "card_declined"}}},
    {"status": 400, "json": {"error": {"code": "malformed", "message": ECHO}}},
    {"status": 401, "json": {"error": {"code": ECHO}}},
    {"status": 403, "json": {"error": ECHO}},
    {"status": 404, "json": {"state": "declined", "id": "ch_1", "code": "generic_decline"}},
    {"status": 409, "json": {"error": {"code": "in_progress"}}},
    {"status": 409, "json": {"state": "declined", "id": "ch_1", "code": "duplicate_transaction"}},
    {"status": 429, "json": {}},
    {"status": 500, "json": {"state": "approved", "id": "ch_1"}},
    {"status": 503, "body": ECHO},
    {"body": requests.ConnectionError(ECHO)},
    {"body": requests.ConnectTimeout(ECHO)},
    {"body": requests.ReadTimeout(ECHO)},
    {"body": requests.exceptions.ChunkedEncodingError(ECHO)},
    {"body": requests.TooManyRedirects(ECHO)},
    {"body": ValueError(ECHO)},
    {"body": OSError(ECHO)},
]


def named(answer: dict[str, Any]) -> str:
    return str(answer).replace(ECHO, "ECHO")


def test_the_ordinary_answers_are_understood() -> None:
    """So that the strange ones below are strange for the reason given."""
    with responses.RequestsMock() as bank:
        said = {"state": "approved", "id": "ch_1", "authorisation_code": "A1B2C3"}
        bank.post(f"{URL}/charges", json=said)
        bank.post(
            f"{URL}/charges", status=402, json={"state": "declined", "id": "ch_1", "code": "stolen_card"}
        )
        gateway = SandboxGateway(BankClient(URL), CardEntry.TOKENIZE)

        assert gateway.charge(CHARGE) == Approved("ch_1", "A1B2C3")
        assert isinstance(gateway.charge(CHARGE), Declined)


@pytest.mark.parametrize("answer", STRANGE, ids=named)
def test_a_strange_answer_to_a_charge_is_unknown(answer: dict[str, Any]) -> None:
    with responses.RequestsMock() as bank:
        bank.post(f"{URL}/charges", **answer)
        result = SandboxGateway(BankClient(URL), CardEntry.TOKENIZE).charge(CHARGE)

        assert len(bank.calls) == 1, "sent once, and nowhere else"
    assert isinstance(result, Unknown)
    assert result.reason
    assert not any(secret in repr(result) for secret in ECHO.split())


@pytest.mark.parametrize("answer", STRANGE, ids=named)
def test_a_strange_answer_to_an_authorization_is_unknown(answer: dict[str, Any]) -> None:
    with responses.RequestsMock() as bank:
        bank.post(f"{URL}/authorizations", **answer)
        result = SandboxTokenizer(BankClient(URL)).authorize(
            card("4242424242424242"), Order("a-1", 5000, "EUR")
        )

    assert isinstance(result, Unknown)
    assert not any(secret in repr(result) for secret in ECHO.split())


@pytest.mark.parametrize(
    "answer",
    [
        *[one for one in STRANGE if one.get("status") != 402],
        {"status": 402, "json": {"error": {"code": ECHO}}},
        {"status": 201, "json": {"token": 1}},
        {"status": 201, "json": {"token": ""}},
        {"status": 200, "json": {"token": "tok_1"}},
    ],
    ids=named,
)
def test_a_strange_answer_to_a_tokenization_is_unavailable(answer: dict[str, Any]) -> None:
    with responses.RequestsMock() as bank:
        bank.post(f"{URL}/tokens", **answer)
        result = SandboxTokenizer(BankClient(URL)).tokenize(card("4242424242424242"), key="entry-1")

    assert isinstance(result, Unavailable)
    assert not any(secret in repr(result) for secret in ECHO.split())


@pytest.mark.parametrize(
    "answer",
    [
        {"json": {}},
        {"json": {"bank": "another"}},
        {"status": 500, "json": {"bank": "paybycall sandbox bank"}},
        {"body": "<html>"},
        {"status": 404},
    ],
)
def test_check_tells_a_bank_from_something_else(answer: dict[str, Any]) -> None:
    with responses.RequestsMock() as bank:
        bank.get(f"{URL}/health", **answer)
        with pytest.raises(GatewayUnreachableError, match="SANDBOX_URL"):
            SandboxGateway(BankClient(URL), CardEntry.TOKENIZE).check()


def test_an_answer_masks_what_it_carries() -> None:
    assert repr(BankReply(201, {"token": "tok_secret_of_the_test"})) == "Reply(status=201)"


def test_no_proxy_of_the_environment_hears_a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    def send(self: Any, prepared: requests.PreparedRequest, **how: Any) -> requests.Response:
        asked.append(how)
        raise requests.ConnectionError

    monkeypatch.setenv("HTTP_PROXY", "http://proxy.test:3128")
    monkeypatch.setenv("ALL_PROXY", "http://proxy.test:3128")
    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    pci = SandboxTokenizer(BankClient(URL))

    assert isinstance(pci.tokenize(card("4242424242424242"), key="entry-1"), Unavailable)
    assert not asked[0]["proxies"]
    limit = asked[0]["timeout"]
    assert (limit.connect_timeout, limit.total) == (2.0, 10.0)


def test_a_secret_in_another_place_of_a_request_is_a_bug_that_is_named() -> None:
    strange = Card(Secret("4242424242424242"), 12, 2030, Secret("973"))
    with pytest.raises(TypeError, match="Card has no place"):
        SandboxGateway(BankClient(URL), CardEntry.TOKENIZE).charge(
            ChargeRequest(Order("a-1", 5000, "EUR", strange), Secret("tok_1"))  # type: ignore[arg-type]
        )
