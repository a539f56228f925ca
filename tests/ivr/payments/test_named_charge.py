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
from tests.support.link_gateway import LinkBank
from tests.support.payment_services import Till
from tests.support.unresolved_payment import for_a_person


def test_its_own_charge_is_taken(till: Till) -> None:
    waits = for_a_person(till, Fate.LOST_REPLY)
    assert till.cashier.charge_of(waits, f"ref_{waits}") == VerifiedReference(f"ref_{waits}", is_proven=True)


@pytest.mark.parametrize("unchecked", [True, False])
def test_a_charge_of_another_payment_is_never_recorded(till: Till, *, unchecked: bool) -> None:
    """Also where our books do not know of the other."""
    waits = for_a_person(till, Fate.LOST_REPLY)
    refused = f"^ref_other is not the charge of payment {till.attempt(waits).reference}: the bank calls it"
    with pytest.raises(ChargeRefusedError, match=refused):
        till.cashier.charge_of(waits, "ref_other", unchecked=unchecked)


def test_where_nothing_was_taken_no_charge_is(till: Till) -> None:
    waits = for_a_person(till, Fate.NEVER)
    with pytest.raises(ChargeRefusedError, match="the bank took nothing for it"):
        till.cashier.charge_of(waits, f"ref_{waits}", unchecked=True)


def test_silence_is_overruled_by_a_person_who_says_so(till: Till) -> None:
    waits = for_a_person(till, Fate.LOST_REPLY)
    till.bank.fates.extend([Fate.NEVER, Fate.NEVER])
    with pytest.raises(ChargeRefusedError, match=r"try again, or add --unchecked"):
        till.cashier.charge_of(waits, "ref_seen")
    assert till.cashier.charge_of(waits, "ref_seen", unchecked=True) == VerifiedReference(
        "ref_seen", is_proven=False
    )


def test_what_is_left_out_is_looked_for(till: Till) -> None:
    waits = for_a_person(till, Fate.LOST_REPLY)
    assert till.cashier.charge_of(waits, None) == VerifiedReference(f"ref_{waits}", is_proven=True)
    till.bank.fates.append(Fate.NEVER)
    assert till.cashier.charge_of(waits, None) == VerifiedReference(None, is_proven=False)
    assert till.bank.fenced == set(), "a question changes nothing"


def test_only_unchecked_overrules_a_gateway_that_denies_a_charge(till: Till) -> None:
    waits = for_a_person(till, Fate.NEVER)
    till.bank.fenced.add(waits)
    with pytest.raises(ChargeRefusedError, match=r"nothing was taken for payment .* \(fenced\)"):
        till.cashier.charge_of(waits, None)
    assert till.cashier.charge_of(waits, None, unchecked=True) == VerifiedReference(None, is_proven=False)


@pytest.mark.slow
def test_of_a_link_too(till: Till) -> None:
    bank = LinkBank(till.clock)
    till = Till(till.engine, till.clock, till.ids, bank)
    link = till.linked()
    till.run_due()
    bank.pay(link)
    bank.fates.extend([Fate.NEVER] * 1000)
    till.close_link(link)
    with capture_logs():
        till.pass_time(timeouts.NEEDS_REVIEW_AFTER_S + 600)
    assert till.state(link) is State.NEEDS_REVIEW
    bank.fates.clear()
    assert till.cashier.charge_of(link, None) == VerifiedReference(f"ref_{link}", is_proven=True)
    assert till.cashier.charge_of(link, f"ref_{link}") == VerifiedReference(f"ref_{link}", is_proven=True)


def test_only_a_payment_under_review_is_looked_up(till: Till) -> None:
    paid = till.paid()
    assert till.cashier.charge_of(paid, "ref_any") == VerifiedReference("ref_any", is_proven=False)
    assert till.bank.looked_up == []


def test_a_charge_recorded_for_two_payments_is_booked_and_reported(till: Till) -> None:
    """Nothing is lost: the payment whose charge it is gets it, and finance hears that two have it."""
    waits = for_a_person(till, Fate.NEVER)
    owner = till.confirmed()
    with till.engine.begin() as tx:
        till.cashier.decide(tx, waits, Word.APPROVED, who="ana", gateway_reference=f"ref_{owner}")
    with capture_logs() as logs:
        till.run_due()
    assert till.state(owner) is State.APPROVED
    assert till.ledger()[owner] == 4_000
    with till.engine.begin() as tx:
        [told] = history.discrepancies_of(tx, owner)
        assert history.discrepancies_of(tx, waits) == []
    assert told.kind is Difference.CHARGE_OF_TWO_PAYMENTS
    assert till.attempt(waits).reference in told.note
    assert "charge_of_two_payments" in [one["event"] for one in logs if one["log_level"] == "error"]


def test_two_charges_without_a_reference_are_not_one(till: Till) -> None:
    for waits in [for_a_person(till, Fate.LOST_REPLY) for _ in range(2)]:
        with till.engine.begin() as tx:
            till.cashier.decide(tx, waits, Word.APPROVED, who="ana")
            assert history.discrepancies_of(tx, waits) == []


@pytest.mark.parametrize("is_named", [True, False])
def test_a_proven_charge_is_booked_even_if_a_person_gave_it_to_another_payment(
    till: Till, *, is_named: bool
) -> None:
    """Both wait for a person, and the word on the first one was wrong: the second is no dead end."""
    wrong, owner = for_a_person(till, Fate.NEVER), for_a_person(till, Fate.LOST_REPLY)
    with till.engine.begin() as tx:
        till.cashier.decide(tx, wrong, Word.APPROVED, who="ana", gateway_reference=f"ref_{owner}")
    charge = till.cashier.charge_of(owner, f"ref_{owner}" if is_named else None)
    with capture_logs(), till.engine.begin() as tx:
        till.cashier.decide(
            tx,
            owner,
            Word.APPROVED,
            who="ana",
            gateway_reference=charge.reference,
            is_proven=charge.is_proven,
        )
        [told] = history.discrepancies_of(tx, owner)
    assert told.kind is Difference.CHARGE_OF_TWO_PAYMENTS
    assert till.ledger()[owner] == 4_000


def test_an_unproven_charge_is_never_taken_from_another_payment(till: Till) -> None:
    paid, waits = till.paid(), for_a_person(till, Fate.LOST_REPLY)
    till.bank.fates.append(Fate.NEVER)
    charge = till.cashier.charge_of(waits, f"ref_{paid}", unchecked=True)
    with pytest.raises(ReferenceTakenError), till.engine.begin() as tx:
        till.cashier.decide(
            tx,
            waits,
            Word.APPROVED,
            who="ana",
            gateway_reference=charge.reference,
            is_proven=charge.is_proven,
        )
