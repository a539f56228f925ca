"""What is heard in `<Pay>` (twilio.com/docs/voice/twiml/pay/prompt), and that nobody sees what is keyed."""

from gateways.secret import Secret
from ivr.simulators.phone.cards import KeyedCard
from ivr.simulators.phone.events import Keyed, KeysAsked, Said
from tests.support.pay_verb_call import AMEX, CARD, CODE, EXPIRY, POSTAL, PROMPTS, VISA, paid
from tests.support.server_checks import card_traces
from tests.support.time_and_ids import ManualClock


def test_of_prompts_that_fit_the_closest_is_said(clock: ManualClock) -> None:
    keyed = [None, "1111#", "2222#", VISA, None, EXPIRY, CODE]
    done = paid(clock, keyed, 'postalCode="false" maxAttempts="3"', PROMPTS)
    assert done.said == [
        "Number.", "No number.", "Wrong again.", "Wrong again.", "Date.", "Date again.", "Three digits.",
        "Wait.",
    ]  # fmt: skip


def test_where_no_prompt_fits_the_carrier_speaks_its_own_words(clock: ManualClock) -> None:
    done = paid(clock, [*CARD], 'postalCode="false" language="es-ES"')
    assert done.said[0] == "Please enter your credit card number."
    assert {event.language for event in done.heard.of(Said)} == {"es-ES"}


def test_a_prompt_may_be_of_one_kind_of_card(clock: ManualClock) -> None:
    assert "Four digits." in paid(clock, [AMEX, EXPIRY, "9731"], prompts=PROMPTS).said
    assert "Not that kind." in paid(clock, ["6011111111111117"], prompts=PROMPTS).said


def test_a_key_cuts_a_prompt_short_and_spills_into_the_next_field(clock: ManualClock) -> None:
    done = paid(clock, [f"{VISA}{EXPIRY}{CODE}"], prompts=PROMPTS)
    assert done.action["Result"] == "success"
    assert done.said == ["Number.", "Wait."]


def test_a_hash_behind_a_whole_field_is_not_the_next_one(clock: ManualClock) -> None:
    assert paid(clock, [f"{VISA}#", f"{EXPIRY}#", f"{CODE}#"]).action["Result"] == "success"


def test_nothing_keyed_is_in_an_event(clock: ManualClock) -> None:
    """Neither of a card nor of one that is refused: dots, whatever the address."""
    done = paid(clock, [VISA, "0120", EXPIRY, CODE, f"{POSTAL}#"], 'maxAttempts="3"')
    assert [event.shown for event in done.heard.of(Keyed)] == ["•" * 16, "••••", "••••", "•••", "•••••#"]
    assert {event.private for event in done.heard.of(KeysAsked)} == {True}
    assert card_traces(repr(done.heard.events)) == []
    assert POSTAL not in repr(done.heard.events)


def test_a_keyed_card_does_not_show_itself() -> None:
    card = KeyedCard(Secret(VISA), "visa", Secret(EXPIRY), Secret(CODE), Secret(POSTAL))
    assert not [word for word in (VISA, EXPIRY, CODE, POSTAL) if word in repr(card)]
