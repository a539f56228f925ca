"""A card keyed too early is noticed over any cut of it, and the tally cannot give a digit back."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from ivr.calls.early_card import Tally

CARDS = ["4242424242424242", "5555555555554444", "378282246310005", "6011111111111117", "6205500000000000004"]


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("piece", [1, 3, 4, 7, 8])
def test_a_card_in_pieces_is_noticed(card: str, piece: int) -> None:
    tally = Tally()
    for start in range(0, len(card), piece):
        assert not tally.is_a_card or len(card[:start]) >= 13
        tally = tally.add(card[start : start + piece])
    assert tally.is_a_card


@given(st.text(alphabet="0123456789", min_size=1, max_size=24))
def test_the_tally_agrees_with_luhn(digits: str) -> None:
    tally = Tally().add(digits)
    expected = luhn.is_valid(digits) and 13 <= len(digits) <= 19 and tally.like_a_card
    assert tally.is_a_card == expected


def test_an_eight_digit_reference_is_no_card() -> None:
    assert not Tally().add("42424242").is_a_card


def test_the_tally_keeps_too_little_to_know_a_digit() -> None:
    fields = {(t.count, t.plain_sum, t.shifted_sum, t.like_a_card) for t in _tallies_of_four_digits()}
    assert len(fields) <= 200  # ten thousand inputs: at least fifty stand behind each tally


def _tallies_of_four_digits() -> list[Tally]:
    return [Tally().add("".join(four)) for four in itertools.product("0123456789", repeat=4)]
