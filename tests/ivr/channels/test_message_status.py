"""The carrier's callbacks: late, twice, out of order, forged, garbled; none changes anything twice."""

import itertools
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa
from flask import Flask

from gateways.secret import Secret
from ivr.channels import confirmation as confirmations
from ivr.channels import resending
from ivr.channels.confirmation import Confirmation
from ivr.channels.resending import Resent
from ivr.channels.states import Event, State
from ivr.channels.texts import Receipt
from ivr.channels.webhooks import make_blueprint
from ivr.clock import ManualClock
from ivr.ids import SequentialIds
from ivr.storage.engine import reading
from tests.support.approved import approved_attempt
from tests.support.carrier import signed_headers
from tests.support.work import RecordedWork

PUBLIC = "https://pay.example.org"
TOKENS = (Secret("new"), Secret("old"))
ACCOUNT = "AC" + "0" * 32
SID = "SM" + "1" * 32
OTHER = "SM" + "2" * 32
Report = Callable[..., int]


@pytest.fixture
def texted(engine: sa.Engine, clock: ManualClock, ids: SequentialIds, work: RecordedWork) -> str:
    with engine.begin() as tx:
        made = confirmations.record(
            tx,
            attempt_id=approved_attempt(tx, clock),
            receipt=Receipt("Town", 4990, "EUR", "12345678", "4242", "87654321"),
            language="en",
            payer_phone="+34600000001",
            can_text=True,
            channel="sms",
            work=work,
            clock=clock,
            ids=ids,
        )
        confirmations.shift(tx, made.id, Event.CLAIM, clock.now(), tries=1, tried_at=clock.now())
    return made.id


@pytest.fixture
def report(engine: sa.Engine, clock: ManualClock, texted: str) -> Report:
    app = Flask(__name__)
    app.register_blueprint(
        make_blueprint(engine, clock=clock, public_url=PUBLIC, tokens=TOKENS, account_sid=ACCOUNT)
    )
    client = app.test_client()

    def reported(
        status: str, *, sid: str = SID, to: str = texted, token: Secret = TOKENS[0], **extra: str
    ) -> int:
        form = {"AccountSid": ACCOUNT, "MessageSid": sid, "MessageStatus": status, **extra}
        target = "/messages/status?" + urlencode({"c": to})
        return client.post(
            target, data=form, headers=signed_headers(token, PUBLIC + target, form)
        ).status_code

    return reported


@pytest.fixture
def now(engine: sa.Engine, texted: str) -> Callable[[], Confirmation]:
    def found() -> Confirmation:
        with reading(engine) as tx:
            row = confirmations.find(tx, texted)
        assert row is not None
        return row

    return found


def test_from_sent_to_delivered(report: Report, now: Callable[[], Confirmation]) -> None:
    assert report("sent") == 204
    assert (now().state, now().provider_id) == (State.SENT, SID)
    assert report("delivered", token=TOKENS[1]) == 204
    assert now().state is State.DELIVERED


@pytest.mark.parametrize("order", list(itertools.permutations(["queued", "sent", "delivered"])))
def test_in_any_order_and_twice_it_ends_delivered(
    report: Report, now: Callable[[], Confirmation], order: tuple[str, ...]
) -> None:
    for status in (*order, *order):
        assert report(status) == 204
    assert now().state is State.DELIVERED


@pytest.mark.parametrize(
    ("status", "state"),
    [("undelivered", State.UNDELIVERED), ("failed", State.FAILED), ("canceled", State.FAILED)],
)
def test_a_failure_is_kept_with_its_code(
    report: Report, now: Callable[[], Confirmation], status: str, state: State
) -> None:
    report("sent")
    assert report(status, ErrorCode="30003") == 204
    assert report("sent") == 204
    assert (now().state, now().error_code) == (state, "30003")


def test_a_late_delivery_is_true_all_the_same(report: Report, now: Callable[[], Confirmation]) -> None:
    report("undelivered", ErrorCode="30003")
    report("delivered")
    assert (now().state, now().error_code) == (State.DELIVERED, None)


def test_another_copys_failure_says_nothing_of_this_one(
    report: Report, now: Callable[[], Confirmation]
) -> None:
    report("sent")
    assert report("failed", sid=OTHER, ErrorCode="30003") == 204
    assert (now().state, now().error_code) == (State.SENT, None)
    assert report("delivered", sid=OTHER) == 204
    assert (now().state, now().provider_id) == (State.DELIVERED, SID)


def test_a_status_that_we_do_not_know_changes_nothing(
    report: Report, now: Callable[[], Confirmation]
) -> None:
    assert report("teleported") == 204
    assert now().state is State.SENDING


@pytest.mark.parametrize("to", ["", "confirmation_none", "x" * 300, "confirmation_1\0", "José", "../../etc"])
def test_an_unknown_confirmation_is_not_found(report: Report, to: str) -> None:
    assert report("sent", to=to) == 404


def test_a_forged_report_is_forbidden(report: Report, now: Callable[[], Confirmation]) -> None:
    assert report("delivered", token=Secret("guessed")) == 403
    assert now().state is State.SENDING


@pytest.mark.parametrize(
    "broken", [{"status": ""}, {"status": "sent", "sid": ""}, {"status": "sent", "sid": "x" * 99}]
)
def test_a_report_without_its_fields_is_a_bad_request(report: Report, broken: dict[str, str]) -> None:
    assert report(**broken) == 400


def test_a_report_of_a_spoken_confirmation_changes_nothing(
    report: Report, engine: sa.Engine, now: Callable[[], Confirmation], texted: str
) -> None:
    with engine.begin() as tx:
        tx.execute(confirmations.confirmation.update().values(state="spoken"))
    assert report("delivered") == 204
    assert now().state is State.SPOKEN


@pytest.mark.parametrize(
    "said",
    [
        ("failed", "30002", State.HELD),
        ("undelivered", "30007", State.HELD),
        ("failed", "30001", State.HELD),
        ("undelivered", "30003", State.UNDELIVERED),
        ("failed", "30008", State.FAILED),
    ],
)
def test_what_the_operator_mends_is_held_when_it_is_said_later(
    engine: sa.Engine, clock: ManualClock, texted: str, report: Report, said: tuple[str, str, State]
) -> None:
    """And news of that copy, while another is being sent, changes nothing."""
    status, code, state = said
    report("sent")
    assert report(status, ErrorCode=code) == 204
    with engine.begin() as tx:
        assert (found := confirmations.find(tx, texted)) is not None
        assert found.state is state
        outcome = resending.resend(tx, texted, work=RecordedWork(), clock=clock)
        assert outcome is (Resent.QUEUED if state is State.HELD else Resent.NOT_HELD)
    report(status, ErrorCode=code)
    with reading(engine) as tx:
        assert (found := confirmations.find(tx, texted)) is not None
        assert found.state is (State.QUEUED if state is State.HELD else state)
