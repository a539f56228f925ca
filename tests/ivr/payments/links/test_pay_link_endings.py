"""How a link ends: paid, as a webhook tells or nobody, expired, closed on demand, or left to a person."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from gateways.events import DisputeState, DisputeUpdated, GatewayEvent
from ivr.jobs.job_list import LOOK_AT_LINK, OPEN_LINK
from ivr.payments import timeouts
from ivr.payments.attempts.states import State
from ivr.payments.links import jobs as link_jobs
from ivr.payments.links import store as link_store
from ivr.platform.database.engine import reading
from tests.support import schema
from tests.support.fake_gateway import Fate
from tests.support.link_gateway import LinkGateway
from tests.support.payment_services import PaymentServices

HOUR_S = 3600


# Webhooks: early, late, lost, repeated ----------------------------------------------------------------------


def test_a_webhook_before_the_answer_to_the_opening(services: PaymentServices, bank: LinkGateway) -> None:
    """The payer was faster than our own books: the look-up has the last word, and the late answer none."""
    attempt_id = services.linked()

    def paid_meanwhile() -> None:
        bank.before_answer = lambda: None
        bank.pay(attempt_id)
        services.receive_link(attempt_id)
        services.run_due()

    bank.before_answer = paid_meanwhile
    services.run(services.work.one(OPEN_LINK))
    assert services.state(attempt_id) is State.APPROVED
    services.assert_settled()


def test_a_webhook_without_money_does_not_disturb_an_opening_link(
    services: PaymentServices, bank: LinkGateway
) -> None:
    attempt_id = services.linked()
    bank.before_answer = lambda: services.receive_link(attempt_id, taken=False)
    services.run(services.work.one(OPEN_LINK))
    assert services.state(attempt_id) is State.LINK_OPEN
    assert services.events_of(attempt_id) == ["link_opened"], "it was never lost from sight"


def test_a_webhook_during_a_look_makes_us_look_now(services: PaymentServices, bank: LinkGateway) -> None:
    attempt_id = services.linked()
    services.run_due()
    services.receive_link(attempt_id, taken=False)

    def paid_meanwhile() -> None:
        bank.before_answer = lambda: None
        bank.pay(attempt_id)
        services.receive_link(attempt_id, "evt_2")

    bank.before_answer = paid_meanwhile
    services.run_due()
    assert services.state(attempt_id) is State.APPROVED, "the webhook's own look was dropped"
    services.assert_settled()


def test_an_early_dispute_of_a_link_is_reported_once_it_is_paid(
    services: PaymentServices, bank: LinkGateway
) -> None:
    """The webhook of the payment is lost: it is found at the link's expiry."""
    attempt_id = services.linked()
    services.run_due()
    bank.pay(attempt_id)
    told = DisputeUpdated("dp_1", f"ref_{attempt_id}", 4_000, "EUR", "fraudulent", DisputeState.OPEN)
    services.payments.gateway_events.take(GatewayEvent("evt_1", "dispute.created", told))
    services.pass_time(2 * HOUR_S)
    assert services.events_of(attempt_id) == ["link_opened", "approved", "disputed open"]


def test_a_lost_webhook_is_made_up_for_at_the_expiry(services: PaymentServices, bank: LinkGateway) -> None:
    attempt_id = services.linked()
    services.run_due()
    bank.pay(attempt_id)
    services.pass_time(HOUR_S)
    assert services.state(attempt_id) is State.LINK_OPEN
    services.pass_time(3 * timeouts.LINK_GRACE_S)
    assert services.state(attempt_id) is State.APPROVED
    services.assert_settled()


def test_repeated_or_irrelevant_webhooks_change_nothing(services: PaymentServices, bank: LinkGateway) -> None:
    attempt_id = services.linked()
    services.run_due()
    for event in ("evt_1", "evt_1", "evt_2"):
        services.receive_link(attempt_id, event)
        services.run_due()
    assert services.state(attempt_id) is State.LINK_OPEN
    bank.pay(attempt_id)
    for event in ("evt_3", "evt_3", "evt_4"):
        services.receive_link(attempt_id, event)
        services.run_due()
    assert services.events_of(attempt_id) == ["link_opened", "approved"]
    services.pass_time(2 * HOUR_S)
    services.assert_settled()


def test_money_taken_on_a_finished_link_is_reported(services: PaymentServices, bank: LinkGateway) -> None:
    """A gateway that took money after it said that it could not: nothing is hidden."""
    attempt_id = services.linked()
    services.run_due()
    services.close_link(attempt_id)
    services.run_due()
    assert services.state(attempt_id) is State.CANCELLED
    bank.charged[attempt_id] = 4_000
    services.receive_link(attempt_id)
    with capture_logs() as logs:
        services.run_due()
    assert [entry["event"] for entry in logs if entry["log_level"] == "critical"] == [
        "gateway_contradicts_itself"
    ]


# Expiry and closing -----------------------------------------------------------------------------------------


def test_an_unpaid_link_frees_the_bill_at_its_expiry(services: PaymentServices, bank: LinkGateway) -> None:
    attempt_id = services.linked()
    services.pass_time(HOUR_S + 2 * timeouts.LINK_GRACE_S + 1)
    attempt = services.attempt(attempt_id)
    assert attempt.state is State.CANCELLED
    assert services.bill(attempt.bill_id) == (0, 0)
    assert bank.looked_up == [(attempt_id, True)], "asked once, a minute after the expiry, and closed"
    assert services.events_of(attempt_id) == ["link_opened", "not_charged"]
    services.assert_settled()


def test_closed_on_demand(services: PaymentServices, bank: LinkGateway) -> None:
    attempt_id = services.linked()
    services.run_due()
    services.close_link(attempt_id)
    assert services.state(attempt_id) is State.LINK_CLOSING
    assert services.bill(services.attempt(attempt_id).bill_id) == (0, 4_000), "until the gateway has said so"
    services.run_due()
    assert services.state(attempt_id) is State.CANCELLED
    assert not bank.pay(attempt_id)
    services.assert_settled()


def test_a_bill_that_is_withdrawn_takes_its_link_with_it(
    services: PaymentServices, bank: LinkGateway
) -> None:
    attempt_id = services.linked()
    services.run_due()
    assert services.payments.sweep() == 0
    with services.engine.begin() as tx:
        tx.execute(sa.update(schema.bill).values(withdrawn=True))
    assert services.payments.sweep() == 1
    assert services.payments.sweep() == 0, "it is being closed"
    services.run_due()
    assert services.state(attempt_id) is State.CANCELLED
    assert not bank.pay(attempt_id)
    services.assert_settled()


def test_a_link_that_is_paid_while_the_sweep_begins_is_left_alone(
    services: PaymentServices, bank: LinkGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the list of what is to be closed and the lock of one."""
    paid, open_one = services.linked(), services.linked()
    services.run_due()
    with services.engine.begin() as tx:
        tx.execute(sa.update(schema.bill).values(withdrawn=True))

    @contextmanager
    def listed(engine: sa.Engine) -> Iterator[sa.Connection]:
        with reading(engine) as tx:
            yield tx
        bank.pay(paid)
        services.receive_link(paid)
        services.run_due()

    monkeypatch.setattr(link_jobs, "reading", listed)
    services.payments.sweep()
    assert services.state(paid) is State.APPROVED
    assert services.state(open_one) is State.LINK_CLOSING


def test_the_look_after_a_notice_waits_for_the_gateways_clock_too(
    services: PaymentServices, bank: LinkGateway
) -> None:
    """The gateway's clock may be behind ours: no look at the very moment of the expiry."""
    attempt_id = services.linked()
    services.run_due()
    attempt = services.attempt(attempt_id)
    with services.engine.begin() as tx:
        link = link_store.of(tx, attempt)
    assert link is not None
    due = link.expires_at.timestamp() + timeouts.LINK_GRACE_S
    assert services.work.one(LOOK_AT_LINK).due_at == due
    services.clock.advance(60)
    services.receive_link(attempt_id, taken=False)
    services.run_due()
    assert bank.looked_up[-1] == (attempt_id, False)
    latest = max(services.work.waiting(), key=lambda one: one.nth)
    assert (latest.job, latest.due_at) == (LOOK_AT_LINK, due)


def test_paid_at_the_moment_of_closing_is_paid(services: PaymentServices, bank: LinkGateway) -> None:
    attempt_id = services.linked()
    services.run_due()
    services.close_link(attempt_id)
    bank.pay(attempt_id)
    services.run_due()
    assert services.state(attempt_id) is State.APPROVED
    services.assert_settled()


@pytest.mark.parametrize("is_paid", [True, False])
def test_a_gateway_that_is_silent_leaves_it_held(
    services: PaymentServices, bank: LinkGateway, *, is_paid: bool
) -> None:
    attempt_id = services.linked()
    services.run_due()
    bill = services.attempt(attempt_id).bill_id
    if is_paid:
        bank.pay(attempt_id)
    bank.fates.extend([Fate.NEVER_ARRIVES] * 6)
    services.close_link(attempt_id)
    services.pass_time(30)
    assert services.state(attempt_id) is State.LINK_CLOSING
    assert services.bill(bill) == (0, 4_000)
    services.pass_time(600)
    assert services.state(attempt_id) is (State.APPROVED if is_paid else State.CANCELLED)
    services.assert_settled()


def test_after_a_day_of_silence_a_person_decides(services: PaymentServices, bank: LinkGateway) -> None:
    attempt_id = services.linked()
    services.run_due()
    services.close_link(attempt_id)
    bank.fates.extend([Fate.NEVER_ARRIVES] * 1000)
    with capture_logs():
        services.pass_time(timeouts.NEEDS_REVIEW_AFTER_S + 600)
    assert services.state(attempt_id) is State.NEEDS_REVIEW
    assert services.bill(services.attempt(attempt_id).bill_id) == (0, 4_000)


@pytest.mark.parametrize("fate", [Fate.ANSWERED, Fate.LOST_REPLY, Fate.NEVER_ARRIVES])
def test_closed_while_it_is_being_opened(services: PaymentServices, bank: LinkGateway, fate: Fate) -> None:
    """The caller waited long enough: the page may have been opened, and is closed before it is."""
    attempt_id = services.linked()

    def closed_meanwhile() -> None:
        bank.before_answer = lambda: None
        services.close_link(attempt_id)
        services.run_due()

    bank.before_answer = closed_meanwhile
    bank.fates.append(fate)
    services.run(services.work.one(OPEN_LINK))
    services.run_due()
    assert services.state(attempt_id) is State.CANCELLED
    assert services.texts() == []
    assert not bank.pay(attempt_id)
    services.assert_settled()


def test_closing_before_anybody_opens_sends_nothing(services: PaymentServices, bank: LinkGateway) -> None:
    attempt_id = services.linked()
    services.close_link(attempt_id)
    services.run_due()
    assert services.state(attempt_id) is State.ABANDONED
    services.close_link(attempt_id)
    assert bank.sent == []
