"""The doctor inside: what stands in its tables and its queue, and waits for somebody."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from ivr.doctor import internal_checks as inside
from ivr.doctor.checks import FaultError
from ivr.jobs.liveness_lock import hold, living_workers
from ivr.messaging import messages
from ivr.messaging import templates as texts
from ivr.messaging.messages import Purpose
from ivr.messaging.states import MessageEvent
from ivr.messaging.templates import ReceiptText
from ivr.payments.history import Difference
from ivr.platform.database.engine import make_engine
from tests.support.approved_payment import approved_attempt
from tests.support.payment_services import PaymentServices
from tests.support.recorded_jobs import RecordedJobs
from tests.support.schema import attempt, attempt_move, ledger_line, payout, refund
from tests.support.time_and_ids import ManualClock, SequentialIds
from tests.support.waiting import eventually


def test_a_worker_has_to_live(engine: sa.Engine) -> None:
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert living_workers(engine, later) == 0
    with pytest.raises(FaultError, match="serve worker"):
        inside.worker_lives(lambda: living_workers(engine, later))
    one, other = hold(engine, "one"), hold(engine, "other")
    assert living_workers(engine, later) == 2
    assert inside.worker_lives(lambda: living_workers(engine, later)) == "2 workers running"
    assert one.is_ours()
    one.release()  # the server notices in its own time
    eventually(lambda: living_workers(engine, later) == 1)
    assert inside.worker_lives(lambda: living_workers(engine, later)) == "1 worker running"
    other.release()
    eventually(lambda: living_workers(engine, later) == 0)


def test_the_lock_file_of_a_dead_worker_is_no_life(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/town.db")
    folder = tmp_path / "town.db.workers"
    folder.mkdir()
    (folder / "dead").touch()
    assert living_workers(engine, datetime.now(UTC) + timedelta(minutes=1)) == 0
    assert living_workers(engine, datetime.now(UTC)) == 1, (
        "one that starts at this moment has not locked it yet"
    )
    assert living_workers(engine, datetime.now(UTC) - timedelta(minutes=1)) == 0, "the clock was set back"


@pytest.mark.postgres
def test_payments_in_review_or_long_unknown_are_reported(engine: sa.Engine, clock: ManualClock) -> None:
    with engine.begin() as tx:
        made = approved_attempt(tx, clock, reference="80000001")
    assert inside.no_payment_is_stuck(engine, clock.now)

    def become(**values: object) -> None:
        with engine.begin() as tx:
            tx.execute(attempt.update().where(attempt.c.id == made).values(**values))

    become(state="unknown", unknown_since=clock.now())
    clock.advance(3599)
    assert inside.no_payment_is_stuck(engine, clock.now)
    clock.advance(2)
    with pytest.raises(FaultError, match="more than an hour: 80000001"):
        inside.no_payment_is_stuck(engine, clock.now)
    become(state="for_a_person")
    with pytest.raises(FaultError, match="a decision: 80000001"):
        inside.no_payment_is_stuck(engine, clock.now)


@pytest.mark.postgres
def test_a_refund_that_waits_for_a_person_or_has_no_end_is_told(
    engine: sa.Engine, clock: ManualClock
) -> None:
    with engine.begin() as tx:
        made = approved_attempt(tx, clock, reference="80000001")
        tx.execute(
            refund.insert().values(
                id="refund_1",
                attempt_id=made,
                amount_minor=100,
                currency="EUR",
                state="asked",
                created_at=clock.now(),
            )
        )

    def become(state: str) -> None:
        with engine.begin() as tx:
            tx.execute(refund.update().values(state=state))

    for state in ("approved", "declined"):
        become(state)
        clock.advance(3601)
        assert inside.no_refund_is_stuck(engine, clock.now)
    for state in ("asked", "unknown"):
        become(state)
        with pytest.raises(FaultError, match="more than an hour: refund_1"):
            inside.no_refund_is_stuck(engine, clock.now)
    become("for_a_person")
    with pytest.raises(FaultError, match="a decision: refund_1"):
        inside.no_refund_is_stuck(engine, clock.now)


@pytest.mark.postgres
@pytest.mark.parametrize("kind", list(Difference))
def test_what_the_gateway_says_against_the_books_is_told_for_a_week(
    engine: sa.Engine, clock: ManualClock, kind: Difference
) -> None:
    with engine.begin() as tx:
        made = approved_attempt(tx, clock, reference="80000001")
        line = attempt_move.insert().values(attempt_id=made, state="approved", at=clock.now())
        tx.execute(line.values(event="approve"))
    assert inside.books_and_gateway_agree(engine, clock.now)
    with engine.begin() as tx:
        tx.execute(line.values(event=kind))
        tx.execute(line.values(event=kind))
    with pytest.raises(FaultError, match=r"our books: 80000001\. "):
        inside.books_and_gateway_agree(engine, clock.now)
    clock.advance(7 * 24 * 3600 + 1)
    assert inside.books_and_gateway_agree(engine, clock.now)


@pytest.mark.postgres
def test_a_payout_that_failed_is_told_for_a_week(engine: sa.Engine, clock: ManualClock) -> None:
    with engine.begin() as tx:
        for number, failed_at in enumerate([None, clock.now()]):
            now, reference = clock.now(), f"po_{number}"
            told = {"gateway": "stripe", "amount_minor": 1, "currency": "EUR", "arrives": now, "told_at": now}
            tx.execute(payout.insert().values(id=reference, reference=reference, failed_at=failed_at, **told))
    with pytest.raises(FaultError, match=r"refused these payouts: po_1\. "):
        inside.payouts_arrive(engine, clock.now)
    clock.advance(7 * 24 * 3600 + 1)
    assert inside.payouts_arrive(engine, clock.now)


@pytest.mark.postgres
def test_a_text_that_never_arrived_is_told(
    engine: sa.Engine, clock: ManualClock, ids: SequentialIds, work: RecordedJobs
) -> None:
    with engine.begin() as tx:
        made = messages.record(
            tx,
            attempt_id=approved_attempt(tx, clock, reference="80000001"),
            purpose=Purpose.OUTCOME,
            body=texts.receipt(ReceiptText("Town", 4990, "EUR", "12345678", "4242", "80000001"), "en"),
            language="en",
            recipient="+34600000001",
            channel="sms",
            work=work,
            clock=clock,
            ids=ids,
        )
    assert inside.no_text_is_stuck(engine, clock.now)
    clock.advance(3601)
    with pytest.raises(FaultError, match=r"80000001\. Check SMS_FROM"):
        inside.no_text_is_stuck(engine, clock.now)
    with engine.begin() as tx:
        messages.apply_event(tx, made.id, MessageEvent.CLAIM, clock.now(), tried_at=clock.now())
        messages.apply_event(tx, made.id, MessageEvent.REFUSED, clock.now(), error_code="21606")
    with pytest.raises(FaultError, match=r"80000001 \(the carrier says 21606\)"):
        inside.no_text_is_stuck(engine, clock.now)
    clock.advance(2 * 24 * 3600)  # nothing to mend in an old one
    assert inside.no_text_is_stuck(engine, clock.now)
    with engine.begin() as tx:
        for event in (MessageEvent.RESEND, MessageEvent.CLAIM, MessageEvent.HOLD):
            messages.apply_event(tx, made.id, event, clock.now(), error_code="21606")
    with pytest.raises(FaultError, match=r"21606\).*`paybycall message list` and `paybycall message resend`"):
        inside.no_text_is_stuck(engine, clock.now)


def test_work_that_failed_or_that_nobody_does_is_told() -> None:
    assert inside.no_job_failed(list, list)
    many = [f"charge_attempt of attempt_{nth}" for nth in range(7)]
    with pytest.raises(FaultError, match=r"attempt_4 and 2 more\. The worker's log says why"):
        inside.no_job_failed(lambda: many, list)
    with pytest.raises(FaultError, match="old_job on send"):
        inside.no_job_failed(list, lambda: ["old_job on send"])


def test_a_ledger_that_somebody_changed_is_told(engine: sa.Engine) -> None:
    services = PaymentServices(engine)
    services.paid()
    assert inside.books_balance(engine) == "every entry of the ledger balances"
    with engine.begin() as tx:
        [entry] = tx.execute(sa.select(ledger_line.c.entry_id).distinct()).scalars()
        tx.execute(sa.update(ledger_line).where(ledger_line.c.amount_minor > 0).values(amount_minor=1))
    with pytest.raises(FaultError, match=f"does not balance at {entry}: "):
        inside.books_balance(engine)
