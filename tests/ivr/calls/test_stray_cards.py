"""Keys that nobody asked for: a card keyed too early, and what is keyed on behind a wrong key."""

import pytest

from ivr.calls import stray_cards
from ivr.calls.step_result import Listen
from tests.support.small_flow import begin, heard, key


def test_a_card_keyed_too_early_is_thrown_away_over_two_turns() -> None:
    once = key(begin(), "42424242")
    assert not once.card_too_early
    twice = key(once, "42424242")
    assert twice.card_too_early
    assert heard(twice) == ["host.card_too_early", "number"]
    assert "42424242" not in str(twice.session.dump())


def test_what_is_keyed_on_behind_a_wrong_key_answers_nothing() -> None:
    """At the menu, 1 and 2 would lead on, and 0 to a person."""
    progress = key(key(begin(), "12345678"), "4")
    for keyed, timeout_s in (("00000000", 1), ("000000", 3), ("2#", 3), ("", 3)):  # however late they arrive
        assert heard(progress) == []
        assert progress.stop == Listen(8, timeout_s)
        assert not progress.card_too_early
        progress = key(progress, keyed, elapsed_s=47.0)
    assert progress.card_too_early
    assert heard(progress) == ["host.card_too_early", "pick"]
    assert progress.stop == Listen(1, 10)
    assert heard(key(progress, "1")) == ["bye"]


@pytest.mark.parametrize("groups", [["000", "1234", "5678", "9010"], ["123", "0000"], ["242", "0123", "1"]])
def test_a_card_in_groups_after_a_wrong_key_answers_nothing(groups: list[str]) -> None:
    progress = key(key(begin(), "12345678"), "4")
    for group in groups:
        progress = key(progress, group)
        assert heard(progress) == []
        assert progress.stop == Listen(8, 3)
    assert heard(key(progress, ""))[-1] == "pick"


@pytest.mark.parametrize(
    "groups", [["000", "00000000", "00021234", "023"], ["000", "00000000", "0002", "1234", "0", "12"]]
)
def test_the_expiry_and_the_code_behind_such_a_card_ring_nobody(groups: list[str]) -> None:
    """However long the pause is between them, up to three seconds."""
    progress = key(key(begin(), "12345678"), "4")
    for group in groups:
        progress = key(progress, group)
        assert heard(progress) == []
        assert progress.stop == Listen(8, 3)
    assert heard(key(progress, "")) == ["host.card_too_early", "pick"]


def test_a_card_that_is_keyed_at_once_behind_a_reference_is_one_too() -> None:
    """What the reference begins with says nothing of what follows it."""
    progress = key(key(key(begin(), "12345678"), "4", elapsed_s=0.3), "000")
    assert progress.stop == Listen(8, 3)
    progress = key(key(key(progress, "00000000"), "0002"), "")
    assert heard(progress) == ["host.card_too_early", "pick"]


@pytest.mark.parametrize("more", ["", "#", "1", "*", "0", "12"])
def test_a_wrong_key_is_told_once_nothing_more_is_keyed(more: str) -> None:
    wrong = key(key(begin(), "12345678"), "9")
    assert heard(key(wrong, more)) == ["host.no_match", "pick"]


def test_two_wrong_keys_lead_on() -> None:
    wrong = key(key(key(begin(), "12345678"), "9"), "")
    assert heard(key(key(wrong, "7"), "")) == ["bye"]


def test_whoever_keys_on_without_end_is_led_on() -> None:
    progress = key(key(begin(), "12345678"), "9")
    for _ in range(2 * stray_cards.CLEARINGS_MAX + 1):
        progress = key(progress, "99999999")
    assert heard(progress) == ["bye"]


def test_a_key_ahead_of_a_menu_counts_where_nothing_wrong_was_keyed() -> None:
    assert heard(key(key(begin(), "12345678"), "1", elapsed_s=0.2)) == ["bye"]


def test_a_key_that_came_just_too_late_for_the_silence_counts() -> None:
    silent = key(key(begin(), "12345678"), "")
    assert heard(silent) == ["host.no_input", "pick"]
    assert heard(key(silent, "1", elapsed_s=0.2)) == ["bye"]


def test_a_card_behind_a_false_start_is_thrown_away_too() -> None:
    started = key(begin(), "5555")
    first = key(started, "55555555")
    assert not first.card_too_early
    assert key(first, "55554444").card_too_early
