"""How long a call takes until its caller has paid: what is heard, at a rate of speech, and what is keyed.

The caller presses a key as soon as its option was said; before the key that pays, the question pauses for a
second. What is said while the bank is asked costs nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from flows.language import Amount, BillFacts, CardFacts, Prompts, Say, SpokenWords, speak
from flows.pay_bill.bill import PayBill
from flows.pay_bill.flow import flow
from ivr.carriers.twilio.rendering import BREATH_S
from ivr.pci.speech import FOLDER as CARD_ENTRY

WORDS_A_MINUTE = 150
KEY_S = 0.35
LIMITS_S = {"offered": 35.0, "first time": 60.0}
"""A bill that the caller's number knows; and a caller who chooses a language and keys a reference."""
_BILL = ("offer_part",)
_WAYS = {"offered": ("greet", *_BILL), "first time": ("greet", "ask_language", "ask_reference", *_BILL)}
_CARD = ("number.ask", "expiry.ask", "code.ask", "wait.moment")
_KEYS = {"offered": len("1424242424242424212301231"), "first time": len("112345678") + 25}
_LANGUAGES = ("en", "es")
_STATE = PayBill(
    merchant="Demo Town Hall",
    bill=BillFacts("12345678", Amount(4990, "EUR"), Amount(1000, "EUR")),
    card=CardFacts("visa", "4242"),
    amount=Amount(4990, "EUR"),
)


@dataclass(frozen=True)
class Row:
    """One kind of call in one language."""

    call: str
    language: str
    words: int
    keys: int

    @property
    def seconds(self) -> float:
        return self.words * 60 / WORDS_A_MINUTE + self.keys * KEY_S + BREATH_S

    @property
    def seconds_max(self) -> float:
        return LIMITS_S[self.call]

    def __str__(self) -> str:
        return f"{self.call}, {self.language}: {self.seconds:.1f} s of {self.seconds_max:.0f}"


def rows() -> list[Row]:
    return [
        Row(call, language, sum(len(said.split()) for said in _heard(call, language)), _KEYS[call])
        for call in _WAYS
        for language in _LANGUAGES
    ]


def _heard(call: str, language: str) -> Iterator[str]:
    prompts, card = Prompts.load(flow.folder, _LANGUAGES), Prompts.load(CARD_ENTRY, _LANGUAGES)
    for name in _WAYS[call]:
        spoken = _LANGUAGES if name == "ask_language" else (language,)
        yield from (_until_the_key(_say(name), one, prompts) for one in spoken)
    yield from (_until_the_key(Say(key), language, card) for key in _CARD)
    yield _until_the_key(_say("confirm"), language, prompts)


def _say(step: str) -> Say:
    say = getattr(flow.step(step).run(_STATE), "say", None)
    assert isinstance(say, Say)
    return say


def _until_the_key(say: Say, language: str, prompts: Prompts) -> str:
    (said,) = speak(say, language, prompts)
    assert isinstance(said, SpokenWords)
    option = re.search(r" 1\.", said.text)
    return said.text if option is None else said.text[: option.end()]
