"""Lists as a merchant's program reads them: chosen by bill, state and time, and page by page."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from gateways.events import DisputeState, DisputeUpdated
from ivr.finance import disputes
from ivr.platform.clock import rfc3339
from ivr.platform.database import change_feed as feed
from tests.support import schema
from tests.support.api_client import ApiClient
from tests.support.payment_services import PaymentServices

LISTS = ("bills", "payments", "payouts", "disputes")


def _walk(api: ApiClient, name: str, **query: Any) -> Iterator[dict[str, Any]]:
    """Every entry of a list, page by page, and at the end the cursor."""
    while True:
        page = api.get(f"/{name}", query_string=query).json
        yield from page[name]
        query = {"limit": query["limit"], "cursor": page["cursor"]} | {
            kept: value for kept, value in query.items() if kept in {"bill", "state", "from", "until"}
        }
        if not page["has_more"]:
            yield page
            return


def _references(api: ApiClient, name: str, **query: Any) -> list[str]:
    *entries, _page = _walk(api, name, **{"limit": 2, **query})
    return [one["reference"] for one in entries]


def _bill(api: ApiClient, reference: str, **more: Any) -> None:
    api.post("/bills", {"reference": reference, "amount": "40.00", "currency": "EUR", **more})


def _payout(services: PaymentServices, name: str, arrives: datetime, **more: Any) -> None:
    now = services.clock.now()
    row = {"id": f"payout_{name}", "gateway": "bank", "reference": f"po_{name}", "currency": "EUR"}
    with services.engine.begin() as tx:
        tx.execute(
            sa.insert(schema.payout).values(
                **row, **{"amount_minor": 3_900, "arrives": arrives, "told_at": now} | more
            )
        )


def _line(services: PaymentServices, payout: str, reference: str, **more: Any) -> None:
    amounts = {"gross_minor": 4_000, "fee_minor": 100, "net_minor": 3_900, "currency": "EUR"}
    now = services.clock.now()
    with services.engine.begin() as tx:
        tx.execute(
            sa.insert(schema.payout_line).values(
                payout_id=f"payout_{payout}",
                reference=reference,
                gateway_kind="charge",
                occurred_at=now,
                available_on=now,
                **amounts,
                **{"kind": "charge"} | more,
            )
        )


def _dispute(
    services: PaymentServices, reference: str, charge: str, state: DisputeState = DisputeState.OPEN
) -> None:
    told = DisputeUpdated(reference, charge, 4_000, "EUR", "fraudulent", state)
    with services.engine.begin() as tx:
        disputes.keep(tx, "bank", told, services.clock.now())


# Page by page ---


def test_a_list_is_read_at_once_also_where_all_of_it_is_new(api: ApiClient) -> None:
    for number in range(5):
        _bill(api, f"1000000{number}")
    assert _references(api, "bills") == [f"1000000{number}" for number in range(5)]
    assert len(api.get("/bills?limit=5").json["bills"]) == 5
    assert api.get("/bills?limit=5").json["has_more"] is False


@pytest.mark.postgres
def test_what_was_committed_late_comes_with_the_next_page(api: ApiClient, services: PaymentServices) -> None:
    """Its moment was passed already, and in the middle of a walk."""
    _bill(api, "10000001")
    services.clock.advance(60)
    began = services.clock.now()
    services.clock.advance(feed.OVERLAP_S - 1)
    for reference in ("10000002", "10000003"):
        _bill(api, reference)
    *seen, page = _walk(api, "bills", limit=1)
    assert [one["reference"] for one in seen] == ["10000001", "10000002", "10000003"]
    _bill(api, "10000004")
    with services.engine.begin() as tx:
        late = schema.bill.c.reference == "10000004"
        tx.execute(sa.update(schema.bill).where(late).values(updated_at=began))
    services.clock.advance(3_600)
    again = _references(api, "bills", cursor=page["cursor"])
    assert again == ["10000004", "10000002", "10000003"]
    *_, last = _walk(api, "bills", limit=9, cursor=page["cursor"])
    assert _references(api, "bills", cursor=last["cursor"]) == []
    _bill(api, "10000001", due_date="2027-01-01")
    assert _references(api, "bills", cursor=last["cursor"]) == ["10000001"]


@pytest.mark.postgres
def test_payments_are_read_at_once_too(api: ApiClient, services: PaymentServices) -> None:
    paid = [services.paid() for _ in range(3)]
    *entries, page = _walk(api, "payments", limit=1)
    assert [one["id"] for one in entries] == paid
    assert page["cursor"] == "0"
    services.pass_time(60)
    assert [one["id"] for one in api.get("/payments?cursor=0").json["payments"]] == paid


# Chosen ---


@pytest.mark.slow
@pytest.mark.postgres
def test_bills_by_state_reference_and_time(api: ApiClient, services: PaymentServices) -> None:
    start = services.clock.now()
    said = ({}, {"status": "paid"}, {"status": "withdrawn"})
    for number, more in enumerate((*said, {"paid_elsewhere": "40.00"}, {"paid_elsewhere": "1.00"})):
        _bill(api, f"2000000{number}", **more)
        services.clock.advance(3_600)
    states: dict[str, list[str]] = {"open": [], "paid": [], "withdrawn": []}
    for one in api.get("/bills").json["bills"]:
        states[one["status"]].append(one["reference"])
    for state, references in states.items():
        assert _references(api, "bills", state=state) == references
        assert references
    assert _references(api, "bills", bill="20000003") == ["20000003"]
    assert _references(api, "bills", bill="29999999") == []
    second, fourth = (rfc3339(start + timedelta(hours=hours)) for hours in (1, 3))
    between = {"from": second, "until": fourth}
    assert _references(api, "bills", **between) == ["20000001", "20000002"]
    _bill(api, "20000001", due_date="2027-01-01")
    services.clock.advance(60)
    assert _references(api, "bills", **between) == ["20000002", "20000001"]
    assert _references(api, "bills", since=fourth) == ["20000003", "20000004", "20000001"]


@pytest.mark.slow
@pytest.mark.postgres
def test_payments_by_state_bill_and_time(api: ApiClient, services: PaymentServices) -> None:
    start = services.clock.now()
    paid, other = services.paid(), services.paid()
    services.clock.advance(3_600)
    declined = services.confirmed("tok_declined")
    services.run_due()
    services.clock.advance(3_600)
    abandoned = services.confirmed()
    with services.engine.begin() as tx:
        tx.execute(sa.update(schema.attempt).where(schema.attempt.c.id == abandoned).values(state="fenced"))

    def ids(**query: str) -> list[str]:
        *entries, _page = _walk(api, "payments", limit=1, **query)
        return [one["id"] for one in entries]

    assert ids(state="approved") == [paid, other]
    assert ids(state="declined") == [declined]
    assert ids(state="not_charged") == ids(state="fenced") == [abandoned]
    assert ids(state="voided") == ids(state="pending") == ids(state="needs_review") == []
    shown = api.get(f"/payments/{other}").json
    assert ids(bill=shown["bill_reference"]) == [other]
    assert ids(bill=shown["reference"]) == []
    first, second = (rfc3339(start + timedelta(minutes=minutes)) for minutes in (30, 90))
    assert ids(**{"from": first}) == [declined, abandoned]
    assert ids(until=first) == [paid, other]
    assert ids(**{"from": first, "until": second}) == [declined]
    assert ids(**{"from": first, "state": "approved"}) == []
    with services.engine.begin() as tx:
        services.payments.refunds.ask(tx, paid, asked_by="ana")
    assert ids(until=first) == [other, paid], "the order is that of the last change"


@pytest.mark.postgres
def test_payouts_with_what_they_consist_of(api: ApiClient, services: PaymentServices) -> None:
    day = datetime(2026, 11, 25, tzinfo=UTC)
    paid, other = services.paid(), services.paid()
    shown = api.get(f"/payments/{paid}").json
    _payout(services, "a", day, read_at=services.clock.now())
    _line(services, "a", "txn_1", attempt_id=paid, source_reference="ch_1")
    _line(services, "a", "txn_2", charge_reference=f"ref_{other}", kind="dispute")
    services.clock.advance(3_600)
    _payout(services, "b", day + timedelta(days=1), amount_minor=-100)
    services.clock.advance(3_600)
    with services.engine.begin() as tx:
        failed = {"failed_at": services.clock.now(), "failure_code": "account_closed"}
        tx.execute(sa.update(schema.payout).where(schema.payout.c.reference == "po_a").values(**failed))
    services.clock.advance(60)
    assert _references(api, "payouts") == ["po_b", "po_a"]
    assert _references(api, "payouts", state="failed") == ["po_a"]
    assert _references(api, "payouts", state="paid") == ["po_b"]
    assert _references(api, "payouts", until="2026-11-26T00:00:00Z") == ["po_a"]
    for reference in (shown["bill_reference"], api.get(f"/payments/{other}").json["bill_reference"]):
        assert _references(api, "payouts", bill=reference) == ["po_a"]
    assert _references(api, "payouts", bill="99999999") == []
    read = api.get("/payouts/po_a").json
    assert api.get("/payouts/payout_a").json == read
    assert (read["amount"], read["arrives_on"], read["has_lines"]) == ("39.00", "2026-11-25", True)
    assert read["updated_at"] > read["created_at"]
    lines = [(one["kind"], one["net_minor"], one["payment_reference"]) for one in read["lines"]]
    assert lines == [
        ("charge", 3_900, shown["reference"]),
        ("dispute", 3_900, api.get(f"/payments/{other}").json["reference"]),
    ]
    assert api.get("/payouts/po_b").json["amount"] == "-1.00"


@pytest.mark.postgres
def test_disputes_with_the_bill_that_they_are_about(api: ApiClient, services: PaymentServices) -> None:
    paid = services.paid()
    bill = api.get(f"/payments/{paid}").json["bill_reference"]
    for reference, charge in (("dp_a", f"ref_{paid}"), ("dp_b", "ref_none")):
        _dispute(services, reference, charge)
        services.clock.advance(3_600)
    _dispute(services, "dp_a", f"ref_{paid}", DisputeState.LOST)
    services.clock.advance(60)
    assert _references(api, "disputes", limit=1) == ["dp_b", "dp_a"]
    assert _references(api, "disputes", state="open") == ["dp_b"]
    assert _references(api, "disputes", bill=bill) == ["dp_a"]
    shown = api.get("/disputes/dp_a").json
    assert (shown["state"], shown["payment_id"], shown["bill_reference"]) == ("lost", paid, bill)
    assert _references(api, "disputes", until=shown["updated_at"]) == ["dp_b", "dp_a"]
    assert _references(api, "disputes", **{"from": shown["updated_at"]}) == []
    assert api.get("/disputes/dp_b").json["payment_id"] is None


@pytest.mark.postgres
@pytest.mark.parametrize("name", ["payouts", "disputes"])
def test_one_name_at_two_gateways_is_refused(api: ApiClient, services: PaymentServices, name: str) -> None:
    if name == "payouts":
        _payout(services, "x", services.clock.now())
        _payout(services, "y", services.clock.now())
        with services.engine.begin() as tx:
            is_other = schema.payout.c.id == "payout_y"
            tx.execute(sa.update(schema.payout).where(is_other).values(gateway="other"))
            tx.execute(sa.update(schema.payout).values(reference="po_x"))
    else:
        _dispute(services, "dp_x", "ref_1")
        with services.engine.begin() as tx:
            told = DisputeUpdated("dp_x", "ref_1", 4_000, "EUR", "fraudulent", DisputeState.OPEN)
            disputes.keep(tx, "other", told, services.clock.now())
    reference = {"payouts": "po_x", "disputes": "dp_x"}[name]
    answer = api.get(f"/{name}/{reference}")
    assert (answer.status_code, answer.json["code"]) == (409, "ambiguous")
    assert len(_references(api, name, limit=1)) == 2
    for nobody in ("none", "x%00", "%27--", "a" * 90):
        assert api.get(f"/{name}/{nobody}").status_code == 404


# Refused ---


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("state=", "state"),
        ("state=bad", "state"),
        ("state=APPROVED", "state"),
        ("bill=", "bill"),
        ("bill=1234567", "bill"),
        ("bill=%D9%A11234567", "bill"),
        ("bill=12345678&bill=87654321", "bill"),
        ("from=yesterday", "from"),
        ("until=2026-11-22", "until"),
        ("since=2026-13-01T00:00:00Z", "since"),
        ("from=2026-11-22T10:00:00Z&until=2026-11-22T10:00:00Z", "until"),
        ("since=2026-11-22T10:00:00Z&cursor=0", "since"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("cursor=x", "cursor"),
        ("cursor=W10", "cursor"),
        ("cursor=WyJiaWxscyIsMWU5OTksIiJd", "cursor"),
        ("cursor=" + "5" * 400, "cursor"),
        ("cursor=%D9%A1", "cursor"),
        ("cursor=1-", "cursor"),
        ("cursor=-1", "cursor"),
        ("stat=open", "stat"),
    ],
)
def test_a_bad_filter_is_named(api: ApiClient, query: str, field: str) -> None:
    for name in LISTS:
        answer = api.get(f"/{name}?{query}")
        assert answer.status_code == 400, name
        assert (answer.json["code"], answer.json["field"]) == ("bad_query", field), name


@pytest.mark.postgres
def test_a_time_at_the_end_of_the_calendar_is_a_time(api: ApiClient) -> None:
    first, last = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"
    for name in LISTS:
        for query in (f"from={first}&until={last}", f"since={first}", f"since={last}", f"from={last}"):
            answer = api.get(f"/{name}?{query}")
            assert answer.status_code == 200, (name, query)
            assert api.get(f"/{name}?cursor={answer.json['cursor']}").status_code == 200, (name, query)


@pytest.mark.parametrize("path", ["/messages/held", "/lockouts"])
def test_the_short_lists_refuse_a_filter_that_they_do_not_have(api: ApiClient, path: str) -> None:
    answer = api.get(f"{path}?bill=12345678")
    assert (answer.status_code, answer.json["field"]) == (400, "bill")


def test_what_is_no_field_is_named_without_a_card_number(api: ApiClient) -> None:
    card = "4242 4242 4242 4242"
    for answer in (
        api.get("/payments", query_string={f"x{card}": "1"}),
        api.post("/bills", {card: 1}),
        api.post("/bills/batch", {"bills": [{card: 1}]}),
    ):
        assert "There is no such" in answer.text
        assert "4242" not in answer.text


@pytest.mark.slow
def test_a_cursor_of_another_list_is_refused(api: ApiClient) -> None:
    cursors = {name: api.get(f"/{name}").json["cursor"] for name in LISTS}
    for mine in LISTS:
        for name, cursor in cursors.items():
            expected = 200 if name == mine else 400
            assert api.get(f"/{mine}?cursor={cursor}").status_code == expected, (mine, name)


# When it changed last ---


@pytest.mark.slow
def test_a_payment_and_its_refunds_say_when_they_changed_last(
    api: ApiClient, services: PaymentServices
) -> None:
    paid = services.paid()
    shown = api.get(f"/payments/{paid}").json
    assert shown["updated_at"] == shown["settled_at"]
    services.clock.advance(60)
    for key in ("first", "second"):
        asked = api.post(f"/payments/{paid}/refunds", {"amount": "1.00"}, headers={"Idempotency-Key": key})
        assert asked.json["updated_at"] == asked.json["created_at"] == rfc3339(services.clock.now())
        services.clock.advance(60)
    services.run_due()
    first, second = api.get(f"/payments/{paid}").json["refunds"]
    assert first["updated_at"] == second["updated_at"] == rfc3339(services.clock.now())
    assert api.get(f"/payments/{paid}").json["updated_at"] == first["updated_at"]
    assert api.get(f"/refunds/{first['id']}").json == first
    for nobody in ("refund_none", paid, f"re_{first['id']}", "x%00"):
        assert api.get(f"/refunds/{nobody}").status_code == 404
