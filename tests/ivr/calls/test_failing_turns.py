"""A turn that fails: the caller hears so, no key is lost, and it ends where it goes on."""

from collections.abc import Callable
from html import unescape
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy.exc import OperationalError

from ivr.calls.turns import Turns
from ivr.calls.waits.collect_card import CollectCardHandler
from ivr.simulators.phone.events import DialStatus as Picked
from ivr.simulators.phone.events import Reason
from tests.support.carrier_by_hand import Carrier, turn_after
from tests.support.payer import CARD, call_sid, is_paid, pay
from tests.support.phone import (
    call_settings,
)
from tests.support.server import PERSON, Server
from tests.support.silence_limit import SilenceLimit

Start = Callable[..., Server]
SID = call_settings().call_sid
PAID = "Thank you. You have paid 49 euros and 90 cents."
SORRY = "< I am sorry, something went wrong on our side. One moment, please."


def _failing(times: int) -> Callable[..., object]:
    start, failed = CollectCardHandler.start, []

    def raising(self: CollectCardHandler, turn: object, session: object, wait: object) -> object:
        if len(failed) < times:
            failed.append(wait)
            raise RuntimeError("planted")
        return start(self, turn, session, wait)

    return raising


@pytest.mark.parametrize(
    ("failures", "pressed", "asked"),
    [
        (1, ["1", "(silence)"], 1),  # the key is carried to the retry
        (2, ["1", "(silence)", "(silence)"], 1),
        (1, ["1", "1"], 1),  # pressed again during the apology: it is one answer
        (1, ["1", "2", "1"], 2),  # another key: neither counts
        (1, ["(silence)", "1"], 1),  # pressed during the apology alone
        (1, ["(silence)", "(silence)", "1"], 2),
        (2, ["(silence)", "(silence)", "(silence)", "1"], 2),
    ],
)
def test_a_turn_that_fails_loses_no_key_and_counts_no_miss(
    server: Server, failures: int, pressed: list[str], asked: int
) -> None:
    """At the first menu, where 1 goes on to the card."""
    server.add_bill()
    server.expected |= {"turn_failed"}
    take, failed = Turns.take, []

    def failing(self: Turns, call_id: str, number: int, *more: Any) -> str:
        if number == 1 and len(failed) < failures:
            failed.append(number)
            raise OperationalError("BEGIN IMMEDIATE", None, Exception("database is locked"))
        return take(self, call_id, number, *more)

    with patch.object(Turns, "take", failing):
        ended, lines, _ = pay(server, [*pressed, *CARD, "1"])
    assert ended.reason is Reason.SERVER, lines
    assert lines.count(SORRY) == failures
    assert len([line for line in lines if "Another bill, 3" in line]) == asked, lines
    assert not [line for line in lines if "did not" in line], lines
    assert PAID in lines[-2], lines
    assert is_paid(server, SID)


@pytest.mark.parametrize("named", ["", "1"])
def test_a_retry_knows_which_keys_were_named(server: Server, named: str) -> None:
    """At the menu that confirms an amount: however long the trouble took, a key agrees to nothing where it
    was pressed before the question named it.
    """
    server.add_bill()
    server.expected |= {"turn_failed"}
    carrier = Carrier(server)
    carrier.post("/voice/incoming")
    carrier.post("/voice/call_1/t/1", Digits="2")
    asked = carrier.post("/voice/call_1/t/2", Digits="49*90")
    assert f'action="/voice/call_1/t/3?named={named}#' in asked
    with patch.object(Turns, "take", side_effect=RuntimeError("planted")):
        sorry = carrier.post(f"/voice/call_1/t/3?named={named}", Digits="1")
    server.pass_time(30)
    again = carrier.post(unescape(turn_after(sorry)))
    answer = carrier.post(unescape(again.partition('"POST">')[2].partition("<")[0]))
    assert ("/pci/e/entry.call_1.3/t/0" in answer) is (named == "1"), answer


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_turn_that_always_fails_is_given_up(server: Server, language: str) -> None:
    server.add_bill()
    server.expected |= {"turn_failed"}
    to_number = {"en": "+442000000000", "es": "+34911111111"}[language]
    with patch.object(CollectCardHandler, "start", _failing(99)):
        ended, lines, _ = pay(server, ["1", "(silence)"] * 5, settings=call_settings(to_number=to_number))
    assert ended.reason is Reason.SERVER
    goodbye = {
        "en": "< Please call again later. Goodbye.",
        "es": "< Por favor, vuelva a llamar más tarde. Adiós.",
    }
    assert lines[-2] == goodbye[language], lines


def test_an_answer_that_cannot_be_used_is_given_up(server: Server) -> None:
    """The errand is run, and what comes behind it fails, each time: nobody waits for its lease in silence."""
    server.add_bill()
    server.expected |= {"turn_failed"}
    began = server.clock.now()
    with patch.object(CollectCardHandler, "answered", side_effect=RuntimeError("planted")):
        ended, lines, _ = pay(server, ["1", "(silence)", "(silence)"], listener=SilenceLimit(server.clock))
    assert ended.reason is Reason.SERVER
    assert lines.count(SORRY) == 3
    assert lines[-2] == "< Please call again later. Goodbye."
    assert (server.clock.now() - began).total_seconds() < 10


def test_a_turn_that_fails_offers_a_person(start_server: Start) -> None:
    server = start_server(PERSON_NUMBER=PERSON)
    server.add_bill()
    server.expected |= {"turn_failed"}
    with patch.object(CollectCardHandler, "start", _failing(99)):
        ended, lines, _ = pay(server, ["1", "0"])
    assert "< To speak to a person, press 0." in lines
    assert lines[-3:] == [
        "< I am connecting you to a person.",
        f"= rings {PERSON}: completed",
        "= the server hung up",
    ]
    with patch.object(CollectCardHandler, "start", _failing(99)):
        ended, lines, _ = pay(
            server,
            ["1", "0"],
            person=Picked.BUSY,
            settings=call_settings(call_sid(7), to_number="+442000000000"),
        )
    assert lines[-3:-1] == [
        "< Nobody can take your call at the moment.",
        "< Please call again later. Goodbye.",
    ]
    assert ended.reason is Reason.SERVER
