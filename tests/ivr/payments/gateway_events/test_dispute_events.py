"""What a gateway tells of disputes: each is tied to its payment, whichever is known first, and told once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from gateways.events import DisputeState, DisputeUpdated
from ivr.finance import disputes
from tests.support import schema
from tests.support.fake_gateway import Fate
from tests.support.payment_services import PaymentServices

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def _dispute(charge: str, state: DisputeState = DisputeState.OPEN) -> DisputeUpdated:
    return DisputeUpdated("dp_1", charge, 4_000, "EUR", "fraudulent", state, NOON + timedelta(days=7))


def test_a_dispute_is_reported_when_opened_and_when_decided(services: PaymentServices) -> None:
    attempt_id = services.paid()
    for number, state in enumerate(
        [DisputeState.OPEN, DisputeState.OPEN, DisputeState.LOST, DisputeState.OPEN]
    ):
        services.receive(_dispute(f"ref_{attempt_id}", state), f"evt_{number}")
    assert services.events_of(attempt_id) == ["approved", "disputed open", "disputed lost"]
    with services.engine.begin() as tx:
        kept = tx.execute(sa.select(schema.dispute)).one()
    assert (kept.state, kept.attempt_id, kept.opened_at) == ("lost", attempt_id, services.clock.now())
    services.assert_settled()


def test_an_overturned_decision_is_reported_once(services: PaymentServices) -> None:
    """Also where an older notice is late; only the gateway's clock tells which that is."""
    attempt_id = services.paid()
    first, second = (_dispute(f"ref_{attempt_id}", state) for state in (DisputeState.WON, DisputeState.LOST))
    later = NOON + timedelta(days=1)
    services.receive(first, "evt_1", NOON)
    for number, (told, at) in enumerate([(second, later), (second, later), (first, NOON)]):
        services.receive(told, f"evt_late_{number}", at)
    assert services.events_of(attempt_id) == ["approved", "disputed won", "disputed lost"]
    with services.engine.begin() as tx:
        assert [one.state for one in disputes.listed(tx, 5, also_decided=True)] == [DisputeState.LOST]
    services.receive(first, "evt_new", later + timedelta(days=1))
    assert services.events_of(attempt_id)[2:] == ["disputed lost", "disputed won"]


@pytest.mark.postgres
def test_an_older_decision_does_not_overturn_a_repeated_newer_one(services: PaymentServices) -> None:
    """It was lost in between, and that is told last: also where a notice of it names an end to answer by."""
    attempt_id = services.paid()
    won, lost = (
        replace(_dispute(f"ref_{attempt_id}", state), answer_by=None)
        for state in (DisputeState.WON, DisputeState.LOST)
    )
    hours = [NOON + timedelta(hours=number) for number in range(3)]
    early = replace(won, answer_by=NOON)
    for number, (told, at) in enumerate(
        [(won, hours[0]), (won, hours[2]), (early, hours[0]), (lost, hours[1])]
    ):
        services.receive(told, f"evt_{number}", at)
    assert services.events_of(attempt_id) == ["approved", "disputed won"]
    with services.engine.begin() as tx:
        assert [one.state for one in disputes.listed(tx, 5, also_decided=True)] == [DisputeState.WON]


def test_a_decision_without_a_moment_overturns_the_one_before(services: PaymentServices) -> None:
    attempt_id = services.paid()
    for number, state in enumerate([DisputeState.LOST, DisputeState.WON, DisputeState.OPEN]):
        services.receive(_dispute(f"ref_{attempt_id}", state), f"evt_{number}")
    assert services.events_of(attempt_id) == ["approved", "disputed lost", "disputed won"]


def test_an_inquiry_that_becomes_a_chargeback_is_reported_once(services: PaymentServices) -> None:
    """Both are open; a notice that was late, of the inquiry, does not bring its end back."""
    attempt_id = services.paid()
    inquiry = replace(_dispute(f"ref_{attempt_id}"), amount_minor=1_000, reason="general", answer_by=None)
    chargeback = _dispute(f"ref_{attempt_id}")
    earlier = replace(inquiry, answer_by=NOON + timedelta(days=2))
    for number, told in enumerate([inquiry, earlier, chargeback, earlier, inquiry]):
        services.receive(told, f"evt_{number}")
    with services.engine.begin() as tx:
        [shown] = disputes.listed(tx, 5)
    assert (shown.amount_minor, shown.reason, shown.answer_by) == (
        4_000,
        "fraudulent",
        NOON + timedelta(days=7),
    )
    assert services.events_of(attempt_id) == ["approved", "disputed open"]


@pytest.mark.postgres
def test_a_dispute_of_no_charge_of_ours_is_kept(services: PaymentServices) -> None:
    services.receive(_dispute("ref_of_nobody"))
    with services.engine.begin() as tx:
        assert tx.execute(sa.select(schema.dispute.c.attempt_id)).one() == (None,)


def _charge_of(services: PaymentServices, reference: str) -> None:
    with services.engine.begin() as tx:
        tx.execute(sa.update(schema.attempt).values(gateway_reference=reference))


@pytest.mark.postgres
def test_an_early_dispute_is_reported_once_its_payment_is_known(services: PaymentServices) -> None:
    attempt_id = services.unknown_charge(Fate.LOST_REPLY)
    services.receive(_dispute(f"ref_{attempt_id}"))
    services.receive(replace(_dispute("ref_of_another"), reference="dp_2"), "evt_2")
    assert services.events_of(attempt_id) == ["unknown"]
    with capture_logs() as logs:
        services.run_due()
    assert services.events_of(attempt_id) == ["unknown", "approved", "disputed open"]
    assert [one["dispute"] for one in logs if one["event"] == "payment_disputed"] == ["dp_1"]
    services.receive(_dispute(f"ref_{attempt_id}"), "evt_3")
    assert services.events_of(attempt_id) == ["unknown", "approved", "disputed open"], "and not a second time"
    with services.engine.begin() as tx:
        tied = tx.execute(sa.select(schema.dispute.c.reference, schema.dispute.c.attempt_id)).all()
    assert {tuple(row) for row in tied} == {("dp_1", attempt_id), ("dp_2", None)}


def test_an_approval_does_not_report_a_known_dispute_again(services: PaymentServices) -> None:
    attempt_id = services.unknown_charge(Fate.LOST_REPLY)
    _charge_of(services, f"ref_{attempt_id}")  # kept before it was confirmed
    services.receive(_dispute(f"ref_{attempt_id}"))
    services.run_due()
    assert services.events_of(attempt_id) == ["unknown", "disputed open", "approved"]


@pytest.mark.parametrize("state", list(DisputeState))
def test_a_repeated_dispute_is_linked_to_its_payment(services: PaymentServices, state: DisputeState) -> None:
    attempt_id = services.paid()
    services.receive(_dispute("ref_strange", state))
    _charge_of(services, "ref_strange")
    services.receive(_dispute("ref_strange", state), "evt_2")
    services.receive(_dispute("ref_strange", state), "evt_3")
    assert services.events_of(attempt_id) == ["approved", f"disputed {state}"]


def test_a_dispute_of_a_charge_of_two_payments_belongs_to_the_first_paid(services: PaymentServices) -> None:
    """A person's mistake of the past, which is refused today."""
    first = services.paid()
    services.clock.advance(60)
    services.paid()
    _charge_of(services, "ref_shared")
    with capture_logs() as logs:
        assert services.receive(_dispute("ref_shared"))
    assert services.events_of(first) == ["approved", "disputed open"]
    assert "one_charge_of_two_payments" in [one["event"] for one in logs]
