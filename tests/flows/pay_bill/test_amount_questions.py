"""How much is paid: what is offered, keyed, refused and confirmed."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.language import (
    Amount,
    Ask,
    LinkFacts,
)
from flows.pay_bill.flow import flow
from tests.flows.pay_bill.decisions import EUR, decide, owing, words


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


def test_without_a_person_to_call_a_link_is_offered_again() -> None:
    linked = owing(due=0, minimum=0, link=LinkFacts("10000002", Amount(4990, EUR), 60))
    assert decide("go_on", linked)[0] == "offer_link_again"
    assert decide("offer_link_again", linked)[0] == "offer_link"
    assert decide("go_on", owing())[0] == "offer"
