"""What finance asks by program: payments, how they changed, and refunds."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from ivr.payments.attempts import store as records
from ivr.payments.links import store as pay_link
from tests.support.api_client import ApiClient
from tests.support.link_gateway import LinkGateway
from tests.support.payment_services import PaymentServices
from tests.support.schema import refund
from tests.support.time_and_ids import ManualClock

# Payments out ---


def _ids(answer: Any) -> list[str]:
    return [one["id"] for one in answer.json["payments"]]


@pytest.mark.slow
def test_a_payment_as_finance_finds_it(api: ApiClient, services: PaymentServices) -> None:
    paid = services.paid()
    shown = api.get(f"/payments/{paid}").json
    assert (shown["state"], shown["internal_state"]) == ("approved", "approved")
    assert (shown["amount"], shown["currency"]) == ("40.00", "EUR")
    assert (shown["gateway_reference"], shown["last_four"]) == (f"ref_{paid}", "4242")
    assert shown["gateway_url"] == f"https://bank.example/{shown['gateway_reference']}"
    assert api.get(f"/payments/{shown['reference']}").json == shown
    assert "tok_good" not in str(shown)


def test_a_payment_by_link_as_finance_finds_it(api: ApiClient, engine: sa.Engine) -> None:
    clock = ManualClock()
    services = PaymentServices(engine, clock, bank=LinkGateway(clock))
    attempt_id = services.linked()
    shown = api.get(f"/payments/{attempt_id}").json
    assert (shown["method"], shown["link"]["opened_at"]) == ("link", None)
    services.run_due()
    shown = api.get(f"/payments/{attempt_id}").json
    assert (shown["state"], shown["internal_state"]) == ("pending", "link_open")
    assert shown["link"]["opened_at"] == shown["created_at"]
    assert shown["link"]["expires_at"] > shown["created_at"]
    with services.engine.begin() as tx:
        link = pay_link.of(tx, records.get(tx, attempt_id))
    assert link is not None
    assert link.token.reveal() not in str(shown)
    assert "https://bank.example/pay" not in str(shown)


def test_a_payment_by_a_refund_and_by_the_gateways_references(
    api: ApiClient, services: PaymentServices
) -> None:
    services.paid()
    paid = services.paid()
    with services.engine.begin() as tx:
        refund = services.payments.refunds.ask(tx, paid, 1_000, asked_by="ana")
    services.run_due()
    shown = api.get(f"/payments/{paid}").json
    for name in (f"ref_{paid}", refund.id, f"re_{refund.id}"):
        assert api.get(f"/payments/{name}").json == shown, name
        if name != refund.id:
            again = api.post(f"/payments/{name}/refunds", {}, headers={"Idempotency-Key": "k"})
            assert again.status_code == 404, "money moves by a payment's own name alone"
    for name in (shown["bill_reference"], "pi_none"):
        assert api.get(f"/payments/{name}").status_code == 404


@pytest.mark.parametrize("name", ["attempt_999", "1", "x%00", "%27%3B--", "a" * 3_000])
def test_a_payment_that_is_not_there(api: ApiClient, name: str) -> None:
    assert api.get(f"/payments/{name}").status_code == 404
    assert api.post(f"/payments/{name}/refunds", {}, headers={"Idempotency-Key": "k"}).status_code == 404


def _walk(api: ApiClient, query: str, limit: int) -> Iterator[str]:
    answer = api.get(f"/payments?limit={limit}{query}")
    yield from _ids(answer)
    while answer.json["has_more"]:
        answer = api.get(f"/payments?limit={limit}&cursor={answer.json['cursor']}")
        yield from _ids(answer)


@pytest.mark.slow
@pytest.mark.postgres
def test_pages_lose_nothing_where_many_changed_in_one_instant(
    api: ApiClient, services: PaymentServices
) -> None:
    paid = [services.paid() for _ in range(7)]
    services.pass_time(60)
    assert list(_walk(api, "", 2)) == paid
    assert list(_walk(api, "", 7)) == paid
    assert list(_walk(api, "", 500)) == paid


def test_a_change_brings_a_payment_to_the_end_again(api: ApiClient, services: PaymentServices) -> None:
    first, second = services.paid(), services.paid()
    services.pass_time(60)
    cursor = api.get("/payments").json["cursor"]
    assert _ids(api.get(f"/payments?cursor={cursor}")) == []
    api.post(f"/payments/{first}/refunds", {}, headers={"Idempotency-Key": "k"})
    services.run_due()
    assert _ids(api.get(f"/payments?cursor={cursor}")) == [first]
    assert _ids(api.get("/payments")) == [second, first]


def test_the_feed_says_again_what_changed_in_the_last_seconds(
    api: ApiClient, services: PaymentServices
) -> None:
    paid = services.paid()
    page = api.get("/payments?limit=1").json
    assert (page["cursor"], page["has_more"]) == ("0", False)
    services.pass_time(60)
    assert _ids(api.get(f"/payments?cursor={page['cursor']}")) == [paid]


def test_since_a_moment(api: ApiClient, services: PaymentServices) -> None:
    services.paid()
    services.pass_time(3600)
    between = services.clock.now()
    services.pass_time(3600)
    late = services.paid()
    services.pass_time(60)
    assert _ids(api.get("/payments", query_string={"since": between.isoformat()})) == [late]
    assert _ids(api.get(f"/payments?since={between.strftime('%Y-%m-%dT%H:%M:%SZ')}")) == [late]
    assert _ids(api.get("/payments?since=2026-11-22T12:00:00+01:00")) == [late]
    assert _ids(api.get("/payments?since=2099-01-01T00:00:00Z")) == []


@pytest.mark.parametrize(
    "query",
    [
        "since=yesterday",
        "since=2026-11-22",
        "since=2026-11-22T10:00:00",
        "since=2026-13-22T10:00:00Z",
        "since=0001-01-01T00:00:00%2B10:00",
        "since=",
        "limit=0",
        "limit=501",
        "limit=x",
        "limit=1e2",
        "limit=%D9%A1",
        "cursor=x",
        "cursor=-1",
        "cursor=99999999999999999999",
        "cursor=1&since=2026-11-22T10:00:00Z",
        "sinze=x",
    ],
)
def test_queries_that_are_refused(api: ApiClient, query: str) -> None:
    assert (api.get(f"/payments?{query}").status_code, api.get(f"/payments?{query}").json["code"]) == (
        400,
        "bad_query",
    )


# Refunds ---


def _refunds(services: PaymentServices) -> list[Any]:
    with services.engine.begin() as tx:
        return list(tx.execute(sa.select(refund)).all())


@pytest.mark.slow
def test_a_refund_asked_twice_under_one_key_is_one(api: ApiClient, services: PaymentServices) -> None:
    paid = services.paid()
    first = api.post(f"/payments/{paid}/refunds", {"amount": "15.00"}, headers={"Idempotency-Key": "k1"})
    assert (first.status_code, first.json["amount_minor"]) == (202, 1500)
    assert (first.json["status"], first.json["state"]) == ("pending", "asked")
    services.run_due()
    again = api.post(f"/payments/{paid}/refunds", {"amount_minor": 1500}, headers={"Idempotency-Key": "k1"})
    assert (again.status_code, again.json["id"], again.json["state"]) == (200, first.json["id"], "approved")
    assert [row.asked_by for row in _refunds(services)] == ["api: billing system"]
    assert services.bank.money() == {paid: 2500}
    other = api.post(f"/payments/{paid}/refunds", {}, headers={"Idempotency-Key": "k2"})
    assert (other.status_code, other.json["amount_minor"]) == (202, 2500)
    services.run_due()
    assert api.get(f"/payments/{paid}").json["refunded_minor"] == 4000


def test_a_refund_by_the_reference_that_the_caller_heard(api: ApiClient, services: PaymentServices) -> None:
    services.paid()
    paid = services.paid()
    reference = api.get(f"/payments/{paid}").json["reference"]
    asked = api.post(f"/payments/{reference}/refunds", {"amount": "15.00"}, headers={"Idempotency-Key": "k"})
    assert (asked.status_code, asked.json["payment_id"]) == (202, paid)
    again = api.post(f"/payments/{paid}/refunds", {"amount": "15.00"}, headers={"Idempotency-Key": "k"})
    assert (again.status_code, again.json) == (200, asked.json)
    services.run_due()
    assert services.bank.money()[paid] == 2500
    assert api.get(f"/refunds/{asked.json['id']}").json["status"] == "approved"


def test_eight_digits_of_a_payment_and_of_a_bill_are_refused(
    api: ApiClient, services: PaymentServices
) -> None:
    paid = services.paid()
    shown = api.get(f"/payments/{paid}").json
    api.post("/bills", {"reference": shown["reference"], "amount": "1.00", "currency": "EUR"})
    for name, status in ((shown["reference"], 409), (shown["bill_reference"], 404), (paid, 202)):
        answer = api.post(f"/payments/{name}/refunds", {}, headers={"Idempotency-Key": "k"})
        assert answer.status_code == status, answer.json
    assert len(_refunds(services)) == 1


def test_a_repeated_refund_is_the_same_when_a_bill_has_its_digits(
    api: ApiClient, services: PaymentServices
) -> None:
    reference = api.get(f"/payments/{services.paid()}").json["reference"]
    path, headers = f"/payments/{reference}/refunds", {"Idempotency-Key": "k"}
    asked = api.post(path, {"amount": "15.00"}, headers=headers)
    api.post("/bills", {"reference": reference, "amount": "1.00", "currency": "EUR"})
    again = api.post(path, {"amount_minor": 1500}, headers=headers)
    assert (again.status_code, again.json) == (200, asked.json)
    reused = api.post(path, {"amount_minor": 1600}, headers=headers)
    assert (reused.status_code, reused.json["code"]) == (422, "idempotency_key_reused")
    other = api.post(path, {"amount_minor": 1500}, headers={"Idempotency-Key": "another"})
    assert (other.status_code, other.json["code"]) == (409, "ambiguous")
    assert len(_refunds(services)) == 1


def test_a_key_used_for_another_amount_is_refused(api: ApiClient, services: PaymentServices) -> None:
    paid = services.paid()
    api.post(f"/payments/{paid}/refunds", {"amount": "15.00"}, headers={"Idempotency-Key": "k1"})
    answer = api.post(f"/payments/{paid}/refunds", {"amount": "16.00"}, headers={"Idempotency-Key": "k1"})
    assert (answer.status_code, answer.json["code"]) == (422, "idempotency_key_reused")
    assert len(_refunds(services)) == 1


@pytest.mark.parametrize("key", [None, "", "x" * 81, "a b", "é"])
def test_a_refund_needs_a_key_of_its_own(api: ApiClient, services: PaymentServices, key: str | None) -> None:
    headers = {} if key is None else {"Idempotency-Key": key}
    answer = api.post(f"/payments/{services.paid()}/refunds", {}, headers=headers)
    assert (answer.status_code, answer.json["code"]) == (400, "no_idempotency_key")
    assert _refunds(services) == []


@pytest.mark.parametrize(
    "body",
    [
        {"amount": "40.01"},
        {"amount": "0"},
        {"amount": "-1"},
        {"amount": 15},
        {"amount": 15.5},
        {"amount": ""},
        {"amount": " "},
        {"amount_minor": ""},
        {"amount_minor": "\u00a0"},
        {"amount": None},
        {"amount": None, "amount_minor": None},
        {"amount": "1.000"},
        {"amount": "15,00"},
        {"amount_minor": True},
        {"amount_minor": 1.5},
        {"amount_minor": 10**30},
        {"amount": "1", "amount_minor": 100},
        {"sum": "15.00"},
        [],
    ],
)
def test_refunds_that_are_no_amount_to_give_back(
    api: ApiClient, services: PaymentServices, body: Any
) -> None:
    answer = api.post(f"/payments/{services.paid()}/refunds", body, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 422
    assert _refunds(services) == []


@pytest.mark.slow
def test_what_cannot_be_refunded(api: ApiClient, services: PaymentServices) -> None:
    declined = services.confirmed("tok_declined")
    services.run_due()
    answer = api.post(f"/payments/{declined}/refunds", {}, headers={"Idempotency-Key": "k"})
    assert (answer.status_code, answer.json["code"]) == (409, "refund_refused")
    assert answer.json["detail"].endswith(" is declined: only an approved payment can be refunded.")
    paid = services.paid()
    api.post(f"/payments/{paid}/refunds", {"amount": "30.00"}, headers={"Idempotency-Key": "k1"})
    answer = api.post(f"/payments/{paid}/refunds", {"amount": "20.00"}, headers={"Idempotency-Key": "k2"})
    assert answer.status_code == 409
    assert len(_refunds(services)) == 1
