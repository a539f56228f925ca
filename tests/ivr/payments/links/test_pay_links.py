"""A payment by link: one page, one text, one charge, whatever happens to worker, line, payer and webhook."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from gateways.contract import Approved, Cancelled, Declined, LinkOpen
from gateways.declines import Decline
from ivr.jobs.job_list import CHARGE_ATTEMPT, LOOK_AT_LINK, OPEN_LINK
from ivr.payments import timeouts
from ivr.payments.attempts import gateway_answers
from ivr.payments.attempts import store as attempt_store
from ivr.payments.attempts.states import Method, State
from ivr.payments.links import store as link_store
from ivr.payments.links.payer_view import Stage, stage_of, view_of
from ivr.payments.links.store import LinkTerms, count_since, open_links
from ivr.payments.queries import feed
from tests.support import schema
from tests.support.fake_gateway import Fate, KilledError
from tests.support.link_gateway import LinkGateway
from tests.support.payment_services import PaymentServices
from tests.support.time_and_ids import ManualClock

HOUR_S = 3600
PHONE = "+34600111222"


# The usual way ----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.postgres
def test_a_link_is_opened_texted_paid_and_entered(services: PaymentServices, bank: LinkGateway) -> None:
    attempt_id = services.linked()
    services.run_due()
    assert services.state(attempt_id) is State.LINK_OPEN
    assert services.bill(services.attempt(attempt_id).bill_id) == (0, 4_000), "what a link can pay is held"
    assert services.texts() == [(attempt_id, "link")]
    assert bank.pay(attempt_id)
    services.receive_link(attempt_id)
    services.run_due()
    attempt = services.attempt(attempt_id)
    assert (attempt.state, attempt.gateway_reference, attempt.last_four) == (
        State.APPROVED,
        f"ref_{attempt_id}",
        "4242",
    )
    assert services.bill(attempt.bill_id) == (4_000, 0)
    assert services.texts() == [(attempt_id, "link"), (attempt_id, "receipt")]
    assert services.events_of(attempt_id) == ["link_opened", "approved"]
    services.assert_settled()


@pytest.mark.slow
def test_what_the_gateway_is_asked_for(
    services: PaymentServices, bank: LinkGateway, clock: ManualClock
) -> None:
    attempt_id = services.linked(call_id=services.begin_call())
    services.run_due()
    (asked,) = bank.asked
    with services.engine.begin() as tx:
        link = link_store.of(tx, attempt_store.get(tx, attempt_id))
    assert link is not None
    token = link.token.reveal()
    assert asked.order.key == attempt_id
    assert asked.order.metadata["channel"] == "link"
    assert asked.expires_at == clock.now() + timedelta(seconds=HOUR_S + timeouts.LINK_GRACE_S)
    assert asked.language == "en"
    assert asked.done_url == f"https://pay.example.com/receipt/{token}?done=1"
    assert asked.left_url == f"https://pay.example.com/pay/{token}?left=1"
    assert link.short_url == f"https://pay.example.com/pay/{token}"
    assert (link.url, link.gateway_reference) == (
        f"https://bank.example/pay/{attempt_id}",
        f"page_{attempt_id}",
    )
    assert token not in repr(link)
    assert str(link.url) not in repr(link)


@pytest.mark.parametrize(("minutes", "life_s"), [(30, 1860), (60, 3660), (1440, 86_400)])
def test_a_link_is_never_too_short_or_too_long_for_a_gateway(minutes: int, life_s: int) -> None:
    now = ManualClock().now()
    assert LinkTerms("https://x", minutes).expires_at(now) == now + timedelta(seconds=life_s)


def test_a_repeat_of_the_turn_makes_no_second_link(services: PaymentServices, bank: LinkGateway) -> None:
    bill = services.add_bill(4_000)
    first = services.make(bill, made_for="call_1.7", method=Method.LINK)
    assert services.make(bill, made_for="call_1.7", method=Method.LINK) == first
    with services.engine.begin() as tx:
        services.attempts.ask_link(tx, str(first))
        services.attempts.ask_link(tx, str(first))
    services.run_due()
    assert len(bank.asked) == 1
    assert services.make(bill, made_for="call_2.1") is None, "another channel finds nothing left to pay"


# A lost answer, a lost request, a killed worker -------------------------------------------------------------


@pytest.mark.parametrize("fate", [Fate.LOST_REPLY, Fate.BUG])
def test_a_lost_answer_is_looked_up_and_never_opened_again(
    services: PaymentServices, bank: LinkGateway, fate: Fate
) -> None:
    bank.fates.append(fate)
    attempt_id = services.linked()
    services.run(services.work.one(OPEN_LINK))
    assert services.state(attempt_id) is State.UNKNOWN
    services.run_due()
    assert services.state(attempt_id) is State.LINK_OPEN
    assert bank.sent == [("open_link", attempt_id)]
    assert bank.looked_up == [(attempt_id, False)], "what somebody was promised is not closed"
    assert services.texts() == [(attempt_id, "link")]


def test_a_lost_request_ends_closed_after_a_minute(services: PaymentServices, bank: LinkGateway) -> None:
    bank.fates.append(Fate.NEVER_ARRIVES)
    attempt_id = services.linked()
    services.pass_time(timeouts.OPEN_LINK_WITHIN_S - 1)
    assert services.state(attempt_id) is State.UNKNOWN
    services.pass_time(64)
    assert services.state(attempt_id) is State.CANCELLED
    assert services.texts() == []
    services.assert_settled()


def test_a_request_that_comes_late_finds_its_key_closed(services: PaymentServices, bank: LinkGateway) -> None:
    bank.fates.append(Fate.LATE)
    attempt_id = services.linked()
    services.pass_time(180)
    assert services.state(attempt_id) is State.CANCELLED
    bank.deliver()
    assert not bank.pay(attempt_id)
    services.assert_settled()


@pytest.mark.parametrize(
    ("fate", "end"),
    [
        (Fate.KILLED_BEFORE, State.CANCELLED),
        (Fate.KILLED_AFTER, State.LINK_OPEN),
        (Fate.KILLED_LATE, State.CANCELLED),
    ],
)
@pytest.mark.parametrize("is_run_again", [True, False])
def test_a_worker_killed_while_it_opens(
    services: PaymentServices, bank: LinkGateway, fate: Fate, end: State, *, is_run_again: bool
) -> None:
    bank.fates.append(fate)
    attempt_id = services.linked()
    job = services.work.one(OPEN_LINK)
    with pytest.raises(KilledError):
        services.run(job)
    assert services.state(attempt_id) is State.CLAIMED
    if is_run_again:
        services.run(job)
    else:
        services.work.mark_run(job)
    services.pass_time(180)
    assert services.state(attempt_id) is end
    assert len(bank.sent) <= 1
    while bank.under_way:
        bank.deliver()
    assert bank.pay(attempt_id) == (end is State.LINK_OPEN)
    services.pass_time(2 * HOUR_S)
    assert services.state(attempt_id) is (State.APPROVED if end is State.LINK_OPEN else State.CANCELLED)
    services.assert_settled()


@pytest.mark.parametrize("fate", [Fate.KILLED_BEFORE, Fate.KILLED_AFTER, Fate.LOST_REPLY, Fate.BUG])
@pytest.mark.parametrize("is_paid", [True, False])
def test_a_look_that_dies_is_made_again(
    services: PaymentServices, bank: LinkGateway, fate: Fate, *, is_paid: bool
) -> None:
    attempt_id = services.linked()
    services.run_due()
    if is_paid:
        bank.pay(attempt_id)
    services.receive_link(attempt_id)
    bank.fates.append(fate)
    job = services.work.one(LOOK_AT_LINK)
    if fate in {Fate.KILLED_BEFORE, Fate.KILLED_AFTER}:
        with pytest.raises(KilledError):
            services.run(job)
    services.work.mark_run(job)  # and nobody runs it again: the sweep finds it missing
    services.clock.advance(timeouts.LOST_AFTER_S + 1)
    with capture_logs():
        services.payments.sweep()
    services.pass_time(2 * HOUR_S)
    assert services.state(attempt_id) is (State.APPROVED if is_paid else State.CANCELLED)
    services.assert_settled()


def test_nobody_opens_what_was_given_up(services: PaymentServices, bank: LinkGateway) -> None:
    attempt_id = services.linked()
    services.work.lose(OPEN_LINK)
    services.pass_time(timeouts.CHARGE_WITHIN_S)
    assert services.state(attempt_id) is State.ABANDONED
    late = services.linked()
    job = services.work.one(OPEN_LINK)
    services.clock.advance(timeouts.CHARGE_WITHIN_S)
    services.run(job)
    assert services.state(late) is State.ABANDONED
    assert bank.sent == []
    services.assert_settled()


@pytest.mark.usefixtures("_frozen_after_claim")
def test_a_worker_that_froze_after_its_claim_opens_nothing(
    services: PaymentServices, bank: LinkGateway
) -> None:
    attempt_id = services.linked()
    services.run(services.work.one(OPEN_LINK))
    assert bank.sent == []
    assert services.state(attempt_id) is State.UNKNOWN


def test_a_refusal_is_certain(services: PaymentServices, bank: LinkGateway) -> None:
    bank.refuses = Declined(Decline.CONFIG_ERROR, "no_links_on_this_account")
    attempt_id = services.linked()
    services.run_due()
    assert (services.state(attempt_id), services.attempt(attempt_id).decline) == (
        State.DECLINED,
        Decline.CONFIG_ERROR,
    )
    services.assert_settled()


def test_links_are_not_charged_as_cards_nor_cards_opened_as_links(
    services: PaymentServices, bank: LinkGateway
) -> None:
    link, card = services.linked(), services.confirmed()
    with capture_logs() as logs:
        services.handlers[CHARGE_ATTEMPT](link, 1)
        services.handlers[OPEN_LINK](card, 1)
    assert [entry["event"] for entry in logs] == ["charge_without_card", "link_of_a_card_attempt"]
    assert bank.sent == []
    with pytest.raises(ValueError, match="is not paid by link"):
        services.close_link(card)


# Two channels, one bill -------------------------------------------------------------------------------------


def test_the_rest_of_the_bill_is_paid_by_card_meanwhile(services: PaymentServices, bank: LinkGateway) -> None:
    bill = services.add_bill(10_000)
    link = services.linked(bill)
    services.run_due()
    assert services.make(bill, 6_001) is None
    rest = services.make(bill, 6_000)
    assert rest is not None
    services.confirm(rest)
    services.run_due()
    bank.pay(link)
    services.receive_link(link)
    services.run_due()
    assert services.bill(bill) == (10_000, 0)
    services.assert_settled()


def test_after_closing_the_same_money_is_paid_by_card_once(
    services: PaymentServices, bank: LinkGateway
) -> None:
    bill = services.add_bill(4_000)
    link = services.linked(bill)
    services.run_due()
    assert services.make(bill) is None
    services.close_link(link)
    assert services.make(bill) is None, "closing is not closed"
    services.run_due()
    card = services.make(bill)
    assert card is not None
    services.confirm(card)
    services.run_due()
    assert not bank.pay(link)
    assert services.bill(bill) == (4_000, 0)
    services.assert_settled()


# A caller who is promised a link ----------------------------------------------------------------------------


def test_a_promise_is_kept_by_the_link_itself(services: PaymentServices, bank: LinkGateway) -> None:
    """Whoever hung up before it was open is sent the link, and no other word when it expires."""
    attempt_id = services.linked()
    with services.engine.begin() as tx:
        services.attempts.promise(tx, attempt_id)
    services.run_due()
    assert services.attempt(attempt_id).promised_at is None
    with services.engine.begin() as tx:
        services.attempts.promise(tx, attempt_id)
    assert services.attempt(attempt_id).promised_at is None


def test_a_promise_that_cannot_be_kept_stands(services: PaymentServices, bank: LinkGateway) -> None:
    bank.fates.append(Fate.NEVER_ARRIVES)
    attempt_id = services.linked()
    with services.engine.begin() as tx:
        services.attempts.promise(tx, attempt_id)
    services.pass_time(180)
    attempt = services.attempt(attempt_id)
    assert (attempt.state, attempt.promised_at is not None) == (State.CANCELLED, True)


@pytest.mark.postgres
def test_open_links_of_a_payer(services: PaymentServices, bank: LinkGateway) -> None:
    first, second = services.linked(), services.linked()
    services.run_due()
    bill_id = services.attempt(first).bill_id
    with services.engine.begin() as tx:
        bill = tx.execute(sa.select(schema.bill.c.reference).where(schema.bill.c.id == bill_id)).scalar_one()
        mine = open_links(tx, payer_phone=PHONE)
        assert {one.id for one in mine} == {first, second}
        assert [one.id for one in open_links(tx, payer_phone=PHONE, bill_reference=bill)] == [first]
        assert open_links(tx, payer_phone="+34600999888") == []
        assert open_links(tx, payer_phone=None) == []
        tx.execute(sa.update(schema.attempt).values(payer_phone="+5491123456781"))
        for form in ("+541123456781", "+5491123456781"):
            assert {one.id for one in open_links(tx, payer_phone=form)} == {first, second}
            assert count_since(tx, form, services.clock.now() - timedelta(hours=1)) == 2
        tx.execute(sa.update(schema.attempt).values(payer_phone=PHONE))
    services.close_link(first)
    with services.engine.begin() as tx:
        assert len(open_links(tx, payer_phone=PHONE)) == 2, "it may still be paid"
    services.run_due()
    bank.pay(second)
    services.receive_link(second)
    services.run_due()
    with services.engine.begin() as tx:
        assert open_links(tx, payer_phone=PHONE) == []


# What others read -------------------------------------------------------------------------------------------


def test_how_a_link_is_shown(services: PaymentServices, bank: LinkGateway) -> None:
    attempt_id, card = services.linked(), services.confirmed()
    services.run_due()
    with services.engine.begin() as tx:
        shown, other = feed.show(tx, attempt_id), feed.show(tx, card)
        link = link_store.of(tx, attempt_store.get(tx, attempt_id))
    assert shown is not None
    assert other is not None
    assert link is not None
    assert (shown.method, other.method, other.link) == (Method.LINK, Method.CARD, None)
    assert shown.link == feed.LinkShown(link.expires_at, link.opened_at)
    assert link.opened_at is not None
    assert link.token.reveal() not in repr(shown)


def test_what_a_token_tells(services: PaymentServices, bank: LinkGateway) -> None:
    attempt_id = services.linked()
    services.run_due()
    with services.engine.begin() as tx:
        link = link_store.of(tx, attempt_store.get(tx, attempt_id))
        assert link is not None
        found = view_of(tx, link.token.reveal(), services.clock.now())
        assert found is not None
        assert (found.stage, found.url) == (Stage.OPEN, f"https://bank.example/pay/{attempt_id}")
        past = view_of(tx, link.token.reveal(), link.expires_at)
        assert past is not None
        assert past.stage is Stage.CONFIRMING
        assert view_of(tx, "nobodys", services.clock.now()) is None


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("is_past", [True, False])
def test_only_the_books_say_paid(state: State, *, is_past: bool) -> None:
    stage = stage_of(state, is_past=is_past)
    assert (stage is Stage.PAID) == (state is State.APPROVED)
    assert (stage is Stage.OPEN) == (state is State.LINK_OPEN and not is_past)
    given_back = stage_of(state, is_past=is_past, is_given_back=True)
    assert given_back is (Stage.REFUNDED if state is State.APPROVED else stage)


def test_every_answer_to_a_link_has_its_line() -> None:
    """None of these is ever a contradiction."""
    for state in (State.LINK_OPEN, State.LINK_CLOSING, State.UNKNOWN, State.NEEDS_REVIEW):
        for answer in (Approved, Cancelled, LinkOpen):
            assert (state, answer) in gateway_answers.PATHS


def test_a_link_needs_a_gateway_that_has_them(engine: sa.Engine) -> None:
    services = PaymentServices(engine)
    assert not services.attempts.has_links
    with pytest.raises(ValueError, match="has no payment links"):
        services.make(services.add_bill(), method=Method.LINK)
