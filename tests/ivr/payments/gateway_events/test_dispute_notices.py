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
from tests.support.payment_services import Till
from tests.support.webhook_gateway import lose_sight, tell

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def _dispute(charge: str, state: DisputeState = DisputeState.OPEN) -> DisputeUpdated:
    return DisputeUpdated("dp_1", charge, 4_000, "EUR", "fraudulent", state, NOON + timedelta(days=7))


def test_a_dispute_is_reported_when_opened_and_when_decided(till: Till) -> None:
    attempt_id = till.paid()
    for number, state in enumerate(
        [DisputeState.OPEN, DisputeState.OPEN, DisputeState.LOST, DisputeState.OPEN]
    ):
        tell(till, _dispute(f"ref_{attempt_id}", state), f"evt_{number}")
    assert till.told(attempt_id) == ["approved", "disputed open", "disputed lost"]
    with till.engine.begin() as tx:
        kept = tx.execute(sa.select(schema.dispute)).one()
    assert (kept.state, kept.attempt_id, kept.opened_at) == ("lost", attempt_id, till.clock.now())
    till.assert_settled()


def test_an_overturned_decision_is_reported_once(till: Till) -> None:
    """Also where an older notice is late; only the gateway's clock tells which that is."""
    attempt_id = till.paid()
    first, second = (_dispute(f"ref_{attempt_id}", state) for state in (DisputeState.WON, DisputeState.LOST))
    later = NOON + timedelta(days=1)
    tell(till, first, "evt_1", NOON)
    for number, (told, at) in enumerate([(second, later), (second, later), (first, NOON)]):
        tell(till, told, f"evt_late_{number}", at)
    assert till.told(attempt_id) == ["approved", "disputed won", "disputed lost"]
    with till.engine.begin() as tx:
        assert [one.state for one in disputes.listed(tx, 5, also_decided=True)] == [DisputeState.LOST]
    tell(till, first, "evt_new", later + timedelta(days=1))
    assert till.told(attempt_id)[2:] == ["disputed lost", "disputed won"]


@pytest.mark.postgres
def test_an_older_decision_does_not_overturn_a_repeated_newer_one(till: Till) -> None:
    """It was lost in between, and that is told last: also where a notice of it names an end to answer by."""
    attempt_id = till.paid()
    won, lost = (
        replace(_dispute(f"ref_{attempt_id}", state), answer_by=None)
        for state in (DisputeState.WON, DisputeState.LOST)
    )
    hours = [NOON + timedelta(hours=number) for number in range(3)]
    early = replace(won, answer_by=NOON)
    for number, (told, at) in enumerate(
        [(won, hours[0]), (won, hours[2]), (early, hours[0]), (lost, hours[1])]
    ):
        tell(till, told, f"evt_{number}", at)
    assert till.told(attempt_id) == ["approved", "disputed won"]
    with till.engine.begin() as tx:
        assert [one.state for one in disputes.listed(tx, 5, also_decided=True)] == [DisputeState.WON]


def test_a_decision_without_a_moment_overturns_the_one_before(till: Till) -> None:
    attempt_id = till.paid()
    for number, state in enumerate([DisputeState.LOST, DisputeState.WON, DisputeState.OPEN]):
        tell(till, _dispute(f"ref_{attempt_id}", state), f"evt_{number}")
    assert till.told(attempt_id) == ["approved", "disputed lost", "disputed won"]


def test_an_inquiry_that_becomes_a_chargeback_is_reported_once(till: Till) -> None:
    """Both are open; a notice that was late, of the inquiry, does not bring its end back."""
    attempt_id = till.paid()
    inquiry = replace(_dispute(f"ref_{attempt_id}"), amount_minor=1_000, reason="general", answer_by=None)
    chargeback = _dispute(f"ref_{attempt_id}")
    earlier = replace(inquiry, answer_by=NOON + timedelta(days=2))
    for number, told in enumerate([inquiry, earlier, chargeback, earlier, inquiry]):
        tell(till, told, f"evt_{number}")
    with till.engine.begin() as tx:
        [shown] = disputes.listed(tx, 5)
    assert (shown.amount_minor, shown.reason, shown.answer_by) == (
        4_000,
        "fraudulent",
        NOON + timedelta(days=7),
    )
    assert till.told(attempt_id) == ["approved", "disputed open"]


@pytest.mark.postgres
def test_a_dispute_of_no_charge_of_ours_is_kept(till: Till) -> None:
    tell(till, _dispute("ref_of_nobody"))
    with till.engine.begin() as tx:
        assert tx.execute(sa.select(schema.dispute.c.attempt_id)).one() == (None,)


def _charge_of(till: Till, reference: str) -> None:
    with till.engine.begin() as tx:
        tx.execute(sa.update(schema.attempt).values(gateway_reference=reference))


@pytest.mark.postgres
def test_an_early_dispute_is_reported_once_its_payment_is_known(till: Till) -> None:
    attempt_id = lose_sight(till, Fate.LOST_REPLY)
    tell(till, _dispute(f"ref_{attempt_id}"))
    tell(till, replace(_dispute("ref_of_another"), reference="dp_2"), "evt_2")
    assert till.told(attempt_id) == ["unknown"]
    with capture_logs() as logs:
        till.run_due()
    assert till.told(attempt_id) == ["unknown", "approved", "disputed open"]
    assert [one["dispute"] for one in logs if one["event"] == "payment_disputed"] == ["dp_1"]
    tell(till, _dispute(f"ref_{attempt_id}"), "evt_3")
    assert till.told(attempt_id) == ["unknown", "approved", "disputed open"], "and not a second time"
    with till.engine.begin() as tx:
        tied = tx.execute(sa.select(schema.dispute.c.reference, schema.dispute.c.attempt_id)).all()
    assert {tuple(row) for row in tied} == {("dp_1", attempt_id), ("dp_2", None)}


def test_an_approval_does_not_report_a_known_dispute_again(till: Till) -> None:
    attempt_id = lose_sight(till, Fate.LOST_REPLY)
    _charge_of(till, f"ref_{attempt_id}")  # kept before it was confirmed
    tell(till, _dispute(f"ref_{attempt_id}"))
    till.run_due()
    assert till.told(attempt_id) == ["unknown", "disputed open", "approved"]


@pytest.mark.parametrize("state", list(DisputeState))
def test_a_repeated_dispute_is_linked_to_its_payment(till: Till, state: DisputeState) -> None:
    attempt_id = till.paid()
    tell(till, _dispute("ref_strange", state))
    _charge_of(till, "ref_strange")
    tell(till, _dispute("ref_strange", state), "evt_2")
    tell(till, _dispute("ref_strange", state), "evt_3")
    assert till.told(attempt_id) == ["approved", f"disputed {state}"]


def test_a_dispute_of_a_charge_of_two_payments_belongs_to_the_first_paid(till: Till) -> None:
    """A person's mistake of the past, which is refused today."""
    first = till.paid()
    till.clock.advance(60)
    till.paid()
    _charge_of(till, "ref_shared")
    with capture_logs() as logs:
        assert tell(till, _dispute("ref_shared"))
    assert till.told(first) == ["approved", "disputed open"]
    assert "one_charge_of_two_payments" in [one["event"] for one in logs]
