"""A call's session: where the caller stands in the flow, as a value that is kept as JSON between two turns.

Nothing of a call lives in a process's memory: every turn loads it and saves it. The JSON is flat, with
the fields of each group below side by side: during a deploy processes of two releases read the same rows.
Unknown fields of a later release are dropped, missing ones take their default.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, TypeVar

from flows.language import CallState, Flow
from flows.language import state as codec
from ivr.calls.early_card import Tally

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SpokenQuestion:
    """A question as it was spoken, kept for the record of what the caller agrees to by its keys. Empty where
    the last release asked it.
    """

    prompt: str = ""
    """flow:prompt."""
    wording: str = ""
    """The whole question, word by word."""
    release: str = ""
    """Of the server that asked it."""


@dataclass(frozen=True, slots=True)
class AtQuestion:
    """How the present question went so far; begins anew with each step."""

    misses: int = 0
    """Silences and wrong keys."""
    lone_hashes: int = 0
    """Keys that were meant for an earlier question: a late `#`, the second of two."""
    repeats: int = 0
    """How often `#` alone has asked for it again."""
    begun: str = field(default="", repr=False)
    """The beginning of an answer, keyed after a star that cleared a slip: the slip took its room in the
    Gather, and the rest is under way.
    """
    early: int = 0
    """Keys that were pressed before they were named."""
    changes: int = 0
    """How often the language was changed."""
    clearings: int = 0
    """How many Gathers have thrown away what was pressed in one go with a wrong key."""


@dataclass(frozen=True, slots=True)
class CardInCall:
    """The card that was keyed, or is being keyed, and the saved one that was offered."""

    entry_id: str | None = None
    """The card entry under way at the PCI process."""
    token: str | None = field(default=None, repr=False)
    """The gateway's token between card entry and charge; gone with either's end."""
    expiry_month: int | None = field(default=None, repr=False)
    expiry_year: int | None = field(default=None, repr=False)
    """Of the card that was keyed: with it goes what the caller may agree to have kept."""
    saved_card_id: str | None = None
    """The saved card that was offered."""
    card_entry_id: str | None = None
    """The card entry that the token came from: the PCI process hears how it went."""


@dataclass(frozen=True, slots=True)
class PaymentInCall:
    """The payment that the caller waits for."""

    attempt_id: str | None = None
    charging: bool = False
    """The caller has confirmed: a hang-up does not stop the charge any more."""
    waited_s: float = 0.0
    """How long the caller has waited for a charge, or for a link."""
    waiting_since: str | None = None
    """Since when (ISO 8601) the caller waits for a link to be closed."""


@dataclass(frozen=True, slots=True)
class Session:
    """Frozen: a turn makes a new one with `dataclasses.replace`."""

    step: str
    state: CallState
    language: str
    slow: bool = False
    """The caller wants slow speech."""
    visits: dict[str, int] = field(default_factory=dict)
    """Step -> how often it was entered."""
    trail: tuple[str, ...] = ()
    """The questions answered so far, for the `*` key; the last is the nearest."""
    asked: SpokenQuestion = field(default_factory=SpokenQuestion)
    """The present question as it was spoken, where some of its keys must be heard first."""
    tally: Tally = field(default_factory=Tally)
    """Of the keys of the last turns, whether they may be of a card."""
    clears_early: bool = False
    """What is thrown away began with a key that was pressed before it was named."""
    question: AtQuestion = field(default_factory=AtQuestion)
    card: CardInCall = field(default_factory=CardInCall)
    payment: PaymentInCall = field(default_factory=PaymentInCall)
    troubles: int = 0
    """How often the carrier came to the fallback."""

    def without_card(self) -> "Session":
        """Nothing that stands for the card that was keyed: nobody needs it any more."""
        return self.with_card(token=None, expiry_month=None, expiry_year=None, card_entry_id=None)

    def with_question(self, **changes: Any) -> "Session":
        return replace(self, question=replace(self.question, **changes))

    def with_card(self, **changes: Any) -> "Session":
        return replace(self, card=replace(self.card, **changes))

    def with_payment(self, **changes: Any) -> "Session":
        return replace(self, payment=replace(self.payment, **changes))

    def dump(self) -> dict[str, Any]:
        data = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in _GROUPS}
        data["state"] = codec.dump(self.state)
        data["tally"] = asdict(self.tally)
        data["asked"] = asdict(self.asked)
        data["trail"] = list(self.trail)
        return data | asdict(self.question) | asdict(self.card) | asdict(self.payment)

    @classmethod
    def load(cls, flow: Flow[Any], data: dict[str, Any]) -> "Session":
        known = {one.name for one in fields(cls)} - _GROUPS
        kept = {name: value for name, value in data.items() if name in known}
        kept["state"] = codec.load(flow.state, data["state"])
        kept["tally"] = _read(Tally, data.get("tally", {}))
        kept["asked"] = _read(SpokenQuestion, data.get("asked", {}))
        kept["trail"] = tuple(data.get("trail", ()))
        return cls(
            **kept,
            question=_read(AtQuestion, data),
            card=_read(CardInCall, data),
            payment=_read(PaymentInCall, data),
        )


_GROUPS = {"question", "card", "payment"}
"""Fields of the session whose own fields stand flat in the JSON."""


def _read(cls: type[T], data: Mapping[str, Any]) -> T:
    """The fields that this release knows; a missing one takes its default."""
    known = {one.name for one in fields(cls)}  # type: ignore[arg-type] # each is a dataclass
    return cls(**{name: value for name, value in data.items() if name in known})
