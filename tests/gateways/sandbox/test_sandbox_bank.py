"""The bank's own protocol: malformed requests leave no trace, faults strike as asked, finance finds all."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
import requests

from gateways.capability import CardEntry
from gateways.contract import Approved, ChargeRequest, Order, RefundRequest
from gateways.sandbox.bank.app import create_app
from gateways.sandbox.bank.dependencies import BankDependencies
from gateways.sandbox.bank.ledger import Ledger
from tests.support.hostile_values import addresses, bodies, send_hostile
from tests.support.sandbox_bank import RunningBank
from tests.support.sandbox_harness import SandboxHarness
from tests.support.time_and_ids import ManualClock, SequentialIds

CARD = {"number": "4242424242424242", "expiry_month": 12, "expiry_year": 2030, "code": "973"}
AUTHORIZATION = {"key": "a-1", "card": CARD, "amount_minor": 5000, "currency": "EUR"}


def post(bank: RunningBank, path: str, **request: Any) -> requests.Response:
    return requests.post(bank.url + path, timeout=5, **request)


def charge(harness: SandboxHarness, key: str, amount_minor: int = 5000, **metadata: str) -> str:
    token = harness.tokenizer.tokenize(harness.good_card, key=f"entry-{key}").token
    paid = harness.gateway.charge(
        ChargeRequest(Order(key, amount_minor, "EUR", "Water <bill>", metadata), token)
    )
    assert isinstance(paid, Approved)
    return paid.gateway_reference


@pytest.fixture
def harness(bank: RunningBank) -> SandboxHarness:
    return SandboxHarness(bank, CardEntry.TOKENIZE)


@pytest.mark.parametrize(
    "request_",
    [
        {"data": b""},
        {"data": b"{", "headers": {"Content-Type": "application/json"}},
        {"data": b"number=4242424242424242"},
        {"json": []},
        {"json": {}},
        {"json": {**AUTHORIZATION, "key": ""}},
        {"json": {**AUTHORIZATION, "key": 1}},
        {"json": {**AUTHORIZATION, "key": "k" * 501}},
        {"json": {**AUTHORIZATION, "amount_minor": 0}},
        {"json": {**AUTHORIZATION, "amount_minor": -5000}},
        {"json": {**AUTHORIZATION, "amount_minor": 50.0}},
        {"json": {**AUTHORIZATION, "amount_minor": "5000"}},
        {"json": {**AUTHORIZATION, "amount_minor": True}},
        {"json": {**AUTHORIZATION, "amount_minor": 10**13}},
        {"json": {**AUTHORIZATION, "currency": "eur"}},
        {"json": {**AUTHORIZATION, "currency": "XTS"}},
        {"json": {**AUTHORIZATION, "card": None}},
        {"json": {**AUTHORIZATION, "card": "4242424242424242"}},
        {"json": {**AUTHORIZATION, "card": {**CARD, "number": 4242424242424242}}},
        {"json": {**AUTHORIZATION, "card": {**CARD, "expiry_month": "12"}}},
        {"json": {**AUTHORIZATION, "metadata": {"bill": 1}}},
    ],
    ids=str,
)
def test_a_malformed_request_is_told_so_and_leaves_no_trace(
    bank: RunningBank, request_: dict[str, Any]
) -> None:
    answer = post(bank, "/authorizations", **request_)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "malformed"
    assert not any(secret in answer.text for secret in ("4242", "973"))
    assert bank.rows("SELECT * FROM movement") == []


def test_an_unknown_path_or_method_is_not_a_bank_answer(bank: RunningBank) -> None:
    assert post(bank, "/nowhere", json={}).status_code == 404
    assert requests.get(f"{bank.url}/refunds", timeout=5).status_code == 405


def test_a_fault_strikes_its_own_path_as_often_as_asked(bank: RunningBank) -> None:
    bank.harm("error_before", "/lookups", times=2)
    ask = {"key": "a-1", "fence": False}

    assert post(bank, "/authorizations", json=AUTHORIZATION).status_code == 200
    assert [post(bank, "/lookups", json=ask).status_code for _ in range(3)] == [500, 500, 200]


def test_faults_can_be_taken_back(bank: RunningBank) -> None:
    bank.harm("error_before", times=5)
    requests.delete(f"{bank.url}/control/faults", timeout=5)

    assert post(bank, "/authorizations", json=AUTHORIZATION).status_code == 200


@pytest.mark.parametrize("fault", [{"harm": "tickle"}, {"delay_s": -1}, {"delay_s": "3"}, {"times": 0}])
def test_a_fault_that_makes_no_sense_is_refused(bank: RunningBank, fault: dict[str, Any]) -> None:
    assert post(bank, "/control/faults", json=fault).status_code == 400


def test_every_verb_can_be_slow(bank: RunningBank) -> None:
    bank.harm("none", delay_s=2, times=5)
    held = post(bank, "/authorizations", json=AUTHORIZATION).json()
    post(bank, "/tokens", json={"key": "entry-1", "card": CARD})
    post(bank, "/captures", json={**AUTHORIZATION, "authorization": held["id"]})
    post(bank, "/lookups", json={"key": "a-1", "fence": False})
    post(bank, "/refunds", json={**AUTHORIZATION, "key": "r-1", "charge": held["id"]})

    assert bank.processing.slept_s == [2.0] * 5


def test_finance_finds_a_charge_by_our_references_and_its_refunds_with_it(
    bank: RunningBank, harness: SandboxHarness
) -> None:
    reference = charge(harness, "a-1", bill="bill_1", call="call_1")
    charge(harness, "a-2", bill="bill_2")
    harness.gateway.refund(RefundRequest("r-1", reference, 1500, "EUR"))

    for query in ({"metadata[bill]": "bill_1"}, {"key": "a-1", "state": "approved"}, {"id": reference}):
        listed = requests.get(f"{bank.url}/charges", params=query, timeout=5).json()["charges"]
        assert [one["key"] for one in listed] == ["a-1"]
        assert listed[0]["metadata"] == {"bill": "bill_1", "call": "call_1"}
        assert (listed[0]["amount_minor"], listed[0]["refunded_minor"]) == (5000, 1500)
        assert [one["key"] for one in listed[0]["refunds"]] == ["r-1"]
    everything = requests.get(f"{bank.url}/charges", timeout=5).json()["charges"]
    assert [one["key"] for one in everything] == ["a-2", "a-1"], "the newest first"


def test_a_filter_that_is_not_known_is_refused_rather_than_forgotten(bank: RunningBank) -> None:
    assert requests.get(f"{bank.url}/charges?bill=bill_1", timeout=5).status_code == 400


def test_the_page_shows_each_charge_and_escapes_what_it_was_given(
    bank: RunningBank, harness: SandboxHarness
) -> None:
    assert "No charges yet" in requests.get(f"{bank.url}/", timeout=5).text
    reference = charge(harness, "a-1", bill="<script>alert(1)</script>")
    page = requests.get(f"{bank.url}/", timeout=5).text

    assert all(shown in page for shown in ("50.00 EUR", "approved", "4242", reference, "a-1"))
    assert "color-scheme: light dark" in page
    assert "<script>" not in page


def refusal(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_repeated_request_is_told_why_its_result_is_unknown(bank: RunningBank) -> None:
    held = post(bank, "/authorizations", json=AUTHORIZATION).json()
    capture = {**AUTHORIZATION, "authorization": held["id"]}
    other = post(bank, "/authorizations", json={**AUTHORIZATION, "amount_minor": 6000})
    post(bank, "/captures", json=capture)
    post(bank, "/lookups", json={"key": "a-2", "fence": True})

    assert refusal(other) == (409, "key_reused")
    assert refusal(post(bank, "/voids", json=capture)) == (409, "already_captured")
    assert refusal(post(bank, "/voids", json={**capture, "key": "a-9"})) == (409, "not_found")
    assert refusal(post(bank, "/authorizations", json={**AUTHORIZATION, "key": "a-2"})) == (409, "fenced")


def test_a_pending_request_is_reported_to_a_second_one_and_to_a_lookup(bank: RunningBank) -> None:
    with ThreadPoolExecutor() as threads, bank.held("/authorizations") as processing:
        threads.submit(post, bank, "/authorizations", json=AUTHORIZATION)
        processing.wait_until_reached()

        assert refusal(post(bank, "/authorizations", json=AUTHORIZATION)) == (409, "in_progress")
        looked = post(bank, "/lookups", json={"key": "a-1", "fence": True}).json()
        assert looked["state"] == "in_progress"


def test_a_capture_of_what_was_released_is_declined_for_certain(bank: RunningBank) -> None:
    held = post(bank, "/authorizations", json=AUTHORIZATION).json()
    asked = {**AUTHORIZATION, "authorization": held["id"]}
    post(bank, "/voids", json=asked)

    answer = post(bank, "/captures", json=asked)
    assert (answer.status_code, answer.json()["code"]) == (402, "authorization_voided")
    assert bank.rows("SELECT state FROM movement") == [{"state": "voided"}]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE movement SET refunded_minor = 5001",
        "UPDATE movement SET refunded_minor = -1",
        "UPDATE movement SET state = 'paid'",
        "UPDATE movement SET state = 'declined'",
        "UPDATE movement SET state = 'authorized'",
        "INSERT INTO movement SELECT * FROM movement",
    ],
)
def test_the_ledger_itself_refuses_what_must_not_be(
    bank: RunningBank, harness: SandboxHarness, statement: str
) -> None:
    charge(harness, "a-1")
    with closing(sqlite3.connect(bank.database)) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute(statement)


def test_a_killed_banks_pending_refund_is_cancelled_and_unreserved(
    bank: RunningBank, harness: SandboxHarness
) -> None:
    reference = charge(harness, "a-1")
    bank.processing.hold()
    harness.be_impatient()
    bank.harm("none", "/refunds", delay_s=30)
    harness.gateway.refund(RefundRequest("r-1", reference, 2000, "EUR"))
    bank.processing.wait_until_reached()
    assert bank.rows("SELECT refunded_minor FROM movement WHERE key = 'a-1'") == [{"refunded_minor": 2000}]

    with closing(Ledger(bank.database)) as another:
        create_app(BankDependencies(another, ManualClock().now, lambda _: None, SequentialIds()))
    bank.processing.let_go()
    bank.close()

    assert bank.rows("SELECT key, state, refunded_minor FROM movement ORDER BY key") == [
        {"key": "a-1", "state": "approved", "refunded_minor": 0},
        {"key": "r-1", "state": "fenced", "refunded_minor": 0},
    ]


@pytest.mark.slow
def test_no_value_breaks_the_bank(bank: RunningBank) -> None:
    for method, path in addresses(bank.app):
        send_hostile(bank.app, method, path, data={"card": "4242"})
    for path, template in (
        ("/tokens", {"key": "k", "card": CARD}),
        ("/charges", {"key": "k", "amount_minor": 1, "currency": "EUR", "metadata": {"a": "b"}}),
        ("/captures", {"key": "k"}),
        ("/control/faults", {"harm": "none", "delay_s": 0, "times": 1, "path": "/nowhere"}),
    ):
        for body in bodies(template):
            send_hostile(bank.app, "POST", path, data=body, content_type="application/json")
