"""A key that moves money or agrees, pressed before it was named, moves nothing, however slow the network."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import pytest
import sqlalchemy as sa

from ivr.platform.clock import Clock
from ivr.platform.database.engine import reading
from ivr.simulators.phone.engine import Call
from ivr.simulators.phone.events import Paused, PhoneEvent, Said
from ivr.simulators.phone.keys import CallerHangUp
from ivr.simulators.phone.pay import PayHabits
from ivr.simulators.phone.transport import Form, HttpAnswer, Transport
from tests.support import schema
from tests.support.carrier_by_hand import Carrier, turn_after
from tests.support.carrier_pay import carriers_habits
from tests.support.payer import CARD, call_sid, pay
from tests.support.phone import REACTION_S, call_settings
from tests.support.script import ScriptedCaller, Transcript, read_line
from tests.support.server import ENGLISH, SPANISH, Server
from tests.support.server_checks import NAMES

pytestmark = pytest.mark.slow

Start = Callable[..., Server]
SAVED = {"SAVED_CARDS": "yes"}


@dataclass
class SlowTransport:
    """Every webhook and every answer is seconds on its way."""

    inner: Transport
    clock: Clock
    seconds: float

    def post(self, url: str, form: Form, headers: Mapping[str, str]) -> HttpAnswer:
        self.clock.sleep(self.seconds)
        answer = self.inner.post(url, form, headers)
        self.clock.sleep(self.seconds)
        return answer


class EagerCaller(ScriptedCaller):
    """Behind their lines they press one key in the midst of each sentence that does not yet name it, and at
    each pause between two, but never once it is named.
    """

    def __init__(self, lines: Sequence[str], key: str, did: Callable[[str], None]) -> None:
        super().__init__([read_line(line, NAMES) for line in lines], did)
        self._key = key
        self.pressed = 0

    def meanwhile(self, event: PhoneEvent) -> str | CallerHangUp:
        early = isinstance(event, Paused) or (isinstance(event, Said) and not self._names(event.text))
        if self.left or not early:
            return ""
        self.pressed += 1
        return self._key

    def _names(self, text: str) -> bool:
        return text.endswith(
            (f"press {self._key}.", f"pulse {self._key}.", f" {self._key}.", f"{self._key}.")
        )


def _moved(server: Server) -> list[tuple[object, ...]]:
    """All that money, or a card that is kept, has to do with."""
    attempt, card = schema.attempt.c, schema.saved_card.c
    with reading(server.on.engine) as connection:
        return [
            tuple(row)
            for query in (sa.select(attempt.id, attempt.state), sa.select(card.id, card.state))
            for row in connection.execute(query.order_by(sa.text("1")))
        ]


def _usual(server: Server) -> None:
    server.add_bill()


def _with_a_saved_card(server: Server) -> None:
    server.add_bill()
    pay(server, ("1", *CARD, "7"), settings=call_settings(call_sid(1), to_number=ENGLISH))
    server.pass_time(60)
    server.add_bill("20304050")


def _with_a_link(server: Server) -> None:
    server.add_bill()
    pay(
        server,
        ("1", "(authentication)", *CARD[1:], "1"),
        settings=call_settings(call_sid(1), to_number=ENGLISH),
    )
    server.pass_time(60)


MENUS = {
    "confirm": ({}, _usual, ("1", *CARD), "1"),
    "confirm, pay": ({"CARD_ENTRY": "pay"}, _usual, ("1", *CARD), "1"),
    "keep: pay": (SAVED, _usual, ("1", *CARD), "1"),
    "keep: keep": (SAVED, _usual, ("1", *CARD), "7"),
    "keep: keep, pay": ({**SAVED, "CARD_ENTRY": "pay"}, _usual, ("1", *CARD), "7"),
    "the amount, authorize": ({"SANDBOX_CARD_ENTRY": "authorize"}, _usual, ("1",), "1"),
    "the saved card": (SAVED, _with_a_saved_card, ("1",), "1"),
    "delete": (SAVED, _with_a_saved_card, ("1", "9"), "1"),
    "link: a card": ({}, _with_a_link, (), "1"),
    "link: another": ({}, _with_a_link, (), "2"),
}
"""Settings, what was before the call, the way to the menu, and the key that moves something there."""


@pytest.mark.parametrize("keeps_keys", [False, True], ids=["keys are lost", "keys are kept"])
@pytest.mark.parametrize("menu", MENUS)
def test_a_key_ahead_of_its_words_moves_nothing(start_server: Start, menu: str, keeps_keys: bool) -> None:
    settings, before, lines, key = MENUS[menu]
    server = start_server(**settings)
    before(server)
    moved = _moved(server)
    called = SPANISH if keeps_keys else ENGLISH

    def ring(
        sid: int, caller: Callable[[Callable[[str], None]], ScriptedCaller]
    ) -> tuple[str, ScriptedCaller]:
        transcript = Transcript()
        person = caller(transcript.keyed)
        Call(
            replace(
                call_settings(call_sid(sid), to_number=called), reaction_s=REACTION_S, keeps_keys=keeps_keys
            ),
            caller=person,
            transport=SlowTransport(server.transport, server.clock, 3.0),
            clock=server.clock,
            listener=transcript,
            habits=habits(server),
        ).run()
        return transcript.text, person

    said, eager = ring(2, lambda did: EagerCaller(lines, key, did))
    assert isinstance(eager, EagerCaller)
    assert eager.pressed >= 5, said
    assert said.count(WAIT[called]) == 2, said
    server.pass_time(30)
    assert _moved(server) == moved
    ring(3, lambda did: ScriptedCaller([read_line(line, NAMES) for line in (*lines, key)], did))
    server.pass_time(60)
    assert _moved(server) != moved, "who waits for the question is slowed by nothing"


def test_a_question_of_the_last_release_is_held_against_the_clock(start_server: Start) -> None:
    """Its addresses do not say which Gather took the key."""
    server = start_server(SANDBOX_CARD_ENTRY="authorize")
    server.add_bill()
    carrier = Carrier(server)

    def pressed_after(asked: str, wait_s: float) -> str:
        server.pass_time(wait_s)
        return carrier.post(turn_after(asked).partition("?")[0], Digits="1")

    asked = carrier.post(turn_after(carrier.post("/voice/incoming")), Digits="1")
    assert "?named=" in asked
    dropped = pressed_after(asked, 1)
    assert "/pci/" not in dropped
    again = carrier.post(turn_after(dropped), Digits="")
    assert "/pci/" in pressed_after(again, 30)


WAIT = {ENGLISH: "Please wait for the question.", SPANISH: "Por favor, espere a oír la pregunta."}


def habits(server: Server) -> PayHabits:
    return carriers_habits(server)
