"""What a gateway tells by webhook: kept once, never believed, and asked about."""

import flask
import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from gateways.events import EventData, PaymentUpdated, RefundUpdated
from ivr.jobs.job_list import RECHECK_ATTEMPT
from ivr.payments import timeouts
from ivr.payments.attempts.manual_review import Word
from ivr.payments.attempts.states import Event, State
from ivr.payments.gateway_events import BODY_BYTES_MAX, KEPT_DAYS, make_blueprint
from tests.support import schema
from tests.support.fake_gateway import FakeGateway, Fate
from tests.support.payment_services import PaymentServices


@pytest.fixture
def door(services: PaymentServices, bank: FakeGateway) -> FlaskClient:
    app = flask.Flask("door")
    app.register_blueprint(make_blueprint(bank, services.payments.gateway_events))
    return app.test_client()


def _post(door: FlaskClient, event: str = "evt_1", signature: str = "signed") -> int:
    answer = door.post("/gateways/bank/webhook", data=event.encode(), headers={"Signature": signature})
    return answer.status_code


# The door -------------------------------------------------------------------------------------------------


def test_only_a_signed_webhook_of_this_gateway_is_taken(
    door: FlaskClient, services: PaymentServices, bank: FakeGateway
) -> None:
    assert _post(door, signature="forged") == 400
    assert door.post("/gateways/other/webhook", data=b"evt_1").status_code == 404
    assert door.get("/gateways/bank/webhook").status_code == 405
    assert door.post("/gateways/bank/webhook", data=b"x" * (BODY_BYTES_MAX + 1)).status_code == 413
    assert _events(services) == []
    assert _post(door) == 204
    assert _post(door) == 204
    assert _events(services) == ["evt_1"]


def test_a_gateway_that_posts_nothing_has_no_door(services: PaymentServices) -> None:
    app = flask.Flask("door")
    app.register_blueprint(make_blueprint(FakeGateway(), services.payments.gateway_events))
    assert app.test_client().post("/gateways/bank/webhook", data=b"evt_1").status_code == 404


def test_a_failed_webhook_is_not_kept_so_that_its_repeat_counts(
    door: FlaskClient, services: PaymentServices, bank: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt_id = services.unknown_charge(Fate.LOST_REPLY)
    bank.event_data = PaymentUpdated(attempt_id)
    with monkeypatch.context() as broken:
        broken.setattr(services.work, "enqueue", _raise)
        assert _post(door) == 500
    assert _events(services) == []
    assert _post(door) == 204
    assert _events(services) == ["evt_1"]


def _raise(*_: object, **__: object) -> None:
    raise RuntimeError("the queue is away")


def _events(services: PaymentServices) -> list[str]:
    with services.engine.begin() as tx:
        return list(tx.execute(sa.select(schema.gateway_event.c.event_id)).scalars())


# Payments -------------------------------------------------------------------------------------------------


def test_an_unknown_payment_is_looked_up_now(services: PaymentServices) -> None:
    attempt_id = services.unknown_charge(Fate.LOST_REPLY)
    services.clock.advance(1)
    services.bank.fates.append(Fate.NEVER_ARRIVES)  # the first look gets no answer
    services.run_due()
    before = len(services.bank.looked_up)
    assert services.receive(PaymentUpdated(attempt_id))
    services.run_due()
    assert len(services.bank.looked_up) == before + 1
    assert services.state(attempt_id) is State.APPROVED
    services.assert_settled()


def test_a_repeat_changes_nothing(services: PaymentServices) -> None:
    attempt_id = services.unknown_charge(Fate.LOST_REPLY)
    assert services.receive(PaymentUpdated(attempt_id))
    jobs = services.attempt(attempt_id).jobs
    assert not services.receive(PaymentUpdated(attempt_id))
    assert services.attempt(attempt_id).jobs == jobs


def test_a_notice_is_never_believed_by_itself(services: PaymentServices) -> None:
    """It says that money was taken; the bank, asked, knows of nothing."""
    attempt_id = services.unknown_charge(Fate.NEVER_ARRIVES)
    services.receive(PaymentUpdated(attempt_id, taken=True))
    services.run_due()
    assert services.state(attempt_id) is State.UNKNOWN
    services.pass_time(60)
    assert services.state(attempt_id) is State.CANCELLED


@pytest.mark.parametrize("state", [State.RESERVED, State.CLAIMED, State.APPROVED])
def test_our_own_answer_is_on_its_way_or_here(services: PaymentServices, state: State) -> None:
    attempt_id = services.paid() if state is State.APPROVED else services.confirmed()
    if state is State.CLAIMED:
        with services.engine.begin() as tx:
            services.attempts.advance(tx, attempt_id, Event.CLAIM)
    assert services.state(attempt_id) is state
    jobs = services.attempt(attempt_id).jobs
    services.receive(PaymentUpdated(attempt_id))
    assert services.attempt(attempt_id).jobs == jobs
    assert services.state(attempt_id) is state


def test_money_taken_for_a_finished_attempt_is_looked_up_and_reported(services: PaymentServices) -> None:
    attempt_id = services.unknown_charge(Fate.NEVER_ARRIVES)
    services.pass_time(60)
    assert services.state(attempt_id) is State.CANCELLED
    services.receive(PaymentUpdated(attempt_id, taken=False), "evt_1")
    assert RECHECK_ATTEMPT not in {one.job for one in services.work.waiting()}
    services.bank.fenced.clear()
    services.bank.charged[attempt_id] = 4_000  # the bank breaks its word
    with capture_logs() as logs:
        services.receive(PaymentUpdated(attempt_id), "evt_2")
        services.run_due()
    assert services.state(attempt_id) is State.CANCELLED
    assert [one["event"] for one in logs if one["log_level"] == "critical"] == ["gateway_contradicts_itself"]
    with services.engine.begin() as tx:
        moves = tx.execute(sa.select(schema.attempt_move.c.event)).scalars().all()
        assert tx.execute(sa.select(schema.attempt.c.look_at)).scalar_one() is None
    assert "contradiction" in moves


def test_what_waits_for_a_person_is_resolved_by_a_notice(services: PaymentServices) -> None:
    attempt_id = services.unknown_charge(Fate.LOST_REPLY)
    with services.engine.begin() as tx:
        services.attempts.advance(tx, attempt_id, Event.NEEDS_REVIEW)
    services.receive(PaymentUpdated(attempt_id))
    services.run_due()
    assert services.state(attempt_id) is State.APPROVED
    services.assert_settled()


def _ruled_out_by_a_slip(services: PaymentServices) -> str:
    """The bank has charged it, and a person said that it has not."""
    attempt_id = services.unknown_charge(Fate.LOST_REPLY)
    with services.engine.begin() as tx:
        services.attempts.advance(tx, attempt_id, Event.NEEDS_REVIEW)
        services.review.decide(tx, attempt_id, Word.NOT_CHARGED, who="ana")
    return attempt_id


def test_a_contradicting_webhook_is_rechecked_until_the_gateway_answers(services: PaymentServices) -> None:
    attempt_id = _ruled_out_by_a_slip(services)
    services.bank.fates += [Fate.NEVER_ARRIVES] * 3
    with capture_logs() as logs:
        services.receive(PaymentUpdated(attempt_id, taken=True))
        services.pass_time(60)
    assert [one["event"] for one in logs if one["log_level"] == "critical"] == ["gateway_contradicts_itself"]
    assert services.work.waiting() == []
    assert services.attempt(attempt_id).verify_since is None


@pytest.mark.slow
def test_a_webhook_unconfirmed_for_a_day_is_reported(services: PaymentServices) -> None:
    attempt_id = _ruled_out_by_a_slip(services)
    services.bank.fates += [Fate.NEVER_ARRIVES] * 1000
    with capture_logs() as logs:
        services.receive(PaymentUpdated(attempt_id, taken=True))
        services.pass_time(timeouts.NEEDS_REVIEW_AFTER_S - 1)
        assert [one for one in logs if one["log_level"] == "error"] == []
        services.pass_time(2 * timeouts.LOOK_AT_MOST_S)
    assert [one["event"] for one in logs if one["log_level"] == "error"] == ["notice_for_a_person"]
    assert services.work.waiting() == []
    with services.engine.begin() as tx:
        last = tx.execute(sa.select(schema.attempt_move).order_by(schema.attempt_move.c.id.desc())).first()
    assert last is not None
    assert (last.event, last.state) == ("unverified", State.CANCELLED)


def test_a_second_notice_makes_no_second_chain_of_looks(services: PaymentServices) -> None:
    attempt_id = _ruled_out_by_a_slip(services)
    services.bank.fates += [Fate.NEVER_ARRIVES] * 100
    before = len(services.bank.looked_up)
    for number in range(3):
        services.receive(PaymentUpdated(attempt_id, taken=True), f"evt_{number}")
    services.run_due()
    assert len(services.bank.looked_up) == before + 1
    assert [one.job for one in services.work.waiting()].count(RECHECK_ATTEMPT) == 1


@pytest.mark.postgres
def test_a_notice_while_a_notice_is_looked_into_has_its_own_look(services: PaymentServices) -> None:
    attempt_id = _ruled_out_by_a_slip(services)
    services.receive(PaymentUpdated(attempt_id, taken=True))

    def meanwhile() -> None:
        services.bank.before_answer = lambda: None
        services.receive(PaymentUpdated(attempt_id, taken=True), "evt_2")

    services.bank.before_answer = meanwhile
    services.bank.fates += [Fate.LOST_REPLY]
    with capture_logs() as logs:
        services.run_due()
    assert [one["event"] for one in logs if one["log_level"] == "critical"] == ["gateway_contradicts_itself"]


def test_a_notice_never_fences(services: PaymentServices) -> None:
    """Whoever waits for a person is asked about: nothing that could come is ruled out by that."""
    attempt_id = services.unknown_charge(Fate.NEVER_ARRIVES)
    with services.engine.begin() as tx:
        services.attempts.advance(tx, attempt_id, Event.NEEDS_REVIEW)
    services.receive(PaymentUpdated(attempt_id, taken=True))
    services.run_due()
    assert services.bank.looked_up == [(attempt_id, False)]
    assert services.state(attempt_id) is State.NEEDS_REVIEW


def test_a_notice_during_a_look_makes_us_look_now(services: PaymentServices) -> None:
    attempt_id = services.unknown_charge(Fate.LATE)
    services.bank.fates += [Fate.NEVER_ARRIVES] * 4
    services.pass_time(9)
    services.clock.advance(7)

    def paid_meanwhile() -> None:
        """The look finds nothing yet; before we hear so, the charge arrives and is told."""
        services.bank.before_answer = lambda: None
        services.bank.deliver()
        services.receive(PaymentUpdated(attempt_id, taken=True))

    services.bank.before_answer = paid_meanwhile
    services.bank.fates.append(Fate.LOST_REPLY)
    services.run_due()
    assert services.state(attempt_id) is State.APPROVED, "the notice's own look was dropped"


@pytest.mark.parametrize(
    "notice", [PaymentUpdated("attempt_of_nobody"), RefundUpdated("refund_of_nobody"), None]
)
def test_a_webhook_about_something_unknown_is_kept_and_ignored(
    services: PaymentServices, notice: EventData | None
) -> None:
    assert services.receive(notice)
    assert services.work.waiting() == []


@pytest.mark.postgres
def test_a_payment_of_another_gateway_is_left_alone(services: PaymentServices) -> None:
    attempt_id = services.unknown_charge(Fate.LOST_REPLY)
    with services.engine.begin() as tx:
        tx.execute(sa.update(schema.attempt).values(gateway="other"))
    jobs = services.attempt(attempt_id).jobs
    services.receive(PaymentUpdated(attempt_id))
    assert services.attempt(attempt_id).jobs == jobs


@pytest.mark.postgres
def test_old_gateway_events_are_deleted(services: PaymentServices) -> None:
    services.receive(None, "evt_old")
    services.clock.advance(KEPT_DAYS * 86_400 + 1)
    services.receive(None, "evt_new")
    assert services.payments.gateway_events.forget(services.clock.now()) == 1
    assert _events(services) == ["evt_new"]
