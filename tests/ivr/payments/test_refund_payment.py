"""Money given back: never more than was paid, never twice, and in the books when it happened."""

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from gateways.contract import Capabilities, CardEntry, UnsupportedError
from gateways.notices import Heard, RefundMoved
from ivr.finance import ledger
from ivr.payments import patience, records
from ivr.payments.decide import Word
from ivr.payments.differences import Difference
from ivr.payments.records import RefundState
from ivr.payments.refund import RefundRefusedError
from ivr.storage import schema
from ivr.work.jobs import REFUND_PAYMENT, VERIFY_REFUND
from tests.support.bank import Fate, KilledError, TruthfulBank
from tests.support.till import Till


def _ask(till: Till, attempt_id: str, amount_minor: int | None = None) -> str:
    with till.engine.begin() as tx:
        return till.cashier.ask_refund(tx, attempt_id, amount_minor, asked_by="ana").id


def _refund(till: Till, refund_id: str) -> records.Refund:
    with till.engine.begin() as tx:
        return records.get_refund(tx, refund_id)


def test_a_full_refund_is_booked_and_the_bill_is_due_again(till: Till) -> None:
    attempt_id = till.paid(amount_minor=4_000)
    refund_id = _ask(till, attempt_id)
    till.run_due()
    refund = _refund(till, refund_id)
    assert refund.state is RefundState.APPROVED
    assert refund.gateway_reference == f"re_{refund_id}"
    assert refund.asked_by == "ana"
    attempt = till.attempt(attempt_id)
    assert attempt.refunded_minor == 4_000
    assert till.bill(attempt.bill_id) == (0, 0)
    assert till.told(attempt_id) == ["approved", "refunded"]
    with till.engine.begin() as tx:
        assert [entry.kind for entry in ledger.for_attempt(tx, attempt_id)] == ["charge", "refund"]
        assert ledger.balance(tx, "gateway:bank:receivable") == {"EUR": 0}
    till.assert_settled()


def test_parts_are_given_back_until_nothing_is_left(till: Till) -> None:
    attempt_id = till.paid(amount_minor=4_000)
    _ask(till, attempt_id, 1_000)
    with pytest.raises(RefundRefusedError, match=r"Only 30\.00 EUR is left"):
        _ask(till, attempt_id, 3_001)
    _ask(till, attempt_id)
    with pytest.raises(RefundRefusedError, match="refunded in full"):
        _ask(till, attempt_id, 1)
    till.run_due()
    assert till.bank.money() == {attempt_id: 0}
    till.assert_settled()


@pytest.mark.parametrize("amount_minor", [0, -1])
def test_an_amount_that_is_not_above_zero_is_refused(till: Till, amount_minor: int) -> None:
    attempt_id = till.paid()
    with pytest.raises(RefundRefusedError, match="above zero"):
        _ask(till, attempt_id, amount_minor)


def test_what_was_not_charged_is_not_refunded(till: Till) -> None:
    attempt_id = till.confirmed("tok_declined")
    till.run_due()
    with pytest.raises(RefundRefusedError, match="is declined: nothing was charged"):
        _ask(till, attempt_id)


def test_a_charge_of_another_gateway_is_not_refunded_here(till: Till) -> None:
    attempt_id = till.paid()
    with till.engine.begin() as tx:
        tx.execute(sa.update(schema.attempt).values(gateway="elsewhere"))
    with pytest.raises(RefundRefusedError, match="was charged by elsewhere"):
        _ask(till, attempt_id)


@pytest.mark.parametrize(("refund", "amount_minor"), [(False, None), (True, 1_000)])
def test_what_the_gateway_does_not_declare_is_refused_before_anything_is_sent(
    engine: sa.Engine, refund: bool, amount_minor: int | None
) -> None:
    till = Till(engine, bank=TruthfulBank(Capabilities(card_entry=CardEntry.TOKENIZE, refund=refund)))
    attempt_id = till.paid()
    with pytest.raises(UnsupportedError, match="bank cannot refund"):
        _ask(till, attempt_id, amount_minor)
    assert till.attempt(attempt_id).refunded_minor == 0
    assert REFUND_PAYMENT not in [one.job for one in till.work.waiting()]
    till.assert_settled()


@pytest.mark.parametrize(
    ("fate", "end"),
    [
        (Fate.LOST_REPLY, RefundState.APPROVED),
        (Fate.BUG, RefundState.APPROVED),
        (Fate.NEVER, RefundState.DECLINED),
        (Fate.LATE, RefundState.DECLINED),
    ],
)
def test_a_refund_whose_answer_is_lost_is_looked_up(till: Till, fate: Fate, end: RefundState) -> None:
    attempt_id = till.paid()
    till.bank.fates.append(fate)
    refund_id = _ask(till, attempt_id)
    till.pass_time(120)
    assert _refund(till, refund_id).state is end
    while till.bank.under_way:
        till.bank.deliver()
    till.assert_settled()


@pytest.mark.parametrize("fate", [Fate.KILLED_BEFORE, Fate.KILLED_AFTER, Fate.KILLED_LATE])
def test_a_killed_worker_refunds_once(till: Till, fate: Fate) -> None:
    attempt_id = till.paid()
    till.bank.fates.append(fate)
    _ask(till, attempt_id)
    job = next(one for one in till.work.waiting() if one.job == REFUND_PAYMENT)
    with pytest.raises(KilledError):
        till.run(job)
    till.run(job)
    till.pass_time(120)
    while till.bank.under_way:
        till.bank.deliver()
    till.assert_settled()


def test_a_declined_refund_can_be_asked_again(till: Till) -> None:
    attempt_id = till.paid(amount_minor=4_000)
    till.bank.refunded["by hand"] = (attempt_id, 4_000)  # in the gateway's dashboard
    refund_id = _ask(till, attempt_id)
    till.run_due()
    refund = _refund(till, refund_id)
    assert (refund.state, refund.gateway_code) == (RefundState.DECLINED, "over_refund")
    attempt = till.attempt(attempt_id)
    assert attempt.refunded_minor == 0
    assert till.bill(attempt.bill_id) == (4_000, 0)
    assert till.told(attempt_id) == ["approved", "refund_declined"]
    del till.bank.refunded["by hand"]
    _ask(till, attempt_id)
    till.run_due()
    till.assert_settled()


@pytest.mark.parametrize("refunded", [True, False])
def test_a_refund_that_stays_unknown_for_a_day_is_decided_by_a_person(till: Till, refunded: bool) -> None:
    attempt_id = till.paid()
    till.bank.fates.extend([Fate.LOST_REPLY if refunded else Fate.NEVER, Fate.NEVER, Fate.NEVER])
    refund_id = _ask(till, attempt_id)
    till.run_due()
    assert _refund(till, refund_id).state is RefundState.UNKNOWN
    till.clock.advance(patience.FOR_A_PERSON_AFTER_S)
    till.run_due()
    assert _refund(till, refund_id).state is RefundState.FOR_A_PERSON
    assert till.work.waiting() == []
    with till.engine.begin() as tx:
        decided = till.cashier.decide_refund(tx, refund_id, refunded=refunded, who="ana")
    assert decided.state is (RefundState.APPROVED if refunded else RefundState.DECLINED)
    till.assert_settled()
    with pytest.raises(ValueError, match="nothing to decide"), till.engine.begin() as tx:
        till.cashier.decide_refund(tx, refund_id, refunded=True, who="ana")


def test_an_answer_that_contradicts_an_earlier_one_changes_nothing(till: Till) -> None:
    attempt_id = till.paid()
    till.bank.fates.append(Fate.LATE)
    refund_id = _ask(till, attempt_id)
    job = next(one for one in till.work.waiting() if one.job == REFUND_PAYMENT)

    def meanwhile() -> None:
        till.bank.before_answer = lambda: None
        with till.engine.begin() as tx:
            tx.execute(sa.update(schema.refund).values(sent_at=till.clock.now()))
        till.pass_time(60)

    till.bank.before_answer = meanwhile
    till.run(job)
    assert _refund(till, refund_id).state is RefundState.DECLINED
    till.bank.deliver()
    till.assert_settled()


# What the gateway says later --------------------------------------------------------------------------------


def _tell(till: Till, refund_id: str, event: str = "evt_1") -> None:
    till.cashier.notices.take(Heard(event, "refund.moved", RefundMoved(refund_id)))


def _refunded(till: Till, amount_minor: int = 4_000) -> tuple[str, str]:
    attempt_id = till.paid(amount_minor=amount_minor)
    refund_id = _ask(till, attempt_id)
    till.run_due()
    assert _refund(till, refund_id).state is RefundState.APPROVED
    return attempt_id, refund_id


def _bounce(till: Till, refund_id: str) -> None:
    """The payer's bank sends the refund back."""
    del till.bank.refunded[refund_id]
    till.bank.refund_declined.add(refund_id)


def _notes(till: Till, attempt_id: str, event: str) -> list[str]:
    moves = schema.attempt_move.c
    with till.engine.begin() as tx:
        query = sa.select(moves.note).where(moves.attempt_id == attempt_id, moves.event == event)
        return list(tx.execute(query.order_by(moves.id)).scalars())


def test_a_refund_that_came_back_is_asked_about_until_the_gateway_answers(till: Till) -> None:
    attempt_id, refund_id = _refunded(till)
    _bounce(till, refund_id)
    till.bank.fates += [Fate.NEVER] * 3
    _tell(till, refund_id)
    till.run_due()
    assert _refund(till, refund_id).state is RefundState.APPROVED
    till.pass_time(60)
    assert till.ledger() == till.bank.money() == {attempt_id: 4_000}
    assert till.work.waiting() == []
    assert _refund(till, refund_id).verify_since is None
    assert _notes(till, attempt_id, Difference.REFUND_CAME_BACK) == [
        f"{refund_id} it came back; 40.00 EUR is owed to the payer"
    ]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # days of looks
def test_a_refund_that_the_gateway_says_nothing_of_for_a_day_is_given_to_a_person(till: Till) -> None:
    attempt_id, refund_id = _refunded(till)
    till.bank.fates += [Fate.NEVER] * 1000
    with capture_logs() as logs:
        _tell(till, refund_id)
        till.pass_time(patience.FOR_A_PERSON_AFTER_S - 1)
        assert [one for one in logs if one["log_level"] == "error"] == []
        till.pass_time(2 * patience.LOOK_AT_MOST_S)
    assert [one["event"] for one in logs if one["log_level"] == "error"] == ["refund_notice_for_a_person"]
    assert len(_notes(till, attempt_id, "refund_unverified")) == 1
    assert till.work.waiting() == []


def test_a_notice_of_a_refund_during_a_look_makes_us_look_now(till: Till) -> None:
    attempt_id = till.paid()
    till.bank.fates += [Fate.LATE] + [Fate.NEVER] * 4
    refund_id = _ask(till, attempt_id)
    till.pass_time(9)
    assert _refund(till, refund_id).state is RefundState.UNKNOWN
    till.clock.advance(7)

    def meanwhile() -> None:
        till.bank.before_answer = lambda: None
        till.bank.deliver()
        _tell(till, refund_id)

    till.bank.before_answer = meanwhile
    till.bank.fates.append(Fate.LOST_REPLY)
    till.run_due()
    assert _refund(till, refund_id).state is RefundState.APPROVED, "the notice's own look was dropped"


def test_a_notice_while_a_refund_is_verified_has_its_own_look(till: Till) -> None:
    attempt_id, refund_id = _refunded(till)
    _bounce(till, refund_id)
    _tell(till, refund_id)

    def meanwhile() -> None:
        till.bank.before_answer = lambda: None
        _tell(till, refund_id, "evt_2")

    till.bank.before_answer = meanwhile
    till.bank.fates.append(Fate.LOST_REPLY)
    till.run_due()
    assert till.ledger() == till.bank.money() == {attempt_id: 4_000}
    assert VERIFY_REFUND not in [one.job for one in till.work.waiting()]


@pytest.mark.parametrize("is_paid", [True, False])
def test_a_refund_that_came_back_while_its_bill_is_being_paid_is_booked_in_the_end(
    till: Till, *, is_paid: bool
) -> None:
    first, refund_id = _refunded(till)
    bill_id = till.attempt(first).bill_id
    second = till.make(bill_id, 10_000)  # all that is due
    assert second is not None
    _bounce(till, refund_id)
    _tell(till, refund_id)
    with capture_logs() as logs:
        till.run_due()
        assert _refund(till, refund_id).state is RefundState.APPROVED
        assert till.bill(bill_id) == (0, 10_000), "nothing is changed under the other payment"
        if is_paid:
            till.confirm(second)
            till.run_due()
        else:
            with till.engine.begin() as tx:
                till.attempts.withdraw(tx, second)
        till.pass_time(60)
    refund = _refund(till, refund_id)
    assert (refund.state, refund.verify_since) == (RefundState.DECLINED, None)
    assert till.ledger() == till.bank.money()
    assert till.bill(bill_id) == (14_000 if is_paid else 4_000, 0)
    assert till.told(first)[-1] == "refund_declined"
    [note] = _notes(till, first, "refund_declined")
    [told] = [one for one in logs if one["log_level"] == "error"]
    assert (told["event"], told["overpaid_minor"]) == ("refund_came_back", 4_000 if is_paid else 0)
    assert ("40.00 EUR too much is paid" in note) == is_paid, "a person reads that it is held twice"
    assert till.work.waiting() == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # days of looks
def test_a_refund_that_came_back_is_not_given_up_while_the_bill_is_held(till: Till) -> None:
    first, refund_id = _refunded(till)
    second = till.make(till.attempt(first).bill_id, 10_000)
    assert second is not None
    till.confirm(second)
    till.bank.fates += [Fate.NEVER, Fate.NEVER, Fate.NEVER]  # its charge, and the looks at it
    till.run_due()
    till.clock.advance(patience.FOR_A_PERSON_AFTER_S)
    till.run_due()
    _bounce(till, refund_id)
    _tell(till, refund_id)
    with capture_logs() as logs:
        till.pass_time(patience.FOR_A_PERSON_AFTER_S + 2 * 3600)
    late = [one for one in logs if one["log_level"] == "error"]
    assert {one["event"] for one in late} == {"refund_came_back_to_a_bill_that_is_being_paid"}
    assert len(late) == 2, "every hour"
    with till.engine.begin() as tx:
        till.cashier.decide(tx, second, Word.NOT_CHARGED, who="ana")
    till.pass_time(3600)
    assert till.ledger() == till.bank.money() == {first: 4_000}


def _declined_by_a_slip(till: Till, amount_minor: int) -> tuple[str, str]:
    """The bank gave it back, and a person said that it did not."""
    attempt_id = till.paid()
    till.bank.fates += [Fate.LOST_REPLY, Fate.NEVER, Fate.NEVER]
    refund_id = _ask(till, attempt_id, amount_minor)
    till.run_due()
    till.clock.advance(patience.FOR_A_PERSON_AFTER_S)
    till.run_due()
    with till.engine.begin() as tx:
        till.cashier.decide_refund(tx, refund_id, refunded=False, who="ana")
    assert till.attempt(attempt_id).refunded_minor == 0
    return attempt_id, refund_id


def test_a_refund_that_was_given_back_after_all_is_booked(till: Till) -> None:
    attempt_id, refund_id = _declined_by_a_slip(till, 4_000)
    _tell(till, refund_id)
    till.run_due()
    assert _refund(till, refund_id).state is RefundState.APPROVED
    assert till.told(attempt_id) == ["approved", "refund_declined", "refunded"]
    with pytest.raises(RefundRefusedError, match="refunded in full"):
        _ask(till, attempt_id)
    till.assert_settled()


def test_a_refund_that_was_given_back_after_all_waits_for_the_one_that_took_its_place(till: Till) -> None:
    attempt_id, refund_id = _declined_by_a_slip(till, 3_000)
    till.bank.fates += [Fate.NEVER, Fate.NEVER]  # nobody knows yet of the second
    again = _ask(till, attempt_id)
    till.run_due()
    _tell(till, refund_id)
    till.run_due()
    assert _refund(till, refund_id).state is RefundState.DECLINED, "more was never given back than was paid"
    till.pass_time(120)
    assert _refund(till, again).state is RefundState.DECLINED
    assert _refund(till, refund_id).state is RefundState.APPROVED
    till.assert_settled()


@pytest.mark.parametrize("is_looked_up", [True, False])
def test_an_answer_that_comes_after_a_persons_word_is_looked_into(till: Till, *, is_looked_up: bool) -> None:
    attempt_id = till.paid()
    refund_id = _ask(till, attempt_id)
    if is_looked_up:
        till.bank.fates.append(Fate.LOST_REPLY)
        till.run(next(one for one in till.work.waiting() if one.job == REFUND_PAYMENT))

    def meanwhile() -> None:
        till.bank.before_answer = lambda: None
        with till.engine.begin() as tx:
            tx.execute(sa.update(schema.refund).values(state=RefundState.FOR_A_PERSON))
            till.cashier.decide_refund(tx, refund_id, refunded=False, who="ana")
        _ask(till, attempt_id)

    till.bank.before_answer = meanwhile
    till.pass_time(60)
    assert _refund(till, refund_id).state is RefundState.APPROVED
    till.assert_settled()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # days of looks
def test_a_refund_that_never_fits_the_books_is_told_aloud_after_a_day(till: Till) -> None:
    attempt_id, refund_id = _declined_by_a_slip(till, 4_000)
    with till.engine.begin() as tx:
        tx.execute(sa.update(schema.attempt).values(refunded_minor=1))
    with capture_logs() as logs:
        _tell(till, refund_id)
        till.pass_time(patience.FOR_A_PERSON_AFTER_S + 2 * patience.LOOK_AT_MOST_S)
    assert [one["event"] for one in logs if one["log_level"] == "critical"] == ["gateway_contradicts_itself"]
    assert _notes(till, attempt_id, "contradiction") == [f"{refund_id} the gateway says approved"]
    assert till.work.waiting() == []


def test_a_refund_that_came_back_is_never_booked_a_second_time(till: Till) -> None:
    attempt_id, refund_id = _refunded(till)
    _bounce(till, refund_id)
    _tell(till, refund_id)
    till.run_due()
    till.bank.refund_declined.clear()
    till.bank.refunded[refund_id] = (attempt_id, 4_000)  # the bank breaks its word
    _tell(till, refund_id, "evt_2")
    till.run_due()
    assert _refund(till, refund_id).state is RefundState.DECLINED
    assert till.ledger() == {attempt_id: 4_000}
