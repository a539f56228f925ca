"""What a step can return: what to say, and the one thing to wait for.

One class per kind of step; the decorator of the same kind in `flow.py` names its exits. The host
(`ivr.calls`) fulfils a wait and leaves by one of its exits.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

from flows.language.words import Amount, Say

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Ask:
    """Digits keyed by the caller, put into the state's field `into` as text.

    A fixed number (`digits=8`) goes on by itself after the last key; a range (`digits=1, at_most=7`)
    ends by `#` or the pause. With `point`, a `*` among the digits is kept: the decimal point of an amount
    (`flows.language.keypad`); elsewhere it clears what was begun. `unhurried`: it is read from a paper, so a
    miss is followed by a longer wait, and one more is allowed. `hint` is said behind the first miss.
    """

    say: Say
    digits: int
    into: str
    at_most: int | None = None
    point: bool = False
    unhurried: bool = False
    hint: Say | None = None


@dataclass(frozen=True, slots=True)
class Choose:
    """One key out of the step's menu."""

    say: Say
    every_language: bool = False
    """Said once in each language, each in its own voice: for the one question asked before it is known."""
    hint: Say | None = None
    """Said behind the first miss."""
    may_leave: bool = False
    """Whoever hangs up here is not charged, and hears so behind the first miss."""


@dataclass(frozen=True, slots=True)
class Tell:
    """Something said on the way; the call goes on by itself."""

    say: Say | None


@dataclass(frozen=True, slots=True)
class Go(Generic[S]):
    """A decision: leave by this exit, with the state as it is now."""

    exit: str
    state: S | None = None


@dataclass(frozen=True, slots=True)
class SetLanguage:
    """From here on the call speaks this language, and the caller is remembered by it."""

    language: str


@dataclass(frozen=True, slots=True)
class FindBill:
    """The bill with this reference, laid into `state.bill`."""

    reference: str


@dataclass(frozen=True, slots=True)
class FindCallersBill:
    """The one open bill of the number that is calling, laid into `state.bill`."""


@dataclass(frozen=True, slots=True)
class CollectCard:
    """A card, keyed into the PCI process; brand and last four are laid into `state.card`.

    `say` comes before the card entry's own first prompt, where anything need be said at all. `amount` is what
    will be charged, where it is known: a gateway that authorizes at once needs it.
    """

    say: Say | None
    amount: Amount | None = None


@dataclass(frozen=True, slots=True)
class FindSavedCard:
    """The newest card that is kept for the number that is calling and may be offered, laid into
    `state.saved_card`; none where the gateway would not charge the amount.
    """

    amount: Amount | None = None


@dataclass(frozen=True, slots=True)
class ForgetCard:
    """The card in `state.saved_card` is to be deleted: from now on it is neither offered nor charged."""


@dataclass(frozen=True, slots=True)
class MayKeepCard:
    """Whether the card that was keyed can be kept for this caller, and is not already."""


@dataclass(frozen=True, slots=True)
class Charge:
    """The charge of `state.bill`; the outcome is laid into `state.receipt`."""

    amount: Amount
    say: Say
    saved_card: bool = False
    """By the card in `state.saved_card`; else by the one that was keyed."""
    keep_card: bool = False
    """The caller's last answer was that the card be kept: the question as it was spoken is their consent."""


@dataclass(frozen=True, slots=True)
class SendLink:
    """A link by which the caller pays `state.bill` themselves, sent by text; what it is, is laid into
    `state.link`. It is sent, too, to a caller who hangs up meanwhile.
    """

    amount: Amount
    say: Say


@dataclass(frozen=True, slots=True)
class CloseLink:
    """No link by which this caller could pay `state.bill` stays open: what is due then is laid into
    `state.bill`.
    """

    say: Say


@dataclass(frozen=True, slots=True)
class Transfer:
    """A person, by `<Dial>` to the configured number."""

    say: Say


@dataclass(frozen=True, slots=True)
class End:
    """The last words; then the line is hung up."""

    say: Say


Wait = (
    Ask
    | Choose
    | Tell
    | Go[object]
    | SetLanguage
    | FindBill
    | FindCallersBill
    | FindSavedCard
    | ForgetCard
    | MayKeepCard
    | CollectCard
    | Charge
    | SendLink
    | CloseLink
    | Transfer
    | End
)
