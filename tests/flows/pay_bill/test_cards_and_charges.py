"""Which card pays, what is confirmed first, and what a declined one leads to."""

from dataclasses import replace

import pytest

from flows.language import (
    Amount,
    CardFacts,
    Charge,
    Choose,
    CollectCard,
)
from flows.pay_bill.charge import CARDS_MAX
from flows.pay_bill.flow import flow
from tests.flows.pay_bill.decisions import EUR, decide, owing, words


def test_three_declined_cards_and_then_another_way() -> None:
    state = owing(amount=Amount(4990, EUR))
    seen = []
    for last_four in ("0001", "0002", "0003"):
        step, state = decide("count_card", replace(state, card=CardFacts("visa", last_four)))
        assert state.card is None
        seen.append(step)
    assert seen == ["card_declined", "card_declined", "cards_declined"]
    assert state.cards_declined == CARDS_MAX
    assert flow.step("card_declined").exits == {"then": "take_card"}
    assert flow.step("cards_declined").exits == {"then": "another_way"}


def test_both_ways_of_declining_count_the_card() -> None:
    assert flow.step("take_card").exits["try_another_card"] == "count_card"
    assert flow.step("charge").exits["try_another_card"] == "count_card"


def test_with_tokens_the_card_is_keyed_before_the_confirmation() -> None:
    state = owing(amount=Amount(4990, EUR), card_first=True)
    assert decide("order", state)[0] == "take_card"
    keyed = replace(state, card=CardFacts("visa", "4242"))
    assert decide("card_keyed", keyed)[0] == "confirm"
    assert decide("order", keyed)[0] == "confirm", "a card that is keyed is not asked again"


def test_with_authorization_the_confirmation_comes_before_the_card() -> None:
    state = owing(amount=Amount(4990, EUR), card_first=False)
    assert decide("order", state)[0] == "confirm_amount"
    assert decide("order", replace(state, card=CardFacts("visa", "4242")))[0] == "confirm_amount"
    assert decide("card_keyed", replace(state, card=CardFacts("visa", "4242")))[0] == "charge"
    assert flow.step("confirm_amount").options["1"] == "take_card"


def test_no_charge_without_a_confirmed_amount() -> None:
    """Only a key pressed at a read-back, or a card keyed after one, leads to the charge."""
    assert _leading_to("charge") == {"confirm", "confirm_or_keep", "card_keyed"}
    assert _leading_to("charge_and_keep") == {"confirm_or_keep"}
    assert _leading_to("charge_saved_card") == {"offer_saved_card"}
    assert _leading_to("take_card") == {
        "order",
        "find_saved_card",
        "offer_saved_card",
        "confirm_amount",
        "other_card",
        "card_declined",
        "needs_authentication",
    }


def _leading_to(name: str) -> set[str]:
    return {step.name for step in flow.steps.values() if name in step.exits.values()}


def test_all_charges_end_alike() -> None:
    """A saved card that is declined counts as any other, and is followed by one that is keyed."""
    charges = [step for step in flow.steps.values() if step.wait is Charge]
    assert len(charges) == 3
    assert all(step.exits == charges[0].exits for step in charges)


def test_saved_cards_are_a_way_of_their_own_only_where_they_may_be() -> None:
    state = owing(amount=Amount(4990, EUR), saved_cards=True)
    keyed = replace(state, card=CardFacts("visa", "4242"))
    assert decide("order", state)[0] == "find_saved_card"
    assert decide("order", keyed)[0] == decide("card_keyed", keyed)[0] == "may_keep"
    authorizing = replace(keyed, card_first=False)
    assert decide("order", authorizing)[0] == "confirm_amount"
    assert decide("card_keyed", authorizing)[0] == "charge"


def test_one_charge_alone_keeps_the_card() -> None:
    state = owing(amount=Amount(4990, EUR), card=CardFacts("visa", "4242"))
    charges = [flow.step(name).run(state) for name in ("charge", "charge_and_keep", "charge_saved_card")]
    shown = [(one.keep_card, one.saved_card) for one in charges if isinstance(one, Charge)]
    assert shown == [(False, False), (True, False), (False, True)]


def test_another_card_forgets_this_one() -> None:
    step, state = decide("other_card", owing(card=CardFacts("visa", "4242")))
    assert (step, state.card) == ("take_card", None)


@pytest.mark.parametrize(
    ("brand", "english", "spanish"),
    [
        ("visa", "Visa ending in 4 2 4 2.", "Visa terminada en 4 2 4 2."),
        ("amex", "American Express ending in 4 2 4 2.", "American Express terminada en 4 2 4 2."),
        ("novel", "Card ending in 4 2 4 2.", "Tarjeta terminada en 4 2 4 2."),
    ],
)
def test_card_and_amount_are_read_back(brand: str, english: str, spanish: str) -> None:
    state = owing(amount=Amount(2050, EUR), card=CardFacts(brand, "4242"))
    confirm = flow.step("confirm").run(state)
    assert isinstance(confirm, Choose)
    assert words(confirm).startswith(f"{english} To pay 20 euros and 50 cents, press 1.")
    assert words(confirm, "es").startswith(f"{spanish} Para pagar 20 euros y 50 céntimos, pulse 1.")


def test_what_is_charged_is_what_was_chosen() -> None:
    state = owing(4990, amount=Amount(2050, EUR))
    charge, collect = flow.step("charge").run(state), flow.step("take_card").run(state)
    assert isinstance(charge, Charge)
    assert isinstance(collect, CollectCard)
    assert charge.amount == collect.amount == Amount(2050, EUR)


@pytest.mark.parametrize("step", ["charge", "take_card", "confirm", "confirm_amount"])
def test_nothing_is_asked_or_charged_without_an_amount(step: str) -> None:
    with pytest.raises(LookupError, match="no step has brought an amount"):
        flow.step(step).run(owing(card=CardFacts("visa", "4242")))
