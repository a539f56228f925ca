"""What callers were told, held against the books of the gateway and of the texts: nobody who was charged may
have heard otherwise, and who was told that a text comes gets one.
"""

import re
from collections.abc import Iterable, Iterator

from ivr.messaging.messages import Purpose
from ivr.messaging.states import MessageState
from tests.simulation.callers import Heard, SimulatedCaller
from tests.simulation.checks import Tables
from tests.simulation.prompt_names import CHARGED, NOT_CHARGED, TEXT_PROMISED
from tests.simulation.simulated_gateway import Truth

_TURN = re.compile(r"/voice/([a-z0-9_]+)/t/(\d+)")


def _told(books: Tables, callers: Iterable[SimulatedCaller]) -> Iterator[tuple[str, Heard, list[str]]]:
    """Each sentence of a turn: which turn it was, and its call's attempts until then, in order."""
    made: dict[str, list[tuple[int, str]]] = {}
    for attempt in books.attempts.values():
        call_id, _, turn = attempt.made_for.rpartition(".")
        if turn.isdigit():  # others are made for those who have hung up
            made.setdefault(call_id, []).append((int(turn), attempt.id))
    for caller in callers:
        for heard in caller.heard:
            at = _TURN.search(heard.at)
            if at is not None:
                own = sorted(one for one in made.get(at[1], []) if one[0] < int(at[2]))
                yield f"{at[1]} at turn {at[2]}", heard, [attempt_id for _, attempt_id in own]


def words(books: Tables, truth: Truth, callers: Iterable[SimulatedCaller]) -> Iterator[str]:
    """Nobody who was charged heard that they were not; nobody heard "paid" who was not charged."""
    charged = {one.key for one in truth.taken}
    for who, heard, own in _told(books, callers):
        paid = [one for one in own if one in charged]
        if heard.prompt in NOT_CHARGED and paid:
            yield f"{who} heard {heard.prompt!r}, and {paid[0]} was charged"
        if heard.prompt in CHARGED and not paid:
            yield f"{who} heard {heard.prompt!r}, and nothing was charged"


def promised_texts(books: Tables, callers: Iterable[SimulatedCaller], printed: str) -> Iterator[str]:
    """Whoever was told that a text comes got it: a receipt, the outcome of an unknown payment, or a link.

    The bank may want a link only after the call. A text may be lost where its worker died while sending it;
    a link that is over by then need not be sent.
    """
    links_after = {attempt.made_for: attempt.id for attempt in books.attempts.values()}
    for who, heard, own in _told(books, callers):
        purposes = TEXT_PROMISED.get(heard.prompt)
        if purposes is None:
            continue
        attempts = {own[-1], links_after.get(f"{own[-1]}.link")} if own else {}
        texts = [one for one in books.confirmations if one.attempt_id in attempts]
        meant = [one for one in texts if one.purpose in purposes]
        if not meant:
            yield f"{who} heard {heard.prompt!r}, and no text was ever meant for them"
        for text in meant:
            over = text.purpose == Purpose.LINK and text.state == MessageState.FAILED
            if text.body not in printed and text.state != MessageState.MAYBE_SENT and not over:
                yield f"{who} heard {heard.prompt!r}, and {text.id} never came: it is {text.state}"
