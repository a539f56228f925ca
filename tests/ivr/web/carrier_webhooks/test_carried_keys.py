"""Keys behind an apology: sealed, of this call and turn, for a minute, and never a piece of a card."""

import pytest

from gateways.secret import Secret
from ivr.web.carrier_webhooks.carried_keys import CarriedKeys, after_apology, may_be_carried
from tests.support.time_and_ids import ManualClock

OLD, NEW = Secret("the old token"), Secret("the new token")


def test_they_come_back_once_more_and_nowhere_else() -> None:
    clock = ManualClock()
    keys = CarriedKeys([OLD], clock)
    assert keys.seal("call_1", 3, "60000019") == ""  # begins as a card does
    sealed = keys.seal("call_1", 3, "10000019")
    assert sealed.isascii()
    assert "10000019" not in sealed
    assert keys.seal("call_1", 3, "10000019") != sealed
    assert keys.open("call_1", 3, sealed) == "10000019"
    assert CarriedKeys([NEW, OLD], clock).open("call_1", 3, sealed) == "10000019"
    changed = sealed[:-2] + ("AA" if sealed[-2:] != "AA" else "BB")
    for call, turn, given in (("call_2", 3, sealed), ("call_1", 4, sealed), ("call_1", 3, changed)):
        assert keys.open(call, turn, given) is None
    assert CarriedKeys([NEW], clock).open("call_1", 3, sealed) is None
    for noise in ("", "x", "ñ", "a" * 500, "===", "\0"):
        assert keys.open("call_1", 3, noise) is None
    clock.advance(61)
    assert keys.open("call_1", 3, sealed) is None


@pytest.mark.parametrize(
    ("keys", "carried"),
    [
        ("1", True), ("0", True), ("*", True), ("10*50", True), ("123456", True), ("12345678", True),
        ("4242424", False), ("42424242", False), ("37828224", False), ("60000019", False), ("5555#", True),
        ("81717171", False), ("", False), ("123456789", False), ("4242*4242", False), ("424242*4", False),
    ],
)  # fmt: skip
def test_what_may_be_a_piece_of_a_card_is_not_carried(keys: str, carried: bool) -> None:
    assert may_be_carried(keys) is carried


@pytest.mark.parametrize(
    ("carried", "pressed", "heard"),
    [
        (None, None, None), ("1", None, "1"), ("1", "", "1"), (None, "2", "2"), ("1", "1", "1"),
        ("1", "2", None), ("10000019", "1", "10000019"),
    ],
)  # fmt: skip
def test_what_the_retry_hears(carried: str | None, pressed: str | None, heard: str | None) -> None:
    assert after_apology(carried, pressed) == heard
