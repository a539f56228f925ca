"""Who asks for slow speech hears it everywhere, in this call and in their next one."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from ivr.platform.database.engine import reading
from tests.support import schema
from tests.support.payer import CARD, call_sid, pay
from tests.support.phone import call_settings
from tests.support.server import ENGLISH, Server

Start = Callable[..., Server]
VOICES = {"SAY_VOICE": "en=Polly.Amy-Neural,es=Google.es-ES-Standard-A"}
SLOW = '<prosody rate="80%">'
FIRST, NEXT = (call_settings(call_sid(number), to_number=ENGLISH) for number in (1, 2))
WITHHELD = call_settings(call_sid(3), to_number=ENGLISH, from_number="anonymous")


def spoken(server: Server, sid: str) -> list[str]:
    """The documents of the web process in this call that say something."""
    with reading(server.on.engine) as connection:
        rows = connection.execute(
            sa.select(schema.call_turn.c.twiml)
            .join(schema.call)
            .where(schema.call.c.call_sid == sid)
            .order_by(schema.call_turn.c.turn)
        ).scalars()
        return [twiml for twiml in rows if "<Say" in twiml]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_slow_speech_is_heard_in_card_entry_too_and_remembered(start_server: Start, kind: str) -> None:
    server = start_server(kind, **VOICES)
    server.add_bill()
    _, lines, _ = pay(server, ["#", "#", "1", *CARD, "1"], settings=FIRST)
    assert lines.count("< I am speaking more slowly.") == 1
    said = spoken(server, FIRST.call_sid)
    assert not any(SLOW in twiml for twiml in said[:2])
    assert all(twiml.count(SLOW) == twiml.count("<Say") for twiml in said[2:])
    with reading(server.pci_parts.engine) as connection:
        entered = connection.execute(sa.text("SELECT twiml FROM card_entry_turn")).scalars().all()
    assert all(twiml.count(SLOW) == twiml.count("<Say") for twiml in entered)
    assert any(SLOW in twiml for twiml in entered)
    server.add_bill("20304050")
    pay(server, ["#", "#", "(hang up)"], settings=NEXT)
    assert SLOW in spoken(server, NEXT.call_sid)[0]
    assert SLOW not in spoken(server, NEXT.call_sid)[-1], "twice more, and it is over"


@pytest.mark.slow
def test_the_carriers_own_card_entry_is_slow_too(start_server: Start) -> None:
    server = start_server(**VOICES, CARD_ENTRY="pay")
    server.add_bill()
    pay(server, ["#", "#", "1", *CARD, "1"], settings=FIRST)
    [verb] = [twiml for twiml in spoken(server, FIRST.call_sid) if "<Pay" in twiml]
    assert verb.count(SLOW) == verb.count("<Say")


@pytest.mark.slow
def test_nobody_is_promised_what_the_voices_cannot_do(start_server: Start) -> None:
    """The carrier's own old voice, and one that takes no SSML: the question is repeated, and no more."""
    server = start_server(SAY_VOICE="en=Polly.Amy-Generative,es=Polly.Lucia")
    server.add_bill()
    _, lines, _ = pay(server, ["#", "#", "#", "(silence)", "(hang up)"], settings=FIRST)
    assert not any("slow" in line for line in lines)
    assert not any(SLOW in twiml for twiml in spoken(server, FIRST.call_sid))


def test_a_withheld_caller_is_not_remembered(start_server: Start) -> None:
    server = start_server(**VOICES)
    server.add_bill()
    pay(server, ["#", "#", "(hang up)"], settings=WITHHELD)
    with reading(server.on.engine) as connection:
        assert connection.execute(sa.select(schema.customer)).all() == []
