"""Bills out of the merchant's own system: every answer is a value, and nonsense is never "not found"."""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from gateways.secret import Secret
from ivr.bills import store
from ivr.bills.bill import NewBill, Status
from ivr.integrations.bill_lookup import LookupAnswer, MerchantBill, MerchantLookup, NotFound, Unreachable
from ivr.integrations.signed_post import SignedPost
from tests.support.captured_logs import captured_logs
from tests.support.merchant_server import MerchantServer, is_genuine, merchant_server
from tests.support.time_and_ids import ManualClock, SequentialIds

SECRET = Secret("merchant-secret")
OPEN = {"amount": "49.90", "currency": "EUR"}


@pytest.fixture
def merchant() -> Iterator[MerchantServer]:
    with merchant_server() as server:
        yield server


@pytest.fixture
def ask(merchant: MerchantServer, clock: ManualClock) -> Any:
    def ask(limit_s: float = 2.0, reference: str = "12345678") -> LookupAnswer:
        lookup = MerchantLookup(SignedPost(merchant.url + "/bills", [SECRET], limit_s), "ES", clock)
        return lookup.ask(reference, "call_1.3")

    return ask


def test_the_question_is_signed(merchant: MerchantServer, clock: ManualClock, ask: Any) -> None:
    merchant.answer(OPEN)
    ask()
    [posted] = merchant.posted
    assert json.loads(posted.body) == {
        "id": "call_1.3",
        "type": "bill.lookup",
        "created": "2026-11-22T10:00:00.000Z",
        "data": {"reference": "12345678"},
    }
    assert is_genuine(SECRET, posted.headers["Paybycall-Signature"], posted.body, clock.now())


def test_a_whole_answer(merchant: MerchantServer, ask: Any) -> None:
    merchant.answer(
        {
            "reference": "12345678",
            "amount_minor": 4990,
            "currency": "EUR",
            "minimum": "10.00",
            "due_date": "2026-12-24",
            "phone": "600 123 456",
            "paid_elsewhere": "5.00",
            "status": "open",
            "debtor": {"name": "José"},
        }
    )
    assert ask() == MerchantBill(
        NewBill(
            reference="12345678",
            currency="EUR",
            billed_minor=4990,
            minimum_minor=1000,
            due_date=date(2026, 12, 24),
            payer_phone="+34600123456",
            paid_elsewhere_minor=500,
            status=Status.OPEN,
        )
    )


def test_what_an_answer_leaves_out_it_says(merchant: MerchantServer, ask: Any) -> None:
    merchant.answer({**OPEN, "phone": None, "status": "", "paid_elsewhere": None})
    answer = ask()
    assert (answer.bill.status, answer.bill.paid_elsewhere_minor) == (Status.OPEN, 0)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("12345678", b'"12345678"'),
        ("12345678", b'" 12345678"'),
        ("12345678", b"12345678"),
        ("12345678", b"12345678.0"),
        ("00000019", b"19"),
        ("12345678", b"null"),
        ("12345678", b'""'),
    ],
)
def test_the_reference_as_merchants_systems_send_it(
    merchant: MerchantServer, ask: Any, asked: str, said: bytes
) -> None:
    """Also as a number, which has no leading zeros; and behind a byte-order mark."""
    merchant.status = 200
    for mark in (b"", b"\xef\xbb\xbf", 2 * b"\xef\xbb\xbf"):
        merchant.body = mark + b'{"amount": "49.90", "currency": "EUR", "reference": ' + said + b"}"
        answer = ask(reference=asked)
        assert isinstance(answer, MerchantBill)
        assert answer.bill.reference == asked


def test_true_is_no_reference(merchant: MerchantServer, ask: Any) -> None:
    merchant.answer({**OPEN, "reference": True})
    assert isinstance(ask(reference="00000001"), Unreachable)


@pytest.mark.parametrize(
    ("odd", "told"),
    [
        ({"phone": "unknown"}, "phone is what carriers send for a withheld number"),
        ({"phone": "+17378742833"}, "phone is what carriers send for a withheld number"),
        ({"phone": "+34600123456 ext 5"}, "phone must be a phone number"),
        ({"phone": "\x00"}, "phone must be a phone number"),
        ({"phone": 34600123456}, "phone must be text"),
        ({"phone": "468123456"}, "phone can be read as +468123456 or as +46468123456"),
        ({"due_date": "2026-12-24T00:00:00Z"}, "due_date must be a date"),
        ({"due_date": 20261224}, "due_date must be text"),
    ],
)
def test_an_odd_field_that_no_payment_needs_is_left_out_and_told(
    merchant: MerchantServer, clock: ManualClock, odd: dict[str, Any], told: str
) -> None:
    merchant.answer({**OPEN, "due_date": "2026-12-24", "phone": "+34600123456", **odd})
    lookup = MerchantLookup(SignedPost(merchant.url, [SECRET], 2.0), "SE", clock)
    with captured_logs() as logged:
        answer = lookup.ask("12345678", "call_1.3")
    assert isinstance(answer, MerchantBill)
    assert answer.bill.billed_minor == 4990
    fields = {"phone": answer.bill.payer_phone, "due_date": answer.bill.due_date}
    assert [name for name, value in fields.items() if value is None] == list(odd)
    [fault] = answer.left_out
    assert str(fault).startswith(told)
    assert str(fault) in logged.getvalue()


@pytest.mark.parametrize("content", [{}, {"error": "unknown"}])
def test_not_found(merchant: MerchantServer, ask: Any, content: Any) -> None:
    merchant.answer(content, status=404)
    assert ask() == NotFound()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b"404 page not found"),
        (404, b""),
        (404, b"[]"),
        (200, b""),
        (200, b"<html>"),
        (200, b"null"),
        (200, b'{"amount": NaN, "currency": "EUR"}'),
        (200, b'{"amount": 49.90, "currency": "EUR"}'),
        (200, b'{"amount_minor": 1e3, "currency": "EUR"}'),
        (200, b'{"amount_minor": 999999999999999999999999, "currency": "EUR"}'),
        (200, b'{"amount": "49.90"}'),
        (200, b'{"amount": "49.90", "currency": "EUR", "status": "cancelled"}'),
        (200, b'{"amount": "49.90", "currency": "EUR", "reference": "87654321"}'),
        (200, b'{"amount": "1.000", "currency": "EUR"}'),
        (200, b'{"amount": "49.90", "currency": "EUR", "minimum": "1.000"}'),
        (200, b'{"amount": "49.90", "currency": "EUR", "paid_elsewhere": "1.000"}'),
        (200, b'{"amount": "49,90", "currency": "EUR"}'),
        (200, b'{"amount_minor": 100, "currency": "XAU"}'),
        (200, b'{"amount": "49.90", "currency": "EUR", "reference": 12345679}'),
        (200, b'{"amount": "49.90", "currency": "EUR", "reference": 12345678.5}'),
        (200, b'{"amount": "49.90", "currency": "EUR", "reference": 1e400}'),
        (200, b'{"amount": "49.90", "currency": "EUR", "reference": true}'),
        (200, b'{"amount": "49.90", "currency": "EUR", "reference": ["12345678"]}'),
        (200, b'{"amount": "49.90", "currency": "EUR"}\xef\xbb\xbf'),
        (200, b'{"amount": "49.90", "amount": "59.90", "currency": "EUR"}'),
        (200, b"[" * 50_000),
        (200, b"\xff\xfe"),
        (201, b'{"amount": "49.90", "currency": "EUR"}'),
        (302, b"{}"),
        (401, b"{}"),
        (500, b"{}"),
    ],
)
def test_what_cannot_be_understood_is_not_not_found(
    merchant: MerchantServer, ask: Any, status: int, body: bytes
) -> None:
    merchant.status, merchant.body = status, body
    assert isinstance(ask(), Unreachable)


def test_a_slow_answer_is_no_answer(merchant: MerchantServer, ask: Any) -> None:
    merchant.drip(b"HTTP/1.1 200 OK\r\n\r\n", b" ")
    assert ask(0.2) == Unreachable("no answer within 0.2 s")


def test_neither_secret_nor_answer_is_logged(merchant: MerchantServer, ask: Any) -> None:
    merchant.answer({**OPEN, "phone": "not-a-phone-Müller"})
    with capture_logs() as logs:
        ask()
    merchant.answer({**OPEN, "phone": "+34611222333"})
    with capture_logs() as more:
        ask()
    text = repr(logs + more)
    assert "bill_lookup_field_left_out" in text
    for private in ("merchant-secret", "Müller", "+34611222333", "12345678", "/bills"):
        assert private not in text


@pytest.mark.postgres
def test_our_ledger_overrides_a_merchant_that_still_says_open(
    engine: sa.Engine, merchant: MerchantServer, ask: Any, clock: ManualClock, ids: SequentialIds
) -> None:
    merchant.answer(OPEN)
    with engine.begin() as tx:
        store.upsert(tx, ask().bill, "lookup", clock=clock, ids=ids)
        tx.execute(sa.text("UPDATE bill SET paid_minor = 4990"))
    with engine.begin() as tx:
        assert store.upsert(tx, ask().bill, "lookup", clock=clock, ids=ids) is store.Change.UNCHANGED
        found = store.find(tx, "12345678")
    assert found is not None
    assert found.is_paid
    assert found.payable_minor == 0
