"""A person names the charge that they found in the dashboard: the gateway is asked before it is believed."""

import pytest
from structlog.testing import capture_logs

from ivr.payments import history, timeouts
from ivr.payments.attempts.manual_review import (
    ChargeRefusedError,
    ReferenceTakenError,
    VerifiedReference,
    Word,
)
from ivr.payments.attempts.states import State
from ivr.payments.history import Difference
from tests.support.fake_gateway import Fate
from tests.support.link_gateway import LinkGateway
from tests.support.payment_services import PaymentServices


def test_its_own_charge_is_taken(services: PaymentServices) -> None:
    waits = services.needs_review(Fate.LOST_REPLY)
    assert services.review.charge_of(waits, f"ref_{waits}") == VerifiedReference(
        f"ref_{waits}", is_proven=True
    )


@pytest.mark.parametrize("unchecked", [True, False])
def test_a_charge_of_another_payment_is_never_recorded(services: PaymentServices, *, unchecked: bool) -> None:
    """Also where our books do not know of the other."""
    waits = services.needs_review(Fate.LOST_REPLY)
    refused = (
        f"^ref_other is not the charge of payment {services.attempt(waits).reference}: the bank calls it"
    )
    with pytest.raises(ChargeRefusedError, match=refused):
        services.review.charge_of(waits, "ref_other", unchecked=unchecked)


def test_where_nothing_was_taken_no_charge_is(services: PaymentServices) -> None:
    waits = services.needs_review(Fate.NEVER_ARRIVES)
    with pytest.raises(ChargeRefusedError, match="the bank took nothing for it"):
        services.review.charge_of(waits, f"ref_{waits}", unchecked=True)


def test_silence_is_overruled_by_a_person_who_says_so(services: PaymentServices) -> None:
    waits = services.needs_review(Fate.LOST_REPLY)
    services.bank.fates.extend([Fate.NEVER_ARRIVES, Fate.NEVER_ARRIVES])
    with pytest.raises(ChargeRefusedError, match=r"try again, or add --unchecked"):
        services.review.charge_of(waits, "ref_seen")
    assert services.review.charge_of(waits, "ref_seen", unchecked=True) == VerifiedReference(
        "ref_seen", is_proven=False
    )


def test_what_is_left_out_is_looked_for(services: PaymentServices) -> None:
    waits = services.needs_review(Fate.LOST_REPLY)
    assert services.review.charge_of(waits, None) == VerifiedReference(f"ref_{waits}", is_proven=True)
    services.bank.fates.append(Fate.NEVER_ARRIVES)
    assert services.review.charge_of(waits, None) == VerifiedReference(None, is_proven=False)
    assert services.bank.fenced == set(), "a question changes nothing"


def test_only_unchecked_overrules_a_gateway_that_denies_a_charge(services: PaymentServices) -> None:
    waits = services.needs_review(Fate.NEVER_ARRIVES)
    services.bank.fenced.add(waits)
    with pytest.raises(ChargeRefusedError, match=r"nothing was taken for payment .* \(fenced\)"):
        services.review.charge_of(waits, None)
    assert services.review.charge_of(waits, None, unchecked=True) == VerifiedReference(None, is_proven=False)


@pytest.mark.slow
def test_of_a_link_too(services: PaymentServices) -> None:
    bank = LinkGateway(services.clock)
    services = PaymentServices(services.engine, services.clock, services.ids, bank)
    link = services.linked()
    services.run_due()
    bank.pay(link)
    bank.fates.extend([Fate.NEVER_ARRIVES] * 1000)
    services.close_link(link)
    with capture_logs():
        services.pass_time(timeouts.NEEDS_REVIEW_AFTER_S + 600)
    assert services.state(link) is State.NEEDS_REVIEW
    bank.fates.clear()
    assert services.review.charge_of(link, None) == VerifiedReference(f"ref_{link}", is_proven=True)
    assert services.review.charge_of(link, f"ref_{link}") == VerifiedReference(f"ref_{link}", is_proven=True)


def test_only_a_payment_under_review_is_looked_up(services: PaymentServices) -> None:
    paid = services.paid()
    assert services.review.charge_of(paid, "ref_any") == VerifiedReference("ref_any", is_proven=False)
    assert services.bank.looked_up == []


def test_a_charge_recorded_for_two_payments_is_booked_and_reported(services: PaymentServices) -> None:
    """Nothing is lost: the payment whose charge it is gets it, and finance hears that two have it."""
    waits = services.needs_review(Fate.NEVER_ARRIVES)
    owner = services.confirmed()
    with services.engine.begin() as tx:
        services.review.decide(tx, waits, Word.APPROVED, who="ana", gateway_reference=f"ref_{owner}")
    with capture_logs() as logs:
        services.run_due()
    assert services.state(owner) is State.APPROVED
    assert services.ledger()[owner] == 4_000
    with services.engine.begin() as tx:
        [told] = history.discrepancies_of(tx, owner)
        assert history.discrepancies_of(tx, waits) == []
    assert told.kind is Difference.CHARGE_OF_TWO_PAYMENTS
    assert services.attempt(waits).reference in told.note
    assert "charge_of_two_payments" in [one["event"] for one in logs if one["log_level"] == "error"]


def test_two_charges_without_a_reference_are_not_one(services: PaymentServices) -> None:
    for waits in [services.needs_review(Fate.LOST_REPLY) for _ in range(2)]:
        with services.engine.begin() as tx:
            services.review.decide(tx, waits, Word.APPROVED, who="ana")
            assert history.discrepancies_of(tx, waits) == []


@pytest.mark.parametrize("is_named", [True, False])
def test_a_proven_charge_is_booked_even_if_a_person_gave_it_to_another_payment(
    services: PaymentServices, *, is_named: bool
) -> None:
    """Both wait for a person, and the word on the first one was wrong: the second is no dead end."""
    wrong, owner = services.needs_review(Fate.NEVER_ARRIVES), services.needs_review(Fate.LOST_REPLY)
    with services.engine.begin() as tx:
        services.review.decide(tx, wrong, Word.APPROVED, who="ana", gateway_reference=f"ref_{owner}")
    charge = services.review.charge_of(owner, f"ref_{owner}" if is_named else None)
    with capture_logs(), services.engine.begin() as tx:
        services.review.decide(
            tx,
            owner,
            Word.APPROVED,
            who="ana",
            gateway_reference=charge.reference,
            is_proven=charge.is_proven,
        )
        [told] = history.discrepancies_of(tx, owner)
    assert told.kind is Difference.CHARGE_OF_TWO_PAYMENTS
    assert services.ledger()[owner] == 4_000


def test_an_unproven_charge_is_never_taken_from_another_payment(services: PaymentServices) -> None:
    paid, waits = services.paid(), services.needs_review(Fate.LOST_REPLY)
    services.bank.fates.append(Fate.NEVER_ARRIVES)
    charge = services.review.charge_of(waits, f"ref_{paid}", unchecked=True)
    with pytest.raises(ReferenceTakenError), services.engine.begin() as tx:
        services.review.decide(
            tx,
            waits,
            Word.APPROVED,
            who="ana",
            gateway_reference=charge.reference,
            is_proven=charge.is_proven,
        )
