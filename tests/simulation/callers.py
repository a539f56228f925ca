"""The callers of a world: they pay, hesitate, mistype, key their card too early, hang up, and ring again.

A caller goes by the prompts that they hear, in whatever language. What they were told is kept, with the turn
in which it was said, for the books: nobody who is charged may have heard otherwise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ivr.simulators.phone.events import Faulted, KeysAsked, Paused, PhoneEvent, Said
from ivr.simulators.phone.keys import HANG_UP, CallerHangUp
from tests.simulation.carrier import CarrierLine
from tests.simulation.chance import Chance
from tests.simulation.prompt_names import HINTS, is_card_entry, named, without_hints
from tests.simulation.scheduler import Scheduler
from tests.simulation.unheard_keys import Hearing

EXPIRY = "0931"
CODES = {"amex": "9731"}
CODE = "973"
QUESTIONS_MAX = 45
"""Nobody answers more of them."""
PAYING = {
    "visa": "4242424242424242",
    "visa_debit": "4000056655665556",
    "mastercard": "5555555555554444",
    "amex": "378282246310005",
}
REFUSED = {
    "declined": "4000000000000002",
    "no_funds": "4000000000009995",
    "stolen": "4000000000009979",
    "issuer_down": "4000000000000119",
}
APPROVAL = {"approval": "4000002500003155", "approval_always": "4000002760003184"}
"""Cards whose bank wants the payer's own approval; of a telephone order, the second one alone."""
CARDS = {**PAYING, **REFUSED, **APPROVAL}


@dataclass(frozen=True, slots=True)
class Plan:
    """Who calls, and what they mean to do."""

    name: str
    number: str
    """As the carrier's From has it."""
    called: str
    reference: str
    cards: Sequence[str]
    """Names of cards, tried one after the other."""
    part: bool
    """They pay a part, where they may."""
    clumsiness: float
    rings_at_s: float
    leaves_at: int
    """At which chance they hang up, counted from 1; 0: never."""
    keeps: bool
    """They agree that their card is kept, where they are asked."""
    saved: str
    """The key that they press where their saved card is offered: it pays, another does, it is deleted."""
    link: str
    """The key that they press where they have a link: a card instead, another link, another bill."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One sentence, and the address of the document in which it stood."""

    prompt: str
    text: str
    at: str


@dataclass
class SimulatedCaller:
    """One person on one call: the phone's `PhoneCaller`, and the listener of the same call."""

    plan: Plan
    chance: Chance
    scheduler: Scheduler
    line: CarrierLine
    hearing: Hearing
    heard: list[Heard] = field(default_factory=list)
    faults: list[Faulted] = field(default_factory=list)
    agreed_to: set[str] = field(default_factory=set)
    """Questions, word by word, that they answered by agreeing that their card is kept."""
    _pressed_into: set[str] = field(default_factory=set)
    """Sentences, by their prompts, into which they pressed a key; said again, they are listened to."""
    _chances: int = 0
    _asked: int = 0
    _cards: int = 0
    _number_keyed: bool = False
    _last: PhoneEvent | None = None

    def __call__(self, event: PhoneEvent) -> None:
        match event:
            case Said(text):
                self.heard.append(Heard(named(text), text, self.line.at))
                self.hearing.hears(text, self.line.at)
            case Faulted():
                self.faults.append(event)

    def keys(self, asked: KeysAsked, heard: Sequence[str]) -> str | CallerHangUp | None:
        if self._leaves():
            return HANG_UP
        self._asked += 1
        if self._asked > QUESTIONS_MAX:
            return HANG_UP
        self.scheduler.sleep(self.chance.seconds(0.2, 3.0))
        self.hearing.hears("", self.line.at)
        asked_last = next((text for text in reversed(heard) if named(text) not in HINTS), "")
        last = named(asked_last)
        keys = self._into_card_entry(asked, last) if asked.private else self._into_menu(last)
        if keys and self.chance.strikes(self.plan.clumsiness):
            keys = self._fumbled(keys)
        if last.startswith("keep.") and keys and keys[0] == "7":
            self.agreed_to.add(without_hints(asked_last))
        if keys and not asked.private:
            self.hearing.presses(keys[0], self.line.at)
        return keys

    def meanwhile(self, event: PhoneEvent) -> str | CallerHangUp:
        if event is not self._last and self._leaves():
            self._last = event
            return HANG_UP
        self._last = event
        return self._ahead(event)

    def _ahead(self, event: PhoneEvent) -> str:
        """A key that they are sure is right, before they have heard what for. Not into a card's number, and
        once into each sentence.
        """
        haste, rate = self.line.haste, self.chance.rates.ahead
        silent = not isinstance(event, Said | Paused) or (
            isinstance(event, Said) and is_card_entry(event.text)
        )
        sentence = named(event.text) if isinstance(event, Said) else "a pause"
        if (
            silent
            or sentence in self._pressed_into
            or "/voice/" not in self.line.at
            or not haste.strikes(rate)
        ):
            return ""
        self._pressed_into.add(sentence)
        if isinstance(event, Paused):
            self.hearing.hears("", self.line.at)
        key = haste.one_of("1111127798")
        words = without_hints(self.hearing.presses(key, self.line.at))
        if key == "7" and words:
            self.agreed_to.add(words)
        return key

    def _leaves(self) -> bool:
        self._chances += 1
        if self._chances != self.plan.leaves_at:
            return False
        if self.chance.strikes(0.5):
            self.line.leaving = True  # in the middle of the next webhook
            return False
        return True

    def _into_menu(self, prompt: str) -> str:
        match prompt:
            case "reference.ask" | "reference.not_found":
                return self.plan.reference
            case "bill.offer_part" if self.plan.part:
                return "2"
            case "amount.ask":
                return f"{self.chance.whole(10, 17)}*{self.chance.whole(0, 99):02}#"
            case "host.trouble" | "host.offer_person":
                return ""
            case _:
                return self._choices.get(prompt, "1")

    @property
    def _choices(self) -> Mapping[str, str]:
        """The keys of menus in which they do not all do the same."""
        keep = "7" if self.plan.keeps else "1"
        return {
            "keep.branded": keep,
            "keep.card": keep,
            "saved.branded": self.plan.saved,
            "saved.card": self.plan.saved,
            "link.open": self.plan.link,
        }

    def _into_card_entry(self, asked: KeysAsked, prompt: str) -> str:
        wanted = asked.wanted or 0
        field_name = prompt.split(".")[1] if prompt.startswith(("pci.", "pay.")) else ""
        if field_name not in {"number", "expiry", "code", "code_four"}:
            field_name = {4: "code_four" if self._card == "amex" and self._number_keyed else "expiry"}.get(
                wanted, "code" if wanted == 3 else "number"
            )
        if field_name == "number":
            self._cards += not self._number_keyed or prompt in {"pci.number.ask", "pay.number.ask"}
            self._number_keyed = False
            return f"{CARDS[self._card]}#"
        if field_name == "expiry":
            return EXPIRY
        self._number_keyed = False
        return CODES.get(self._card, CODE)

    @property
    def _card(self) -> str:
        return self.plan.cards[min(max(self._cards - 1, 0), len(self.plan.cards) - 1)]

    def _fumbled(self, keys: str) -> str:
        """Silence, a key left out, a star, two of them, or the card where nobody asked for it."""
        match self.chance.whole(0, 5):
            case 0:
                return ""
            case 1:
                return keys[:-2] + "#"
            case 2:
                return keys[:3] + "*" + keys
            case 3:
                return "**"
            case 4:
                return CARDS[self._card] + EXPIRY + CODE
            case _:
                return keys + keys
