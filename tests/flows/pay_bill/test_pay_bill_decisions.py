"""What pay_bill decides by itself: pure functions of the state."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.language import (
    Amount,
    Ask,
    BillFacts,
    CardFacts,
    Charge,
    Choose,
    CollectCard,
    End,
    Go,
    Kind,
    LinkFacts,
    Prompts,
    ReceiptFacts,
    Tell,
    Words,
    speak,
)
from flows.pay_bill.bill import Bill
from flows.pay_bill.charge import CARDS_MAX
from flows.pay_bill.flow import flow
from tests.support import call_time

EUR = "EUR"
PROMPTS = Prompts.load(flow.folder, ["en", "es"])


def owing(due: int = 4990, minimum: int = 1000, currency: str = EUR, **more: Any) -> Bill:
    facts = BillFacts("12345678", Amount(due, currency), Amount(minimum, currency))
    return Bill(bill=facts, **more)


def decide(step: str, state: Bill) -> tuple[str, Bill]:
    """The step that follows, and the state it finds."""
    answer = flow.step(step).run(state)
    assert isinstance(answer, Go)
    return flow.step(step).exits[answer.exit], answer.state or state


def words(wait: object, language: str = "en") -> str:
    say = getattr(wait, "say", None)
    assert say is not None
    (said,) = speak(say, language, PROMPTS)
    assert isinstance(said, Words)
    return said.text


# How much -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keyed", "leads_to", "amount"),
    [
        ("1000", "order", 1000),
        ("2050", "order", 2050),
        ("4990", "order", 4990),
        ("04990", "order", 4990),
        ("999", "too_little", None),
        ("49", "too_little", None),
        ("0", "too_little", None),
        ("4991", "too_much", None),
        ("499000", "too_much", None),
    ],
)
def test_an_amount_is_within_the_minimum_and_what_is_due(
    keyed: str, leads_to: str, amount: int | None
) -> None:
    step, state = decide("hear_amount", owing(keyed=keyed))
    assert step == leads_to
    assert state.amount == (None if amount is None else Amount(amount, EUR))


@settings(deadline=None)
@given(due=st.integers(1, 10**9), share=st.floats(0, 1), keyed=st.integers(0, 10**12))
def test_no_keyed_amount_is_ever_chosen_outside_the_bounds(due: int, share: float, keyed: int) -> None:
    """Also where the carrier cuts the keys at the number that the question allows."""
    minimum = max(1, int(due * share))
    state = owing(due, minimum)
    ask = flow.step("ask_amount").run(state)
    assert isinstance(ask, Ask)
    assert ask.at_most is not None
    step, after = decide("hear_amount", replace(state, keyed=str(keyed)[: ask.at_most]))
    if minimum <= keyed <= due:
        assert (step, after.amount) == ("order", Amount(keyed, EUR))
    else:
        assert step in {"too_little", "too_much"}
        assert after.amount is None


def test_pay_all_is_what_is_due() -> None:
    assert decide("pay_all", owing(4990)) == ("order", owing(4990, amount=Amount(4990, EUR)))


@pytest.mark.parametrize(
    ("minimum", "menu"), [(1000, "offer_part"), (4989, "offer_part"), (4990, "offer_whole")]
)
def test_another_amount_is_offered_only_where_there_is_one(minimum: int, menu: str) -> None:
    assert decide("offer", owing(4990, minimum))[0] == menu


@pytest.mark.parametrize(
    ("due", "minimum", "currency", "says", "at_most"),
    [
        (4990, 1000, "EUR", "For 10 euros, the least, press 1 0 0 0 and hash.", 6),
        (5000, 1, "JPY", "For 1 yen, the least, press 1 and hash.", 6),
        (9_000, 1_500, "KWD", "For 1 Kuwaiti dinar and 500 fils, the least, press 1 5 0 0 and hash.", 6),
    ],
)
def test_the_example_fits_the_currency(
    due: int, minimum: int, currency: str, says: str, at_most: int
) -> None:
    ask = flow.step("ask_amount").run(owing(due, minimum, currency))
    assert isinstance(ask, Ask)
    assert words(ask).endswith(says)
    assert (ask.digits, ask.at_most, ask.into) == (1, at_most, "keyed")


def test_another_bill_forgets_the_amount_and_star_leads_back_to_this_one() -> None:
    owed = owing(amount=Amount(4990, EUR))
    step, state = decide("other_bill", owed)
    assert step == "ask_reference"
    assert (state.bill, state.amount) == (owed.bill, None)


@pytest.mark.parametrize(("minor", "leads_to"), [(4990, "order"), (4991, "offer")])
def test_a_card_takes_the_place_of_a_link_where_as_much_is_owed(minor: int, leads_to: str) -> None:
    assert decide("take_its_place", owing(amount=Amount(minor, EUR)))[0] == leads_to


def test_where_nobody_can_be_rung_a_link_is_offered_again_and_never_a_bill_of_nothing() -> None:
    linked = owing(due=0, minimum=0, link=LinkFacts("10000002", Amount(4990, EUR), 60))
    assert decide("go_on", linked)[0] == "offer_link_again"
    assert decide("offer_link_again", linked)[0] == "offer_link"
    assert decide("go_on", owing())[0] == "offer"


# Cards ----------------------------------------------------------------------------------------------------


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


def test_where_the_gateway_makes_tokens_the_card_comes_before_the_confirmation() -> None:
    state = owing(amount=Amount(4990, EUR), card_first=True)
    assert decide("order", state)[0] == "take_card"
    keyed = replace(state, card=CardFacts("visa", "4242"))
    assert decide("card_keyed", keyed)[0] == "confirm"
    assert decide("order", keyed)[0] == "confirm", "a card that is keyed is not asked again"


def test_where_the_gateway_authorizes_the_confirmation_comes_before_the_card() -> None:
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
    charges = [step for step in flow.steps.values() if step.kind is Kind.CHARGE]
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


def test_what_is_agreed_to_is_what_was_asked() -> None:
    for brand in ("visa", "novel"):
        state = owing(amount=Amount(4990, EUR), card=CardFacts(brand, "4242"))
        asked, charge = (flow.step(name).run(state) for name in ("confirm_or_keep", "charge_and_keep"))
        assert isinstance(asked, Choose)
        assert isinstance(charge, Charge)
        assert charge.agreed == asked.say
    plain = flow.step("charge").run(owing(amount=Amount(4990, EUR)))
    assert isinstance(plain, Charge)
    assert (plain.agreed, plain.saved_card) == (None, False)


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


# How it ends ----------------------------------------------------------------------------------------------


def receipt(*, texted: bool) -> Bill:
    return owing(receipt=ReceiptFacts("10000001", Amount(4990, EUR), texted))


@pytest.mark.parametrize("step", ["receipt", "promise"])
def test_a_text_is_promised_only_where_one_is_sent(step: str) -> None:
    spoken_reference = "1 0 0 0, 0 0 0 1"
    for language, text in (("en", "text"), ("es", "mensaje")):
        texted = words(flow.step(step).run(receipt(texted=True)), language)
        spoken = words(flow.step(step).run(receipt(texted=False)), language)
        assert text in texted
        assert text not in spoken
        assert texted.count(spoken_reference) == 1
        assert spoken.count(spoken_reference) == 2, "what nobody texts is said twice"


@pytest.mark.parametrize("texted", [True, False])
def test_an_unknown_outcome_is_called_neither_declined_nor_paid(texted: bool) -> None:
    promise = flow.step("promise").run(receipt(texted=texted))
    assert isinstance(promise, End)
    for language, forbidden, warning in (
        ("en", ("declin", "not accept", "not charged", "have paid", "fail"), "do not pay again"),
        ("es", ("rechaz", "no ha aceptado", "no se le ha cobrado", "ha pagado"), "no pague otra vez"),
    ):
        said = words(promise, language)
        assert warning in said
        assert not [word for word in forbidden if word in said.lower()]


@pytest.mark.parametrize(
    "step",
    [
        "card_declined",
        "cards_declined",
        "no_cards_now",
        "refused",
        "needs_authentication",
        "no_longer_due",
        "not_sent",
    ],
)
def test_who_was_not_charged_is_told_so(step: str) -> None:
    """Where the gateway holds the amount first, the caller's bank shows it: they are told of that too."""
    for held in (False, True):
        wait = flow.step(step).run(owing(card_first=not held, may_be_pending=held))
        assert "not charged" in words(wait)
        assert "no se le ha cobrado" in words(wait, "es").lower()
        shown = held and step in {"no_cards_now", "not_sent"}
        assert ("pending" in words(wait)) == shown == ("pendiente" in words(wait, "es"))


@pytest.mark.parametrize(
    ("bill", "leads_to"), [(None, "ask_reference"), (BillFacts("1", Amount(1, EUR), Amount(1, EUR)), "offer")]
)
def test_where_no_person_answers_the_call_goes_on(bill: BillFacts | None, leads_to: str) -> None:
    assert flow.step(flow.person).exits == {"unanswered": "nobody_now", "nobody": "nobody_now"}
    assert decide("go_on", Bill(bill=bill))[0] == leads_to


def test_a_merchant_without_a_name_is_not_greeted_by_a_comma() -> None:
    assert flow.step("greet").run(Bill()) == Tell(None)
    assert (
        words(flow.step("greet").run(Bill(merchant="Demo Town Hall"))) == "Demo Town Hall, payments by phone."
    )
    assert decide("arrive", Bill(language_known=True))[0] == "find_callers_bill"
    assert decide("arrive", Bill())[0] == "ask_language"


# How long it takes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", call_time.rows(), ids=str)
def test_the_way_to_a_payment_is_short(row: call_time.Row) -> None:
    assert row.seconds <= row.seconds_max, row
