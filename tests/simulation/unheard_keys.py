"""What a caller had heard when they pressed a key, and what was done though they had not heard what for.

The carrier's order of things is the truth: what was spoken in full before the key; on a carrier that keeps
keys also the words that were being spoken, for it gives the key on when they are over.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from flows.language import Prompts, languages_in, source
from flows.language.prompts import Literal, Segment
from flows.pay_bill.flow import flow as pay_bill
from tests.simulation.prompt_names import squeezed

_TURN = re.compile(r"/voice/[a-z0-9_]+/t/(\d+)")
_FIRST = ("/voice/incoming", "/voice/fallback")


@dataclass
class Hearing:
    """What the caller of one call hears of the document that runs. `agreed` are the turns whose document had
    named a key that must be heard first when they pressed it; `asked` are those that named any.
    """

    keeps_keys: bool
    agreed: set[int] = field(default_factory=set)
    asked: set[int] = field(default_factory=set)
    _at: str = ""
    _over: str = ""
    """What was spoken to its end."""
    _now: str = ""
    """What is being spoken."""

    def hears(self, text: str, at: str) -> None:
        """This sentence begins, and the one before it is over; empty: nothing more is said for now."""
        if at != self._at:
            self._at, self._over, self._now = at, "", ""
        self._over, self._now = f"{self._over} {self._now}", text
        if any(pattern.search(f"{self._over} {text}") for _, pattern in _named()):
            self.asked.add(_turn(at))

    def presses(self, key: str, at: str) -> str:
        """The words that had named this key when it was pressed; empty where none had."""
        heard = f"{self._over} {self._now}" if self.keeps_keys else self._over
        if at == self._at and any(key == one and pattern.search(heard) for one, pattern in _named()):
            self.agreed.add(_turn(at))
            return " ".join(heard.split())
        return ""


def unheard(attempts: Mapping[str, Any], hearings: Mapping[str, Hearing]) -> Iterator[str]:
    """Payments that were begun by a key whose words its caller had not heard. `hearings`: by call."""
    for attempt in attempts.values():
        call_id, _, turn = attempt.made_for.rpartition(".")
        if call_id not in hearings:  # in place of one that the bank wants approved
            continue
        hearing, asked_at = hearings[call_id], int(turn) - 1
        agreed = {at for at in hearing.agreed if at <= asked_at}
        if not agreed or (asked_at in hearing.asked and asked_at not in agreed):
            yield f"{attempt.id} was begun by a key whose words its caller had not heard"


def _turn(at: str) -> int:
    found = _TURN.search(at)
    return int(found[1]) if found else 0 if at.endswith(_FIRST) else -1


@cache
def _named() -> list[tuple[str, re.Pattern[str]]]:
    """Each key that must be heard first, and the words of its question until it is named."""
    languages = languages_in(pay_bill.folder)
    prompts = Prompts.load(pay_bill.folder, languages)
    return [
        (key, re.compile(_until(prompts.find(language, said.key).segments, key)))
        for step in pay_bill.steps.values()
        for said in source.read(step.run, {}).said
        for key in step.heard_first
        for language in languages
    ]


def _until(segments: tuple[Segment, ...], key: str) -> str:
    words = ""
    for one in segments:
        if not isinstance(one, Literal):
            words += ".+"
            continue
        found = re.search(rf"(?<!\d){key}(?!\d)", one.text)
        words += squeezed(one.text[: found.end()] if found else one.text)
        if found:
            return words
    raise ValueError(f"nothing names {key}")
