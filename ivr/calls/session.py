"""A call's session: where the caller stands in the flow, as a value that is kept as JSON between two turns.

Nothing of a call lives in a process's memory: every turn loads it and saves it. Unknown fields of a later
release are dropped, missing ones take their default.
"""

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from flows.language import CallState, Flow
from flows.language import state as codec
from ivr.calls.early_card import Tally

_TALLY = {one.name for one in fields(Tally)}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was spoken, kept for the record of what the caller agrees to by its keys. Empty where
    the last release asked it.
    """

    prompt: str = ""
    """flow:prompt."""
    wording: str = ""
    """The whole question, word by word."""
    release: str = ""
    """Of the server that asked it."""


_ASKED = {one.name for one in fields(Asked)}


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
    misses: int = 0
    """Silences and wrong keys at the present question."""
    lone_hashes: int = 0
    """Keys at the present question that were meant for an earlier one: a late `#`, the second of two."""
    asked: Asked = field(default_factory=Asked)
    """The present question, where some of its keys must be heard first."""
    repeats: int = 0
    """How often `#` alone has asked for the present question again."""
    begun: str = field(default="", repr=False)
    """The beginning of an answer, keyed behind a star that cleared a slip: the slip took its room in the
    Gather, and the rest is under way.
    """
    early: int = 0
    """Keys at the present question that were pressed before they were named."""
    changes: int = 0
    """How often the language was changed at the present question."""
    clearings: int = 0
    """How many Gathers have thrown away what was pressed in one go with a wrong key."""
    clears_early: bool = False
    """What is thrown away began with a key that was pressed before it was named."""
    tally: Tally = field(default_factory=Tally)
    waited_s: float = 0.0
    """How long the caller has waited for a charge, or for a link."""
    waiting_since: str | None = None
    """Since when (ISO 8601) the caller waits for a link to be closed."""
    entry_id: str | None = None
    """The card entry under way at the PCI process."""
    attempt_id: str | None = None
    charging: bool = False
    """The caller has confirmed: a hang-up does not stop the charge any more."""
    token: str | None = field(default=None, repr=False)
    """The gateway's token between card entry and charge; gone with either's end."""
    expiry_month: int | None = field(default=None, repr=False)
    expiry_year: int | None = field(default=None, repr=False)
    """Of the card that was keyed: with it goes what the caller may agree to have kept."""
    saved_card_id: str | None = None
    """The saved card that was offered."""
    card_entry_id: str | None = None
    """The card entry that the token came from: the PCI process hears how it went."""
    troubles: int = 0
    """How often the carrier came to the fallback."""

    def without_card(self) -> "Session":
        """Nothing that stands for the card that was keyed: nobody needs it any more."""
        return replace(self, token=None, expiry_month=None, expiry_year=None, card_entry_id=None)

    def dump(self) -> dict[str, Any]:
        data = {one.name: getattr(self, one.name) for one in fields(self)}
        data["state"] = codec.dump(self.state)
        data["tally"] = asdict(self.tally)
        data["asked"] = asdict(self.asked)
        data["trail"] = list(self.trail)
        return data

    @classmethod
    def load(cls, flow: Flow[Any], data: dict[str, Any]) -> "Session":
        known = {one.name for one in fields(cls)}
        kept = {name: value for name, value in data.items() if name in known}
        kept["state"] = codec.load(flow.state, data["state"])
        tally = {name: value for name, value in data.get("tally", {}).items() if name in _TALLY}
        kept["tally"] = Tally(**tally)
        asked = {name: value for name, value in data.get("asked", {}).items() if name in _ASKED}
        kept["asked"] = Asked(**asked)
        kept["trail"] = tuple(data.get("trail", ()))
        return cls(**kept)
