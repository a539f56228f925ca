"""Who errs while they key: a star clears what they keyed, and what they key next is heard whole."""

from collections.abc import Callable
from unittest.mock import patch

import pytest
import sqlalchemy as sa

from ivr.calls.turns import Turns
from ivr.platform.database.engine import reading
from ivr.simulators.phone.events import Said
from tests.support import schema
from tests.support.carrier_by_hand import Carrier
from tests.support.payer import CARD, books, call_sid, pay
from tests.support.phone import call_settings
from tests.support.server import ENGLISH, REFERENCE, Server

STRANGER = call_settings(call_sid(2), to_number=ENGLISH, from_number="+34600999888")
MINE = call_settings(call_sid(2), to_number=ENGLISH)
ASKED = "digits of your bill"
OFFER = "< There is 49 euros and 90 cents to pay. To pay it, press 1. Another amount, 2. Another bill, 3."


@pytest.mark.slow
@pytest.mark.parametrize("keyed", ["1234*10203040", "102030*10203040#", "12*34*10203040", "1020304*10203040"])
def test_a_reference_keyed_anew_behind_a_star(server: Server, keyed: str) -> None:
    server.add_bill(phone=None)
    _, lines, _ = pay(server, [keyed, "1", *CARD, "1"], settings=STRANGER)
    assert lines[3] == OFFER
    assert books(server, STRANGER.call_sid, REFERENCE).paid_minor == 4990


@pytest.mark.slow
@pytest.mark.parametrize("keyed", ["300*20#", "1050#", "3*2", "30*", "30**", "**30#", "020#"])
def test_a_star_at_the_amount_clears_nothing(server: Server, keyed: str) -> None:
    """It is the decimal point: `300*20#` is no 20 behind a slip."""
    server.add_bill(phone=None)
    _, lines, _ = pay(server, [REFERENCE, "2", keyed, "20#", "1", *CARD, "1"], settings=STRANGER)
    assert books(server, STRANGER.call_sid, REFERENCE).paid_minor == 2000
    assert len([line for line in lines if line.startswith("< Enter the amount")]) == 2, lines


def test_a_lone_star_at_the_amount_goes_back_and_at_its_confirmation_too(server: Server) -> None:
    server.add_bill(phone=None)
    keyed = [REFERENCE, "2", "*", "2", "20#", "*", "30*50#", "1", *CARD, "1"]
    _, lines, _ = pay(server, keyed, settings=STRANGER)
    assert lines.count("< Enter the amount, then hash. Between euros and cents, press star.") == 3
    assert books(server, STRANGER.call_sid, REFERENCE).paid_minor == 3050


def test_a_key_pressed_ahead_confirms_no_amount(server: Server) -> None:
    """`20*50#1` in one go: the 1 came before the amount could be heard."""
    server.add_bill(phone=None)
    _, lines, _ = pay(server, [REFERENCE, "2", "20*50#1", "(hang up)"], settings=STRANGER)
    assert lines[-3].startswith("< You entered 20 euros and 50 cents."), lines


def test_what_is_refused_as_an_amount_is_not_kept(server: Server) -> None:
    """Eight keys of a card that is keyed there: while the call goes on, no session holds them."""
    server.add_bill(billed_minor=999_999)
    kept: list[str] = []

    def look(event: object) -> None:
        if isinstance(event, Said):
            with reading(server.on.engine) as connection:
                kept.append(repr(connection.execute(sa.select(schema.call.c.session)).scalars().all()))

    pay(server, ["2", "42424242", "00000012", "(hang up)"], settings=MINE, listener=look)
    assert len(kept) > 4
    assert not [session for session in kept if "42424242" in session or "00000012" in session]


OTHER_CARD = "5105105105105100"
"""A Mastercard that nobody asked for: its second digit would say yes."""


@pytest.mark.parametrize("settings", [{}, {"CARD_ENTRY": "pay"}, {"SAVED_CARDS": "yes"}])
def test_another_card_keyed_at_the_confirmation_does_not_pay_with_the_first(
    start_server: Callable[..., Server], settings: dict[str, str]
) -> None:
    server = start_server(**settings)
    server.add_bill()
    _, lines, _ = pay(server, ["1", *CARD, OTHER_CARD, "(hang up)"], settings=MINE)
    server.pass_time(60)
    assert books(server, MINE.call_sid, REFERENCE).states == []
    with reading(server.on.engine) as connection:
        kinds = connection.execute(sa.select(schema.timeline.c.kind)).scalars().all()
    assert kinds.count("card.too_early") == 1
    told = lines.index("< Please do not enter your card yet: I will ask for it.")
    assert lines[told + 1].startswith("< Visa ending in 4 2 4 2. To pay 49 euros and 90 cents, press 1.")


@pytest.mark.slow
def test_a_card_keyed_at_the_offer_rings_nobody(start_server: Callable[..., Server]) -> None:
    server = start_server(PERSON_NUMBER="+34900900900")
    server.add_bill()
    _, lines, _ = pay(server, ["(issuer_down)", "1", *CARD, "1"], settings=MINE)
    assert not any("through to a person" in line for line in lines)
    assert books(server, MINE.call_sid, REFERENCE).paid_minor == 4990


# What was begun when the carrier had trouble --------------------------------------------------------------


@pytest.fixture
def begun(server: Server) -> Carrier:
    """A caller who has keyed `1*102030` as a reference, and is keying on."""
    server.add_bill()
    carrier = Carrier(server)
    carrier.post("/voice/incoming")
    carrier.post("/voice/call_1/t/1", Digits="3")
    server.pass_time(5)
    assert "<Say" not in carrier.post("/voice/call_1/t/2", Digits="1*102030")
    server.pass_time(3)
    return carrier


def test_the_beginning_of_a_reference_is_not_the_reference(server: Server, begun: Carrier) -> None:
    """The turn that brings its end fails, and is asked for again without keys."""
    server.expected |= {"turn_failed"}
    with patch.object(Turns, "take", side_effect=RuntimeError("planted")):
        begun.post("/voice/call_1/t/3", Digits="40")
    assert ASKED in begun.post("/voice/call_1/t/3")


def test_the_fallback_asks_for_the_reference_anew(server: Server, begun: Carrier) -> None:
    server.expected |= {"carrier_fallback"}
    assert "/voice/call_1/t/3#" in begun.post("/voice/fallback", ErrorCode="11205")
    assert ASKED in begun.post("/voice/call_1/t/3")
    assert "To pay, press 1" not in begun.post("/voice/call_1/t/4", Digits="40")
