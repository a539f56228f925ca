"""A bill that its source says is paid, or withdraws, while a link for it is open: the link is closed, and who
paid all the same is told to finance.
"""

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from ivr.bills import store
from ivr.bills.bill import Bill, BillChangeError, NewBill, Status
from ivr.bills.store import Change
from ivr.payments import history
from ivr.payments.attempts import store as attempt_store
from ivr.payments.attempts.states import Method, State
from ivr.payments.history import Difference
from ivr.payments.links import store as link_store
from ivr.payments.links.payer_view import Stage, paying
from ivr.payments.links.store import open_links
from tests.support import schema
from tests.support.fake_gateway import Fate
from tests.support.link_gateway import LinkBank, tell, texts
from tests.support.payment_services import Till

PHONE = "+34600111222"


def _bill(till: Till, attempt_id: str) -> Bill:
    bill_id = till.attempt(attempt_id).bill_id
    with till.engine.begin() as tx:
        return store.get(tx, bill_id)


def _say(till: Till, attempt_id: str, status: Status | None, elsewhere_minor: int | None = None) -> Change:
    """The bill's source says so."""
    bill = _bill(till, attempt_id)
    new = NewBill(
        reference=bill.reference,
        currency="EUR",
        billed_minor=bill.billed_minor,
        minimum_minor=1,
        paid_elsewhere_minor=elsewhere_minor,
        status=status,
    )
    with till.engine.begin() as tx:
        return store.upsert(tx, new, "api", clock=till.clock, ids=till.ids)


def _open_link(till: Till) -> str:
    attempt_id = till.linked()
    till.run_due()
    assert till.state(attempt_id) is State.LINK_OPEN
    return attempt_id


def _differences(till: Till, attempt_id: str) -> list[Difference]:
    with till.engine.begin() as tx:
        return [one.kind for one in history.discrepancies_of(tx, attempt_id)]


def test_a_bill_that_was_paid_elsewhere_has_its_link_closed(till: Till, bank: LinkBank) -> None:
    link = _open_link(till)
    assert till.cashier.sweep() == 0
    assert _say(till, link, Status.PAID) is Change.CHANGED
    assert _say(till, link, Status.PAID) is Change.UNCHANGED
    told = _bill(till, link)
    assert (told.status, told.payable_minor, told.reserved_minor) == (Status.PAID, 0, 4_000)
    assert till.cashier.sweep() == 1
    assert till.cashier.sweep() == 0, "it is being closed"
    till.run_due()
    assert till.state(link) is State.CANCELLED
    assert not bank.pay(link)
    after = _bill(till, link)
    assert (after.status, after.paid_elsewhere_minor, after.said_elsewhere_minor) == (
        Status.PAID,
        10_000,
        None,
    )
    assert _differences(till, link) == []
    assert _say(till, link, Status.PAID) is Change.UNCHANGED
    till.assert_settled()


def test_an_open_link_holds_its_part_of_the_bill(till: Till, bank: LinkBank) -> None:
    """Also no part that the link does not hold, however long the gateway is silent."""
    link = _open_link(till)
    _say(till, link, Status.PAID)
    bill_id = till.attempt(link).bill_id
    assert till.make(bill_id, 1_000) is None
    till.cashier.sweep()
    bank.fates.extend([Fate.NEVER] * 3)
    till.run_due()
    assert till.state(link) is State.LINK_CLOSING
    assert till.make(bill_id, 1_000) is None
    till.pass_time(600)
    assert till.state(link) is State.CANCELLED
    assert till.make(bill_id, 1_000) is None
    assert _bill(till, link).is_paid


@pytest.mark.parametrize("status", [Status.PAID, Status.WITHDRAWN])
def test_a_link_paid_before_it_was_closed_is_reported_to_finance(
    till: Till, bank: LinkBank, status: Status
) -> None:
    link = _open_link(till)
    _say(till, link, status)
    bank.pay(link)
    till.cashier.sweep()
    with capture_logs() as logs:
        till.run_due()
    attempt = till.attempt(link)
    assert attempt.state is State.APPROVED
    assert till.bill(attempt.bill_id) == (4_000, 0)
    kind = Difference.PAID_ELSEWHERE_TOO if status is Status.PAID else Difference.PAID_THOUGH_WITHDRAWN
    assert _differences(till, link) == [kind]
    assert kind in [one["event"] for one in logs if one["log_level"] == "error"]
    after = _bill(till, link)
    assert after.status is status
    assert after.paid_elsewhere_minor == (10_000 if status is Status.PAID else 0)
    with till.engine.begin() as tx:
        refund = till.cashier.refunds.ask(tx, link, asked_by="finance")
    till.run_due()
    assert refund.amount_minor == 4_000
    assert _bill(till, link).status is status, "what was given back is not owed again"
    till.assert_settled()


def test_a_webhook_that_is_faster_than_the_sweep(till: Till, bank: LinkBank) -> None:
    link = _open_link(till)
    _say(till, link, Status.PAID)
    bank.pay(link)
    tell(till, link)
    till.run_due()
    assert till.state(link) is State.APPROVED
    assert _differences(till, link) == [Difference.PAID_ELSEWHERE_TOO]
    assert till.cashier.sweep() == 0
    till.assert_settled()


def test_a_part_that_was_paid_elsewhere_leaves_the_rest_due(till: Till, bank: LinkBank) -> None:
    link = _open_link(till)
    assert _say(till, link, None, 6_000) is Change.CHANGED, "it leaves what the link holds"
    assert till.cashier.sweep() == 0
    assert _say(till, link, None, 7_000) is Change.CHANGED
    assert _bill(till, link).payable_minor == 0
    assert till.cashier.sweep() == 1
    till.run_due()
    after = _bill(till, link)
    assert (after.paid_elsewhere_minor, after.payable_minor, after.status) == (7_000, 3_000, Status.OPEN)
    assert till.make(after.id, 3_000) is not None


def test_a_source_may_take_its_word_back(till: Till, bank: LinkBank) -> None:
    link = _open_link(till)
    _say(till, link, Status.PAID)
    assert _say(till, link, Status.OPEN, 0) is Change.CHANGED
    assert till.cashier.sweep() == 0
    assert bank.pay(link)
    tell(till, link)
    till.run_due()
    assert _differences(till, link) == []
    assert _bill(till, link).paid_elsewhere_minor == 0
    till.assert_settled()


@pytest.mark.parametrize("has_link_too", [True, False])
def test_while_a_card_is_charged_the_word_is_refused(
    till: Till, bank: LinkBank, *, has_link_too: bool
) -> None:
    bill_id = till.add_bill(8_000)
    link = till.linked(bill_id) if has_link_too else None
    till.run_due()
    card = till.make(bill_id)
    assert card is not None
    with pytest.raises(BillChangeError, match=r"^status cannot be set to paid .* try again later"):
        _say(till, card, Status.PAID)
    with pytest.raises(BillChangeError, match=r"^paid_elsewhere .* try again later"):
        _say(till, card, None, 8_000)
    till.confirm(card)
    till.run_due()
    assert _say(till, card, Status.PAID) is Change.CHANGED
    if link is not None:
        till.cashier.sweep()
        till.run_due()
        assert till.state(link) is State.CANCELLED
    assert (_bill(till, card).paid_minor, _bill(till, card).paid_elsewhere_minor) == (4_000, 4_000)
    till.assert_settled()


def test_two_links_of_one_bill_are_both_closed_before_it_is_paid(till: Till, bank: LinkBank) -> None:
    bill_id = till.add_bill(8_000)
    first, second = till.linked(bill_id), till.linked(bill_id)
    till.run_due()
    _say(till, first, Status.PAID)
    bank.pay(first)
    assert till.cashier.sweep() == 2
    till.run_due()
    assert (till.state(first), till.state(second)) == (State.APPROVED, State.CANCELLED)
    assert _differences(till, first) == [Difference.PAID_ELSEWHERE_TOO]
    assert _differences(till, second) == []
    after = _bill(till, first)
    assert (after.paid_minor, after.paid_elsewhere_minor, after.reserved_minor) == (4_000, 8_000, 0)
    till.assert_settled()


@pytest.mark.parametrize("status", [Status.PAID, Status.WITHDRAWN])
def test_a_link_that_nobody_opened_yet_is_never_sent(till: Till, bank: LinkBank, status: Status) -> None:
    link = till.linked()
    _say(till, link, status)
    till.run_due()
    assert till.state(link) is State.ABANDONED
    assert (bank.sent, texts(till)) == ([], [])
    assert _bill(till, link).status is status
    till.assert_settled()


@pytest.mark.parametrize("status", [Status.PAID, Status.WITHDRAWN])
def test_from_that_moment_the_payer_is_not_led_to_the_page(
    till: Till, bank: LinkBank, status: Status
) -> None:
    link = _open_link(till)
    with till.engine.begin() as tx:
        kept = link_store.of(tx, attempt_store.get(tx, link))
        assert kept is not None
        assert len(open_links(tx, payer_phone=PHONE)) == 1
    _say(till, link, status)
    with till.engine.begin() as tx:
        assert open_links(tx, payer_phone=PHONE) == []
        found = paying(tx, kept.token.reveal(), till.clock.now())
    assert found is not None
    assert found.stage is Stage.CONFIRMING


def test_a_card_charge_of_a_bill_withdrawn_meanwhile_is_reported(till: Till) -> None:
    card = till.confirmed()
    _say(till, card, Status.WITHDRAWN)
    with capture_logs() as logs:
        till.run_due()
    assert till.attempt(card).method is Method.CARD
    assert _differences(till, card) == [Difference.PAID_THOUGH_WITHDRAWN]
    assert "paid_though_withdrawn" in [one["event"] for one in logs]


def test_the_database_never_holds_less_than_is_being_paid(till: Till) -> None:
    """A word that waits, and an amount that is corrected downwards at once."""
    link = _open_link(till)
    _say(till, link, None, 5_000)
    bill = _bill(till, link)
    lower = NewBill(reference=bill.reference, currency="EUR", billed_minor=8_000, minimum_minor=1)
    with till.engine.begin() as tx:
        said = store.upsert_all(tx, [lower], "api", clock=till.clock, ids=till.ids)
        assert said == [store.Stored(Change.CHANGED, closes_link=True)], "the door says that it is closed"
        row = tx.execute(sa.select(schema.bill)).one()
    assert (row.billed_minor, row.paid_elsewhere_minor, row.said_elsewhere_minor) == (8_000, 4_000, 5_000)
