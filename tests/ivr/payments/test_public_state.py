"""The six words for a payment's state that everybody but operators reads."""

import pytest

from ivr.payments.attempts.states import FINAL, PUBLIC, PublicState, State, UnknownStateError, states_of
from ivr.payments.refunds.store import RefundState

WORDS = {
    "pending": {
        *("reserved", "authorizing", "authorized", "claimed", "voiding", "link_open", "link_closing"),
    },
    "approved": {"approved"},
    "declined": {"declined"},
    "not_charged": {"fenced", "abandoned", "voided"},
    "unknown": {"unknown"},
    "needs_review": {"for_a_person"},
}


def test_every_state_has_one_public_word() -> None:
    assert {word: set(states_of(word)) for word in PublicState} == WORDS
    assert {state for states in WORDS.values() for state in states} == set(State)
    assert {PUBLIC[state] for state in FINAL} == {"approved", "declined", "not_charged"}


@pytest.mark.parametrize("state", State)
def test_a_filter_takes_the_old_words_too(state: State) -> None:
    assert states_of(state) == {state}


@pytest.mark.parametrize("word", ["", "Pending", "paid", "asked"])
def test_a_word_that_is_no_state_is_refused(word: str) -> None:
    with pytest.raises(UnknownStateError, match=r"^must be one of pending, approved, declined, not"):
        states_of(word)


def test_refunds_have_the_same_words() -> None:
    assert {state: state.public for state in RefundState} == {
        "asked": "pending",
        "unknown": "unknown",
        "for_a_person": "needs_review",
        "approved": "approved",
        "declined": "declined",
    }
