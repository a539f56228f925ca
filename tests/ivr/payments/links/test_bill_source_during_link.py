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
from ivr.payments.links.payer_view import Stage, view_of
from ivr.payments.links.store import open_links
from tests.support import schema
from tests.support.fake_gateway import Fate
from tests.support.link_gateway import LinkGateway
from tests.support.payment_services import PaymentServices

PHONE = "+34600111222"


def _bill(services: PaymentServices, attempt_id: str) -> Bill:
    bill_id = services.attempt(attempt_id).bill_id
    with services.engine.begin() as tx:
        return store.get(tx, bill_id)


def _say(
    services: PaymentServices, attempt_id: str, status: Status | None, elsewhere_minor: int | None = None
) -> Change:
    """The bill's source says so."""
    bill = _bill(services, attempt_id)
    new = NewBill(
        reference=bill.reference,
        currency="EUR",
        billed_minor=bill.billed_minor,
        minimum_minor=1,
        paid_elsewhere_minor=elsewhere_minor,
        status=status,
    )
    with services.engine.begin() as tx:
        return store.upsert(tx, new, "api", clock=services.clock, ids=services.ids)


def _open_link(services: PaymentServices) -> str:
    attempt_id = services.linked()
    services.run_due()
    assert services.state(attempt_id) is State.LINK_OPEN
    return attempt_id


def _differences(services: PaymentServices, attempt_id: str) -> list[Difference]:
    with services.engine.begin() as tx:
        return [one.kind for one in history.discrepancies_of(tx, attempt_id)]


def test_a_bill_that_was_paid_elsewhere_has_its_link_closed(
    services: PaymentServices, bank: LinkGateway
) -> None:
    link = _open_link(services)
    assert services.payments.sweep() == 0
    assert _say(services, link, Status.PAID) is Change.CHANGED
    assert _say(services, link, Status.PAID) is Change.UNCHANGED
    told = _bill(services, link)
    assert (told.status, told.payable_minor, told.reserved_minor) == (Status.PAID, 0, 4_000)
    assert services.payments.sweep() == 1
    assert services.payments.sweep() == 0, "it is being closed"
    services.run_due()
    assert services.state(link) is State.CANCELLED
    assert not bank.pay(link)
    after = _bill(services, link)
    assert (after.status, after.paid_elsewhere_minor, after.said_elsewhere_minor) == (
        Status.PAID,
        10_000,
        None,
    )
    assert _differences(services, link) == []
    assert _say(services, link, Status.PAID) is Change.UNCHANGED
    services.assert_settled()


def test_an_open_link_holds_its_part_of_the_bill(services: PaymentServices, bank: LinkGateway) -> None:
    """Also no part that the link does not hold, however long the gateway is silent."""
    link = _open_link(services)
    _say(services, link, Status.PAID)
    bill_id = services.attempt(link).bill_id
    assert services.make(bill_id, 1_000) is None
    services.payments.sweep()
    bank.fates.extend([Fate.NEVER_ARRIVES] * 3)
    services.run_due()
    assert services.state(link) is State.LINK_CLOSING
    assert services.make(bill_id, 1_000) is None
    services.pass_time(600)
    assert services.state(link) is State.CANCELLED
    assert services.make(bill_id, 1_000) is None
    assert _bill(services, link).is_paid


@pytest.mark.parametrize("status", [Status.PAID, Status.WITHDRAWN])
def test_a_link_paid_before_it_was_closed_is_reported_to_finance(
    services: PaymentServices, bank: LinkGateway, status: Status
) -> None:
    link = _open_link(services)
    _say(services, link, status)
    bank.pay(link)
    services.payments.sweep()
    with capture_logs() as logs:
        services.run_due()
    attempt = services.attempt(link)
    assert attempt.state is State.APPROVED
    assert services.bill(attempt.bill_id) == (4_000, 0)
    kind = Difference.PAID_ELSEWHERE_TOO if status is Status.PAID else Difference.PAID_THOUGH_WITHDRAWN
    assert _differences(services, link) == [kind]
    assert kind in [one["event"] for one in logs if one["log_level"] == "error"]
    after = _bill(services, link)
    assert after.status is status
    assert after.paid_elsewhere_minor == (10_000 if status is Status.PAID else 0)
    with services.engine.begin() as tx:
        refund = services.payments.refunds.ask(tx, link, asked_by="finance")
    services.run_due()
    assert refund.amount_minor == 4_000
    assert _bill(services, link).status is status, "what was given back is not owed again"
    services.assert_settled()


def test_a_webhook_that_is_faster_than_the_sweep(services: PaymentServices, bank: LinkGateway) -> None:
    link = _open_link(services)
    _say(services, link, Status.PAID)
    bank.pay(link)
    services.receive_link(link)
    services.run_due()
    assert services.state(link) is State.APPROVED
    assert _differences(services, link) == [Difference.PAID_ELSEWHERE_TOO]
    assert services.payments.sweep() == 0
    services.assert_settled()


def test_a_part_that_was_paid_elsewhere_leaves_the_rest_due(
    services: PaymentServices, bank: LinkGateway
) -> None:
    link = _open_link(services)
    assert _say(services, link, None, 6_000) is Change.CHANGED, "it leaves what the link holds"
    assert services.payments.sweep() == 0
    assert _say(services, link, None, 7_000) is Change.CHANGED
    assert _bill(services, link).payable_minor == 0
    assert services.payments.sweep() == 1
    services.run_due()
    after = _bill(services, link)
    assert (after.paid_elsewhere_minor, after.payable_minor, after.status) == (7_000, 3_000, Status.OPEN)
    assert services.make(after.id, 3_000) is not None


def test_a_source_may_take_its_word_back(services: PaymentServices, bank: LinkGateway) -> None:
    link = _open_link(services)
    _say(services, link, Status.PAID)
    assert _say(services, link, Status.OPEN, 0) is Change.CHANGED
    assert services.payments.sweep() == 0
    assert bank.pay(link)
    services.receive_link(link)
    services.run_due()
    assert _differences(services, link) == []
    assert _bill(services, link).paid_elsewhere_minor == 0
    services.assert_settled()


@pytest.mark.parametrize("has_link_too", [True, False])
def test_while_a_card_is_charged_the_word_is_refused(
    services: PaymentServices, bank: LinkGateway, *, has_link_too: bool
) -> None:
    bill_id = services.add_bill(8_000)
    link = services.linked(bill_id) if has_link_too else None
    services.run_due()
    card = services.make(bill_id)
    assert card is not None
    with pytest.raises(BillChangeError, match=r"^status cannot be set to paid .* try again later"):
        _say(services, card, Status.PAID)
    with pytest.raises(BillChangeError, match=r"^paid_elsewhere .* try again later"):
        _say(services, card, None, 8_000)
    services.confirm(card)
    services.run_due()
    assert _say(services, card, Status.PAID) is Change.CHANGED
    if link is not None:
        services.payments.sweep()
        services.run_due()
        assert services.state(link) is State.CANCELLED
    assert (_bill(services, card).paid_minor, _bill(services, card).paid_elsewhere_minor) == (4_000, 4_000)
    services.assert_settled()


def test_two_links_of_one_bill_are_both_closed_before_it_is_paid(
    services: PaymentServices, bank: LinkGateway
) -> None:
    bill_id = services.add_bill(8_000)
    first, second = services.linked(bill_id), services.linked(bill_id)
    services.run_due()
    _say(services, first, Status.PAID)
    bank.pay(first)
    assert services.payments.sweep() == 2
    services.run_due()
    assert (services.state(first), services.state(second)) == (State.APPROVED, State.CANCELLED)
    assert _differences(services, first) == [Difference.PAID_ELSEWHERE_TOO]
    assert _differences(services, second) == []
    after = _bill(services, first)
    assert (after.paid_minor, after.paid_elsewhere_minor, after.reserved_minor) == (4_000, 8_000, 0)
    services.assert_settled()


@pytest.mark.parametrize("status", [Status.PAID, Status.WITHDRAWN])
def test_a_link_that_nobody_opened_yet_is_never_sent(
    services: PaymentServices, bank: LinkGateway, status: Status
) -> None:
    link = services.linked()
    _say(services, link, status)
    services.run_due()
    assert services.state(link) is State.ABANDONED
    assert (bank.sent, services.texts()) == ([], [])
    assert _bill(services, link).status is status
    services.assert_settled()


@pytest.mark.parametrize("status", [Status.PAID, Status.WITHDRAWN])
def test_from_that_moment_the_payer_is_not_led_to_the_page(
    services: PaymentServices, bank: LinkGateway, status: Status
) -> None:
    link = _open_link(services)
    with services.engine.begin() as tx:
        kept = link_store.of(tx, attempt_store.get(tx, link))
        assert kept is not None
        assert len(open_links(tx, payer_phone=PHONE)) == 1
    _say(services, link, status)
    with services.engine.begin() as tx:
        assert open_links(tx, payer_phone=PHONE) == []
        found = view_of(tx, kept.token.reveal(), services.clock.now())
    assert found is not None
    assert found.stage is Stage.CONFIRMING


def test_a_card_charge_of_a_bill_withdrawn_meanwhile_is_reported(services: PaymentServices) -> None:
    card = services.confirmed()
    _say(services, card, Status.WITHDRAWN)
    with capture_logs() as logs:
        services.run_due()
    assert services.attempt(card).method is Method.CARD
    assert _differences(services, card) == [Difference.PAID_THOUGH_WITHDRAWN]
    assert "paid_though_withdrawn" in [one["event"] for one in logs]


def test_the_database_never_holds_less_than_is_being_paid(services: PaymentServices) -> None:
    """A word that waits, and an amount that is corrected downwards at once."""
    link = _open_link(services)
    _say(services, link, None, 5_000)
    bill = _bill(services, link)
    lower = NewBill(reference=bill.reference, currency="EUR", billed_minor=8_000, minimum_minor=1)
    with services.engine.begin() as tx:
        said = store.upsert_all(tx, [lower], "api", clock=services.clock, ids=services.ids)
        assert said == [store.Stored(Change.CHANGED, closes_link=True)], "the door says that it is closed"
        row = tx.execute(sa.select(schema.bill)).one()
    assert (row.billed_minor, row.paid_elsewhere_minor, row.said_elsewhere_minor) == (8_000, 4_000, 5_000)
