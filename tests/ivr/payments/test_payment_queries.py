"""Payments as they are listed: what changed comes again, nothing is missed, and a token is never there."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from ivr.payments.attempts.states import State
from ivr.payments.queries import feed, monitoring
from ivr.payments.queries.feed import Payment
from ivr.payments.refunds.store import RefundState
from ivr.platform.database.change_feed import BadCursorError, Page
from tests.support import schema
from tests.support.payment_services import PaymentServices


def _since(services: PaymentServices, cursor: str, limit: int = 50) -> Page[Payment]:
    with services.engine.begin() as tx:
        return feed.payments_since(tx, cursor, limit, now=services.clock.now())


def test_a_payment_is_shown_with_everything_but_its_token(services: PaymentServices) -> None:
    call_id = services.begin_call()
    attempt_id = services.confirmed("tok_very_secret", call_id=call_id)
    with services.engine.begin() as tx:
        waiting = feed.show(tx, attempt_id)
    assert waiting is not None
    assert waiting.state is State.RESERVED
    assert "tok_very_secret" not in repr(waiting)
    services.run_due()
    with services.engine.begin() as tx:
        payment = feed.show(tx, waiting.reference)
    assert payment is not None
    assert (payment.id, payment.state, payment.amount_minor, payment.currency) == (
        attempt_id,
        State.APPROVED,
        4_000,
        "EUR",
    )
    assert (payment.brand, payment.last_four, payment.call_id) == ("visa", "4242", call_id)
    assert (payment.gateway, payment.gateway_reference) == ("bank", f"ref_{attempt_id}")
    assert payment.bill_reference == "10000001"
    assert (payment.refunded_minor, payment.refunds) == (0, ())


def test_nothing_of_that_name_is_none(services: PaymentServices) -> None:
    with services.engine.begin() as tx:
        assert feed.show(tx, "99999999") is None


def test_a_page_goes_on_where_the_last_one_ended(services: PaymentServices) -> None:
    ids = [services.paid() for _ in range(5)]
    services.clock.advance(feed.OVERLAP_S + 1)
    first = _since(services, "", 2)
    second = _since(services, first.cursor, 2)
    third = _since(services, second.cursor, 2)
    assert [payment.id for page in (first, second, third) for payment in page.records] == ids
    last = _since(services, third.cursor, 2)
    assert (last.records, last.cursor) == ((), third.cursor)


def test_what_changes_comes_again(services: PaymentServices) -> None:
    first, second = services.paid(), services.paid()
    services.clock.advance(feed.OVERLAP_S + 1)
    page = _since(services, "")
    assert [payment.id for payment in page.records] == [first, second]
    with services.engine.begin() as tx:
        refund = services.payments.refunds.ask(tx, first, 1_500, asked_by="ana")
    services.run_due()
    (payment,) = _since(services, page.cursor).records
    assert (payment.id, payment.refunded_minor) == (first, 1_500)
    assert [(one.id, one.state) for one in payment.refunds] == [(refund.id, RefundState.APPROVED)]


def test_a_requested_refund_is_shown_but_not_counted(services: PaymentServices) -> None:
    attempt_id = services.paid()
    with services.engine.begin() as tx:
        services.payments.refunds.ask(tx, attempt_id, asked_by="ana")
        payment = feed.show(tx, attempt_id)
    assert payment is not None
    assert payment.refunded_minor == 0
    assert payment.refunds[0].state is RefundState.ASKED


def test_the_cursor_stays_behind_what_may_still_be_committed(services: PaymentServices) -> None:
    attempt_id = services.paid()
    page = _since(services, "")
    assert [payment.id for payment in page.records] == [attempt_id]
    assert page.cursor == "0"
    services.clock.advance(feed.OVERLAP_S + 1)
    again = _since(services, page.cursor)
    assert [payment.id for payment in again.records] == [attempt_id]
    assert _since(services, again.cursor).records == ()


def test_a_cursor_for_a_moment(services: PaymentServices) -> None:
    services.paid()
    services.clock.advance(60)
    moment = services.clock.now()
    later = services.paid()
    services.clock.advance(60)
    with services.engine.begin() as tx:
        cursor = feed.cursor_at(tx, moment)
        after_all = feed.cursor_at(tx, services.clock.now())
    assert [payment.id for payment in _since(services, cursor).records] == [later]
    assert _since(services, after_all).records == ()


@pytest.mark.postgres
def test_a_cursor_for_a_moment_misses_nothing_where_clocks_differ(services: PaymentServices) -> None:
    """The first move after the moment, by the clock, is not the first one that was written."""
    services.paid()
    services.clock.advance(3_600)
    moment = services.clock.now()
    early, late = services.paid(), services.paid()
    move = schema.attempt_move.c
    with services.engine.begin() as tx:
        ahead = sa.update(schema.attempt_move).where(move.attempt_id == early)
        tx.execute(ahead.values(at=moment + timedelta(seconds=5)))
        cursor = feed.cursor_at(tx, moment)
    assert [payment.id for payment in _since(services, cursor).records] == [early, late]


@pytest.mark.parametrize("cursor", ["-1", "x", "1e3", "9" * 19, "²"])
def test_a_cursor_that_is_not_ours_is_refused(services: PaymentServices, cursor: str) -> None:
    with pytest.raises(BadCursorError):
        _since(services, cursor)


@pytest.mark.postgres
def test_the_latest_come_first_and_can_be_chosen_by_state(services: PaymentServices) -> None:
    first = services.paid()
    services.clock.advance(1)
    second = services.confirmed("tok_declined")
    services.run_due()
    with services.engine.begin() as tx:
        assert [payment.id for payment in feed.latest(tx, 10)] == [second, first]
        assert [payment.id for payment in feed.latest(tx, 1)] == [second]
        chosen = feed.latest(tx, 10, states=frozenset({State.APPROVED}))
        counts = monitoring.attempts_by_state(tx)
    assert [payment.id for payment in chosen] == [first]
    assert sorted(counts) == [(State.APPROVED, 1), (State.DECLINED, 1)]
