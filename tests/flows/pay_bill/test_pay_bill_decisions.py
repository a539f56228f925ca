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
    ("keyed", "currency", "leads_to", "minor"),
    [
        ("10", "EUR", "confirm_keyed", 1000),
        ("20*50", "EUR", "confirm_keyed", 2050),
        ("49*90", "EUR", "confirm_keyed", 4990),
        ("049*90", "EUR", "unclear", None),
        ("050", "EUR", "unclear", None),  # 50, or 0.50 as on a shop's terminal
        ("9*99", "EUR", "too_little", None),
        ("0*50", "EUR", "too_little", None),
        ("0", "EUR", "too_little", None),
        ("49*91", "EUR", "too_much", None),
        ("50", "EUR", "too_much", None),
        ("1050", "EUR", "too_much", None),  # 1,050, and never 10.50
        ("12*5", "EUR", "unclear", None),  # 12.50, or 12.05
        ("12*", "EUR", "unclear", None),
        ("12*500", "EUR", "unclear", None),
        ("12**50", "EUR", "unclear", None),
        ("1*2*50", "EUR", "unclear", None),
        ("*12", "EUR", "unclear", None),  # 0.12, or 12 behind a star that clears
        ("*50", "EUR", "unclear", None),
        ("**", "EUR", "unclear", None),
        ("4990", "JPY", "confirm_keyed", 4990),
        ("49*90", "JPY", "unclear", None),
        ("4990*00", "JPY", "unclear", None),
        ("4*500", "KWD", "confirm_keyed", 4500),
        ("4", "KWD", "confirm_keyed", 4000),
        ("4*50", "KWD", "unclear", None),
        ("4*5", "KWD", "unclear", None),
    ],
)
def test_an_amount_is_keyed_in_whole_units_with_a_star_for_the_point(
    keyed: str, currency: str, leads_to: str, minor: int | None
) -> None:
    step, state = decide("hear_amount", owing(currency=currency, keyed=keyed))
    assert step == leads_to
    assert state.amount == (None if minor is None else Amount(minor, currency))
    assert state.keyed == "", "it may be of a card"


@settings(deadline=None)
@given(
    due=st.integers(1, 10**9),
    share=st.floats(0, 1),
    keyed=st.from_regex(r"[0-9]{1,12}(\*[0-9]{2})?", fullmatch=True),
)
def test_no_keyed_amount_is_ever_chosen_outside_the_bounds(due: int, share: float, keyed: str) -> None:
    """Also where the carrier cuts the keys at the number that the question allows."""
    minimum = max(1, int(due * share))
    state = owing(due, minimum)
    ask = flow.step("ask_amount").run(state)
    assert isinstance(ask, Ask)
    assert ask.at_most is not None
    step, after = decide("hear_amount", replace(state, keyed=keyed[: ask.at_most]))
    units, _, cents = keyed.partition("*")
    if after.amount is not None:
        assert minimum <= after.amount.minor <= due
        assert after.amount.minor == int(units) * 100 + int(cents or 0)
        assert step == "confirm_keyed"
    else:
        assert step in {"too_little", "too_much", "unclear"}


def test_pay_all_is_what_is_due() -> None:
    assert decide("pay_all", owing(4990)) == ("order", owing(4990, amount=Amount(4990, EUR)))


@pytest.mark.parametrize(
    ("minimum", "menu"), [(1000, "offer_part"), (4989, "offer_part"), (4990, "offer_whole")]
)
def test_another_amount_is_offered_only_where_there_is_one(minimum: int, menu: str) -> None:
    assert decide("offer", owing(4990, minimum))[0] == menu


@pytest.mark.parametrize(
    ("due", "currency", "question", "example", "keys_max"),
    [
        (
            4990,
            "EUR",
            "Between euros and cents, press star.",
            "49 euros and 90 cents, enter 4, 9, star, 9, 0",
            6,
        ),
        (
            5000,
            "GBP",
            "Between pounds and pence, press star.",
            "49 pounds and 50 pence, enter 4, 9, star, 5, 0",
            6,
        ),
        (5000, "JPY", "", "5,000 yen, enter 5 0 0 0", 6),
        (900, "KWD", "Between Kuwaiti dinars and fils, press star.", "900 fils, enter 0, star, 9, 0, 0", 6),
        (90, "KWD", "Between Kuwaiti dinars and fils, press star.", "90 fils, enter 0, star, 0, 9, 0", 6),
        (5, "EUR", "Between euros and cents, press star.", "5 cents, enter 0, star, 0, 5", 5),
        (1000, "EUR", "Between euros and cents, press star.", "10 euros, enter 1 0", 6),
    ],
)
def test_how_an_amount_is_keyed_is_told_by_its_currency(
    due: int, currency: str, question: str, example: str, keys_max: int
) -> None:
    state = owing(due, 1 if due > 1000 else due, currency)
    ask = flow.step("ask_amount").run(state)
    assert isinstance(ask, Ask)
    assert words(ask) == f"Enter the amount, then hash. {question}".strip()
    assert (ask.digits, ask.at_most, ask.into, ask.point) == (1, keys_max, "keyed", True)
    assert words(flow.step("unclear").run(state)) == f"That amount is not clear. For {example}."


def test_no_question_for_an_amount_takes_a_whole_card() -> None:
    ask = flow.step("ask_amount").run(owing(10**15))
    assert isinstance(ask, Ask)
    assert ask.at_most == 12


def test_what_is_refused_as_an_amount_is_told_in_both_languages() -> None:
    """And never said back: it may be of a card."""
    state = owing(4990, 1000, "MXN", amount=Amount(2050, "MXN"))
    told = {
        step: (words(flow.step(step).run(state)), words(flow.step(step).run(state), "es"))
        for step in ("ask_amount", "too_little", "too_much", "unclear", "confirm_keyed")
    }
    assert (
        told["ask_amount"][1]
        == "Marque el importe y después almohadilla. Entre pesos y centavos, pulse asterisco."
    )
    assert told["too_little"] == ("That comes to less than 10 pesos.", "Eso es menos de 10 pesos.")
    assert told["too_much"] == (
        "That is more than there is to pay. For 49 pesos and 90 centavos, enter 4, 9, star, 9, 0.",
        "Eso es más de lo pendiente. Para 49 pesos y 90 centavos, marque 4, 9, asterisco, 9, 0.",
    )
    assert (
        told["unclear"][1]
        == "Ese importe no está claro. Para 49 pesos y 90 centavos, marque 4, 9, asterisco, 9, 0."
    )
    assert told["confirm_keyed"] == (
        "You entered 20 pesos and 50 centavos. If that is right, press 1. Another amount, 2.",
        "Ha marcado 20 pesos y 50 centavos. Si es correcto, pulse 1. Otro importe, 2.",
    )


def test_a_keyed_amount_is_confirmed_by_a_key_before_the_card_in_both_orders() -> None:
    """Where the gateway authorizes at once, by the question that is asked there of every amount."""
    assert decide("hear_amount", owing(keyed="20", card_first=True))[0] == "confirm_keyed"
    menu = flow.step("confirm_keyed")
    assert menu.options == {"1": "order", "2": "ask_amount"}
    assert menu.heard_first == "1"
    assert decide("hear_amount", owing(keyed="20", card_first=False))[0] == "order"
    assert decide("order", owing(amount=Amount(2000, EUR), card_first=False))[0] == "confirm_amount"


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
