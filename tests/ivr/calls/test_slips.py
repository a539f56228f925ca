"""Who errs while they key: a star clears what they keyed, and what they key next is heard whole."""

import pytest

from tests.support.payer import CARD, books, call_sid, pay
from tests.support.phone import call_settings
from tests.support.server import ENGLISH, REFERENCE, Server

STRANGER = call_settings(call_sid(2), to_number=ENGLISH, from_number="+34600999888")
OFFER = "< You owe 49 euros and 90 cents. To pay, press 1. Another amount, 2. Another bill, 3."


@pytest.mark.parametrize("keyed", ["1234*10203040", "102030*10203040#", "12*34*10203040", "1020304*10203040"])
def test_a_reference_keyed_anew_behind_a_star(server: Server, keyed: str) -> None:
    server.add_bill(phone=None)
    _, lines, _ = pay(server, [keyed, "1", *CARD, "1"], settings=STRANGER)
    assert lines[3] == OFFER
    assert books(server, STRANGER.call_sid, REFERENCE).paid_minor == 4990


@pytest.mark.parametrize("keyed", [("3000*2000#",), ("3000*2000", "(silence)"), ("300*2000#",)])
def test_an_amount_keyed_anew_behind_a_star(server: Server, keyed: tuple[str, ...]) -> None:
    server.add_bill(phone=None)
    pay(server, [REFERENCE, "2", *keyed, *CARD, "1"], settings=STRANGER)
    assert books(server, STRANGER.call_sid, REFERENCE).paid_minor == 2000
