"""What a gateway tells by webhook: kept once, never believed, and asked about."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import flask
import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from gateways.contract import Capabilities, CardEntry, GatewayUnreachableError
from gateways.notices import (
    BadNoticeError,
    Disputed,
    DisputeState,
    GivenBack,
    Heard,
    Notice,
    PaymentMoved,
    PayoutSettled,
    RefundMoved,
)
from gateways.settlement import LineKind, PayoutLine
from ivr.finance import disputes
from ivr.finance.payouts import AGAIN_AFTER_S
from ivr.payments import differences, patience
from ivr.payments.decide import Word
from ivr.payments.differences import Difference
from ivr.payments.notices import KEPT_DAYS
from ivr.payments.states import Event, State
from ivr.payments.webhooks import BODY_BYTES_MAX, make_blueprint
from ivr.storage import schema
from ivr.work.jobs import (
    CHARGE_ATTEMPT,
    READ_PAYOUT,
    REFUND_PAYMENT,
    RESOLVE_ATTEMPT,
    VERIFY_ATTEMPT,
    VERIFY_REFUND,
)
from tests.support.bank import Fate, TruthfulBank
from tests.support.till import Till

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
CAN_TELL = Capabilities(
    card_entry=CardEntry.TOKENIZE, refund=True, partial_refund=True, notices=True, settlement=True, live=False
)


@dataclass
class TellingBank(TruthfulBank):
    """A bank that posts webhooks; its signature is the word "signed"."""

    says: Notice | None = None
    lines: tuple[PayoutLine, ...] = ()
    away: int = 0
    name: str = field(default="bank", init=False)

    def __post_init__(self) -> None:
        super().__init__(CAN_TELL)

    def hear(self, headers: dict[str, str], body: bytes) -> Heard:  # type: ignore[override]
        if headers.get("Signature") != "signed":
            raise BadNoticeError("the signature is not the bank's")
        return Heard(body.decode(), "payment.moved", self.says)

    def payout_lines(self, payout: str) -> tuple[PayoutLine, ...]:
        if self.away:
            self.away -= 1
            raise GatewayUnreachableError("The bank is away.")
        return self.lines


@pytest.fixture
def bank() -> TellingBank:
    return TellingBank()


@pytest.fixture
def till(engine: sa.Engine, bank: TellingBank) -> Till:
    return Till(engine, bank=bank)


@pytest.fixture
def door(till: Till, bank: TellingBank) -> FlaskClient:
    app = flask.Flask("door")
    app.register_blueprint(make_blueprint(bank, till.cashier.notices))
    return app.test_client()


def _post(door: FlaskClient, event: str = "evt_1", signature: str = "signed") -> int:
    answer = door.post("/gateways/bank/webhook", data=event.encode(), headers={"Signature": signature})
    return answer.status_code


def _tell(
    till: Till, notice: Notice | None, event: str = "evt_1", happened_at: datetime | None = None
) -> bool:
    return till.cashier.notices.take(Heard(event, "payment.moved", notice, happened_at))


def _lose_sight(till: Till, fate: Fate) -> str:
    till.bank.fates.append(fate)
    attempt_id = till.confirmed()
    till.run(next(one for one in till.work.waiting() if one.job == CHARGE_ATTEMPT))
    assert till.state(attempt_id) is State.UNKNOWN
    return attempt_id


# The door -------------------------------------------------------------------------------------------------


def test_only_a_signed_webhook_of_this_gateway_is_taken(
    door: FlaskClient, till: Till, bank: TellingBank
) -> None:
    assert _post(door, signature="forged") == 400
    assert door.post("/gateways/other/webhook", data=b"evt_1").status_code == 404
    assert door.get("/gateways/bank/webhook").status_code == 405
    assert door.post("/gateways/bank/webhook", data=b"x" * (BODY_BYTES_MAX + 1)).status_code == 413
    assert _events(till) == []
    assert _post(door) == 204
    assert _post(door) == 204
    assert _events(till) == ["evt_1"]


def test_a_gateway_that_posts_nothing_has_no_door(till: Till) -> None:
    app = flask.Flask("door")
    app.register_blueprint(make_blueprint(TruthfulBank(), till.cashier.notices))
    assert app.test_client().post("/gateways/bank/webhook", data=b"evt_1").status_code == 404


def test_a_fault_of_ours_keeps_nothing_so_that_the_repeat_is_heard(
    door: FlaskClient, till: Till, bank: TellingBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt_id = _lose_sight(till, Fate.LOST_REPLY)
    bank.says = PaymentMoved(attempt_id)
    with monkeypatch.context() as broken:
        broken.setattr(till.work, "enqueue", _raise)
        assert _post(door) == 500
    assert _events(till) == []
    assert _post(door) == 204
    assert _events(till) == ["evt_1"]


def _raise(*_: object, **__: object) -> None:
    raise RuntimeError("the queue is away")


def _events(till: Till) -> list[str]:
    with till.engine.begin() as tx:
        return list(tx.execute(sa.select(schema.gateway_event.c.event_id)).scalars())


# Payments -------------------------------------------------------------------------------------------------


def test_an_unknown_payment_is_looked_up_now(till: Till) -> None:
    attempt_id = _lose_sight(till, Fate.LOST_REPLY)
    till.clock.advance(1)
    till.bank.fates.append(Fate.NEVER)  # the first look gets no answer
    till.run_due()
    before = len(till.bank.looked_up)
    assert _tell(till, PaymentMoved(attempt_id))
    till.run_due()
    assert len(till.bank.looked_up) == before + 1
    assert till.state(attempt_id) is State.APPROVED
    till.assert_settled()


def test_a_repeat_changes_nothing(till: Till) -> None:
    attempt_id = _lose_sight(till, Fate.LOST_REPLY)
    assert _tell(till, PaymentMoved(attempt_id))
    jobs = till.attempt(attempt_id).jobs
    assert not _tell(till, PaymentMoved(attempt_id))
    assert till.attempt(attempt_id).jobs == jobs


def test_a_notice_is_never_believed_by_itself(till: Till) -> None:
    """It says that money was taken; the bank, asked, knows of nothing."""
    attempt_id = _lose_sight(till, Fate.NEVER)
    _tell(till, PaymentMoved(attempt_id, taken=True))
    till.run_due()
    assert till.state(attempt_id) is State.UNKNOWN
    till.pass_time(60)
    assert till.state(attempt_id) is State.FENCED


@pytest.mark.parametrize("state", [State.RESERVED, State.CLAIMED, State.APPROVED])
def test_our_own_answer_is_on_its_way_or_here(till: Till, state: State) -> None:
    attempt_id = till.paid() if state is State.APPROVED else till.confirmed()
    if state is State.CLAIMED:
        with till.engine.begin() as tx:
            till.attempts.advance(tx, attempt_id, Event.CLAIM)
    assert till.state(attempt_id) is state
    jobs = till.attempt(attempt_id).jobs
    _tell(till, PaymentMoved(attempt_id))
    assert till.attempt(attempt_id).jobs == jobs
    assert till.state(attempt_id) is state


def test_money_taken_for_an_attempt_that_is_over_is_asked_about_and_told_loudly(till: Till) -> None:
    attempt_id = _lose_sight(till, Fate.NEVER)
    till.pass_time(60)
    assert till.state(attempt_id) is State.FENCED
    _tell(till, PaymentMoved(attempt_id, taken=False), "evt_1")
    assert VERIFY_ATTEMPT not in {one.job for one in till.work.waiting()}
    till.bank.fenced.clear()
    till.bank.charged[attempt_id] = 4_000  # the bank breaks its word
    with capture_logs() as logs:
        _tell(till, PaymentMoved(attempt_id), "evt_2")
        till.run_due()
    assert till.state(attempt_id) is State.FENCED
    assert [one["event"] for one in logs if one["log_level"] == "critical"] == ["gateway_contradicts_itself"]
    with till.engine.begin() as tx:
        moves = tx.execute(sa.select(schema.attempt_move.c.event)).scalars().all()
        assert tx.execute(sa.select(schema.attempt.c.look_at)).scalar_one() is None
    assert "contradiction" in moves


def test_what_waits_for_a_person_is_resolved_by_a_notice(till: Till) -> None:
    attempt_id = _lose_sight(till, Fate.LOST_REPLY)
    with till.engine.begin() as tx:
        till.attempts.advance(tx, attempt_id, Event.GIVE_TO_A_PERSON)
    _tell(till, PaymentMoved(attempt_id))
    till.run_due()
    assert till.state(attempt_id) is State.APPROVED
    till.assert_settled()


def _ruled_out_by_a_slip(till: Till) -> str:
    """The bank has charged it, and a person said that it has not."""
    attempt_id = _lose_sight(till, Fate.LOST_REPLY)
    with till.engine.begin() as tx:
        till.attempts.advance(tx, attempt_id, Event.GIVE_TO_A_PERSON)
        till.cashier.decide(tx, attempt_id, Word.NOT_CHARGED, who="ana")
    return attempt_id


def test_a_notice_that_contradicts_us_is_asked_about_until_the_gateway_answers(till: Till) -> None:
    attempt_id = _ruled_out_by_a_slip(till)
    till.bank.fates += [Fate.NEVER] * 3
    with capture_logs() as logs:
        _tell(till, PaymentMoved(attempt_id, taken=True))
        till.pass_time(60)
    assert [one["event"] for one in logs if one["log_level"] == "critical"] == ["gateway_contradicts_itself"]
    assert till.work.waiting() == []
    assert till.attempt(attempt_id).verify_since is None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # days of looks
def test_a_notice_that_nobody_confirms_for_a_day_is_given_to_a_person(till: Till) -> None:
    attempt_id = _ruled_out_by_a_slip(till)
    till.bank.fates += [Fate.NEVER] * 1000
    with capture_logs() as logs:
        _tell(till, PaymentMoved(attempt_id, taken=True))
        till.pass_time(patience.FOR_A_PERSON_AFTER_S - 1)
        assert [one for one in logs if one["log_level"] == "error"] == []
        till.pass_time(2 * patience.LOOK_AT_MOST_S)
    assert [one["event"] for one in logs if one["log_level"] == "error"] == ["notice_for_a_person"]
    assert till.work.waiting() == []
    with till.engine.begin() as tx:
        last = tx.execute(sa.select(schema.attempt_move).order_by(schema.attempt_move.c.id.desc())).first()
    assert last is not None
    assert (last.event, last.state) == ("unverified", State.FENCED)


def test_a_second_notice_makes_no_second_chain_of_looks(till: Till) -> None:
    attempt_id = _ruled_out_by_a_slip(till)
    till.bank.fates += [Fate.NEVER] * 100
    before = len(till.bank.looked_up)
    for number in range(3):
        _tell(till, PaymentMoved(attempt_id, taken=True), f"evt_{number}")
    till.run_due()
    assert len(till.bank.looked_up) == before + 1
    assert [one.job for one in till.work.waiting()].count(VERIFY_ATTEMPT) == 1


def test_a_notice_while_a_notice_is_looked_into_has_its_own_look(till: Till) -> None:
    attempt_id = _ruled_out_by_a_slip(till)
    _tell(till, PaymentMoved(attempt_id, taken=True))

    def meanwhile() -> None:
        till.bank.before_answer = lambda: None
        _tell(till, PaymentMoved(attempt_id, taken=True), "evt_2")

    till.bank.before_answer = meanwhile
    till.bank.fates += [Fate.LOST_REPLY]
    with capture_logs() as logs:
        till.run_due()
    assert [one["event"] for one in logs if one["log_level"] == "critical"] == ["gateway_contradicts_itself"]


def test_a_notice_never_fences(till: Till) -> None:
    """Whoever waits for a person is asked about: nothing that could come is ruled out by that."""
    attempt_id = _lose_sight(till, Fate.NEVER)
    with till.engine.begin() as tx:
        till.attempts.advance(tx, attempt_id, Event.GIVE_TO_A_PERSON)
    _tell(till, PaymentMoved(attempt_id, taken=True))
    till.run_due()
    assert till.bank.looked_up == [(attempt_id, False)]
    assert till.state(attempt_id) is State.FOR_A_PERSON


def test_a_notice_during_a_look_makes_us_look_now(till: Till) -> None:
    attempt_id = _lose_sight(till, Fate.LATE)
    till.bank.fates += [Fate.NEVER] * 4
    till.pass_time(9)
    till.clock.advance(7)

    def paid_meanwhile() -> None:
        """The look finds nothing yet; before we hear so, the charge arrives and is told."""
        till.bank.before_answer = lambda: None
        till.bank.deliver()
        _tell(till, PaymentMoved(attempt_id, taken=True))

    till.bank.before_answer = paid_meanwhile
    till.bank.fates.append(Fate.LOST_REPLY)
    till.run_due()
    assert till.state(attempt_id) is State.APPROVED, "the notice's own look was dropped"


@pytest.mark.parametrize("notice", [PaymentMoved("attempt_of_nobody"), RefundMoved("refund_of_nobody"), None])
def test_a_notice_about_nothing_of_ours_is_kept_and_does_nothing(till: Till, notice: Notice | None) -> None:
    assert _tell(till, notice)
    assert till.work.waiting() == []


def test_a_payment_of_another_gateway_is_left_alone(till: Till) -> None:
    attempt_id = _lose_sight(till, Fate.LOST_REPLY)
    with till.engine.begin() as tx:
        tx.execute(sa.update(schema.attempt).values(gateway="other"))
    jobs = till.attempt(attempt_id).jobs
    _tell(till, PaymentMoved(attempt_id))
    assert till.attempt(attempt_id).jobs == jobs


def test_events_are_forgotten_when_nobody_repeats_them_any_more(till: Till) -> None:
    _tell(till, None, "evt_old")
    till.clock.advance(KEPT_DAYS * 86_400 + 1)
    _tell(till, None, "evt_new")
    assert till.cashier.notices.forget(till.clock.now()) == 1
    assert _events(till) == ["evt_new"]


# Refunds --------------------------------------------------------------------------------------------------


def test_a_refund_that_is_unknown_is_looked_up_and_one_that_is_over_is_verified(till: Till) -> None:
    attempt_id = till.paid()
    with till.engine.begin() as tx:
        refund = till.cashier.ask_refund(tx, attempt_id, 1_000, asked_by="ana")
    till.bank.fates += [Fate.LOST_REPLY, Fate.NEVER]
    till.run_due()
    _tell(till, RefundMoved(refund.id), "evt_1")
    till.run_due()
    assert till.told(attempt_id) == ["approved", "refunded"]
    _tell(till, RefundMoved(refund.id), "evt_2")
    assert VERIFY_REFUND in {one.job for one in till.work.waiting()}
    del till.bank.refunded[refund.id]
    till.bank.refund_declined.add(refund.id)  # the payer's bank sent it back
    with capture_logs() as logs:
        till.run_due()
    assert [one["event"] for one in logs if one["log_level"] == "error"] == ["refund_came_back"]
    assert till.told(attempt_id) == ["approved", "refunded", "refund_declined"]
    assert till.attempt(attempt_id).refunded_minor == 0
    assert till.bill(till.attempt(attempt_id).bill_id) == (4_000, 0)
    assert till.ledger() == till.bank.money() == {attempt_id: 4_000}
    _tell(till, RefundMoved(refund.id), "evt_3")
    till.run_due()
    assert till.ledger() == {attempt_id: 4_000}


def test_what_was_given_back_by_hand_is_told_and_the_books_stay(till: Till) -> None:
    attempt_id = till.paid()
    with till.engine.begin() as tx:
        till.cashier.ask_refund(tx, attempt_id, 1_000, asked_by="a test")
    till.bank.fates += [Fate.LOST_REPLY]
    till.run(next(one for one in till.work.waiting() if one.job == REFUND_PAYMENT))
    _tell(till, GivenBack(attempt_id, 1_000), "evt_1")  # our own answer was lost
    till.run_due()
    _tell(till, GivenBack(attempt_id, 1_000), "evt_2")
    assert _differences(till, attempt_id) == []
    with capture_logs() as logs:
        _tell(till, GivenBack(attempt_id, 3_500), "evt_3")
    assert [one["event"] for one in logs if one["log_level"] == "error"] == ["given_back_elsewhere"]
    [told] = _differences(till, attempt_id)
    assert told.kind is Difference.GIVEN_BACK_ELSEWHERE
    assert told.note == "the gateway gave back 35.00 EUR in all, and by our books 10.00 EUR"
    till.run_due()
    till.assert_settled()


def test_a_late_notice_of_a_refund_that_came_back_since_is_no_difference(till: Till) -> None:
    attempt_id = till.paid()
    with till.engine.begin() as tx:
        refund = till.cashier.ask_refund(tx, attempt_id, 1_000, asked_by="ana")
    till.run_due()
    given_at = till.clock.now()
    till.pass_time(3600)
    _tell(till, RefundMoved(refund.id), "evt_1")
    del till.bank.refunded[refund.id]
    till.bank.refund_declined.add(refund.id)
    till.run_due()
    _tell(till, GivenBack(attempt_id, 1_000), "evt_2", given_at)
    kinds = [one.kind for one in _differences(till, attempt_id)]
    assert kinds == [Difference.REFUND_CAME_BACK]
    till.pass_time(3600)
    _tell(till, GivenBack(attempt_id, 1_000), "evt_3", till.clock.now())  # and now by hand
    assert _differences(till, attempt_id)[-1].kind is Difference.GIVEN_BACK_ELSEWHERE


def test_what_was_given_back_of_no_payment_of_ours_is_only_a_hint(till: Till) -> None:
    """As a gateway tells it that only lets go of what it held."""
    _tell(till, GivenBack("attempt_of_nobody", 1_000), "evt_1")
    attempt_id = _lose_sight(till, Fate.NEVER)
    till.pass_time(60)
    looks = len(till.bank.looked_up)
    _tell(till, GivenBack(attempt_id, 4_000), "evt_2")
    till.run_due()
    assert len(till.bank.looked_up) == looks + 1
    assert _differences(till, attempt_id) == []


def _differences(till: Till, attempt_id: str) -> list[differences.Told]:
    with till.engine.begin() as tx:
        return differences.of_payment(tx, attempt_id)


# Disputes -------------------------------------------------------------------------------------------------


def _dispute(charge: str, state: DisputeState = DisputeState.OPEN) -> Disputed:
    return Disputed("dp_1", charge, 4_000, "EUR", "fraudulent", state, NOON + timedelta(days=7))


def test_a_dispute_is_told_when_it_opens_and_when_it_is_decided_and_not_again(till: Till) -> None:
    attempt_id = till.paid()
    for number, state in enumerate(
        [DisputeState.OPEN, DisputeState.OPEN, DisputeState.LOST, DisputeState.OPEN]
    ):
        _tell(till, _dispute(f"ref_{attempt_id}", state), f"evt_{number}")
    assert till.told(attempt_id) == ["approved", "disputed open", "disputed lost"]
    with till.engine.begin() as tx:
        kept = tx.execute(sa.select(schema.dispute)).one()
    assert (kept.state, kept.attempt_id, kept.opened_at) == ("lost", attempt_id, till.clock.now())
    till.assert_settled()


def test_an_inquiry_that_becomes_a_chargeback_has_a_later_end_and_is_told_once(till: Till) -> None:
    """Both are open; a notice that was late, of the inquiry, does not bring its end back."""
    attempt_id = till.paid()
    inquiry = replace(_dispute(f"ref_{attempt_id}"), amount_minor=1_000, reason="general", answer_by=None)
    chargeback = _dispute(f"ref_{attempt_id}")
    earlier = replace(inquiry, answer_by=NOON + timedelta(days=2))
    for number, told in enumerate([inquiry, earlier, chargeback, earlier, inquiry]):
        _tell(till, told, f"evt_{number}")
    with till.engine.begin() as tx:
        [shown] = disputes.listed(tx, 5)
    assert (shown.amount_minor, shown.reason, shown.answer_by) == (
        4_000,
        "fraudulent",
        NOON + timedelta(days=7),
    )
    assert till.told(attempt_id) == ["approved", "disputed open"]


def test_a_dispute_of_no_charge_of_ours_is_kept(till: Till) -> None:
    _tell(till, _dispute("ref_of_nobody"))
    with till.engine.begin() as tx:
        assert tx.execute(sa.select(schema.dispute.c.attempt_id)).one() == (None,)


def _charge_of(till: Till, reference: str) -> None:
    with till.engine.begin() as tx:
        tx.execute(sa.update(schema.attempt).values(gateway_reference=reference))


def test_a_dispute_that_comes_before_its_payment_is_known_is_told_once_it_is(till: Till) -> None:
    attempt_id = _lose_sight(till, Fate.LOST_REPLY)
    _tell(till, _dispute(f"ref_{attempt_id}"))
    _tell(till, replace(_dispute("ref_of_another"), reference="dp_2"), "evt_2")
    assert till.told(attempt_id) == ["unknown"]
    with capture_logs() as logs:
        till.run_due()
    assert till.told(attempt_id) == ["unknown", "approved", "disputed open"]
    assert [one["dispute"] for one in logs if one["event"] == "payment_disputed"] == ["dp_1"]
    _tell(till, _dispute(f"ref_{attempt_id}"), "evt_3")
    assert till.told(attempt_id) == ["unknown", "approved", "disputed open"], "and not a second time"
    with till.engine.begin() as tx:
        tied = tx.execute(sa.select(schema.dispute.c.reference, schema.dispute.c.attempt_id)).all()
    assert {tuple(row) for row in tied} == {("dp_1", attempt_id), ("dp_2", None)}


def test_a_dispute_that_was_tied_before_is_not_told_again_when_its_payment_is_approved(till: Till) -> None:
    attempt_id = _lose_sight(till, Fate.LOST_REPLY)
    _charge_of(till, f"ref_{attempt_id}")  # kept before it was confirmed
    _tell(till, _dispute(f"ref_{attempt_id}"))
    till.run_due()
    assert till.told(attempt_id) == ["unknown", "disputed open", "approved"]


@pytest.mark.parametrize("state", list(DisputeState))
def test_a_dispute_that_was_left_untied_is_tied_when_it_is_heard_again(
    till: Till, state: DisputeState
) -> None:
    attempt_id = till.paid()
    _tell(till, _dispute("ref_strange", state))
    _charge_of(till, "ref_strange")
    _tell(till, _dispute("ref_strange", state), "evt_2")
    _tell(till, _dispute("ref_strange", state), "evt_3")
    assert till.told(attempt_id) == ["approved", f"disputed {state}"]


def test_a_dispute_of_a_charge_that_two_payments_hold_is_of_the_first_one_paid(till: Till) -> None:
    """A person's mistake of the past, which is refused today."""
    first = till.paid()
    till.clock.advance(60)
    till.paid()
    _charge_of(till, "ref_shared")
    with capture_logs() as logs:
        assert _tell(till, _dispute("ref_shared"))
    assert till.told(first) == ["approved", "disputed open"]
    assert "one_charge_of_two_payments" in [one["event"] for one in logs]


# Payouts --------------------------------------------------------------------------------------------------


def _line(number: int, net_minor: int) -> PayoutLine:
    return PayoutLine(
        reference=f"txn_{number}",
        kind=LineKind.CHARGE,
        gateway_kind="charge",
        gross_minor=net_minor + 20,
        fee_minor=20,
        net_minor=net_minor,
        currency="EUR",
        occurred_at=NOON,
        available_on=NOON,
        charge_reference=f"ref_{number}",
        order_key=f"attempt_{number}",
    )


PAYOUT = PayoutSettled("po_1", 300, "EUR", NOON)


def test_a_payout_is_kept_once_and_read_when_the_gateway_answers(till: Till, bank: TellingBank) -> None:
    bank.lines, bank.away = (_line(1, 100), _line(2, 200)), 2
    _tell(till, PAYOUT, "evt_1")
    _tell(till, PAYOUT, "evt_2")
    till.pass_time(AGAIN_AFTER_S[0] + AGAIN_AFTER_S[1] + 1)
    with till.engine.begin() as tx:
        payout = tx.execute(sa.select(schema.payout)).one()
        lines = tx.execute(sa.select(schema.payout_line).order_by(schema.payout_line.c.reference)).all()
    assert payout.read_at is not None
    assert [(one.reference, one.net_minor, one.attempt_id) for one in lines] == [
        ("txn_1", 100, "attempt_1"),
        ("txn_2", 200, "attempt_2"),
    ]
    till.handlers[READ_PAYOUT](payout.id, 0)
    with till.engine.begin() as tx:
        assert tx.execute(sa.select(sa.func.count()).select_from(schema.payout_line)).scalar_one() == 2


def test_a_payout_that_does_not_add_up_is_kept_and_told(till: Till, bank: TellingBank) -> None:
    bank.lines = (_line(1, 100),)
    _tell(till, PAYOUT)
    with capture_logs() as logs:
        till.run_due()
    told = [one for one in logs if one["event"] == "payout_does_not_add_up"]
    assert [(one["payout"], one["difference_minor"]) for one in told] == [("po_1", 200)]


def test_a_gateway_that_never_answers_is_given_up_with_an_error(till: Till, bank: TellingBank) -> None:
    bank.away = len(AGAIN_AFTER_S) + 1
    _tell(till, PAYOUT)
    with capture_logs() as logs:
        till.pass_time(sum(AGAIN_AFTER_S) + 10)
    assert [one["event"] for one in logs if one["log_level"] == "error"] == ["payout_not_read"]
    assert RESOLVE_ATTEMPT not in {one.job for one in till.work.waiting()}
