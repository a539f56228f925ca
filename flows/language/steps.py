"""The kinds of step, and `Steps`: the decorators that make them.

Each decorator is one kind of step; its keyword arguments are the exits of that kind, so a forgotten exit
fails in the type checker and at import. A step's function is pure: state in, wait out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

from flows.language.facts import CallState
from flows.language.waits import (
    Ask,
    Charge,
    Choose,
    CloseLink,
    CollectCard,
    End,
    FindBill,
    FindCallersBill,
    FindSavedCard,
    ForgetCard,
    Go,
    MayKeepCard,
    SendLink,
    SetLanguage,
    Tell,
    Transfer,
)

S = TypeVar("S", bound=CallState)
W = TypeVar("W")


class Kind(StrEnum):
    """The kinds of step, by what each waits for."""

    DIGITS = "digits"
    MENU = "menu"
    TELL = "tell"
    DECIDE = "decide"
    LANGUAGE = "language"
    FIND_BILL = "find_bill"
    FIND_CALLERS_BILL = "find_callers_bill"
    FIND_SAVED_CARD = "find_saved_card"
    FORGET_CARD = "forget_card"
    MAY_KEEP_CARD = "may_keep_card"
    COLLECT_CARD = "collect_card"
    CHARGE = "charge"
    SEND_LINK = "send_link"
    CLOSE_LINK = "close_link"
    TRANSFER = "transfer"
    END = "end"


class FlowError(Exception):
    """The flow cannot be run as written; the message lists every fault, a line each."""


@dataclass(frozen=True, slots=True)
class Step(Generic[S]):
    """One step: its name, its kind, where each exit leads, and the pure function behind it."""

    name: str
    kind: Kind
    exits: Mapping[str, str]
    """Exit -> name of the next step."""
    run: Callable[[S], object]
    options: Mapping[str, str] = field(default_factory=dict)
    """Of a menu: key -> exit."""
    heard_first: str = ""
    """Of a menu: the keys that move money, agree to something or cannot be undone. Pressed before the words
    that name it could be heard, such a key is no answer.
    """
    retired: bool = False
    """Left from the last release, for calls that were in it; nothing leads here any more."""


class Steps(Generic[S]):
    """Steps that belong together, in the order in which they are written: a flow is made of some of these."""

    def __init__(self) -> None:
        self.steps: dict[str, Step[S]] = {}

    def _step(
        self,
        kind: Kind,
        exits: Mapping[str, str],
        options: Mapping[str, str] | None = None,
        *,
        heard_first: str = "",
        retired: bool = False,
    ) -> Callable[[Callable[[S], W]], Callable[[S], W]]:
        def add(run: Callable[[S], W]) -> Callable[[S], W]:
            name = run.__name__
            if name in self.steps:
                raise FlowError(f"two steps are named {name}")
            self.steps[name] = Step(name, kind, dict(exits), run, dict(options or {}), heard_first, retired)
            return run

        return add

    def digits(
        self, *, heard: str, gave_up: str, retired: bool = False
    ) -> Callable[[Callable[[S], Ask]], Callable[[S], Ask]]:
        return self._step(Kind.DIGITS, {"heard": heard, "gave_up": gave_up}, retired=retired)

    def menu(
        self, options: Mapping[str, str], *, gave_up: str, heard_first: str = "", retired: bool = False
    ) -> Callable[[Callable[[S], Choose]], Callable[[S], Choose]]:
        """`options` maps a key (1 to 7, 9) to the step it leads to; the exit is named after the step.
        `heard_first` are those of them that move money, agree to something or cannot be undone.
        """
        exits = {step: step for step in options.values()} | {"gave_up": gave_up}
        return self._step(Kind.MENU, exits, options, heard_first=heard_first, retired=retired)

    def tell(
        self, *, then: str, retired: bool = False
    ) -> Callable[[Callable[[S], Tell]], Callable[[S], Tell]]:
        return self._step(Kind.TELL, {"then": then}, retired=retired)

    def decide(
        self, *, retired: bool = False, **exits: str
    ) -> Callable[[Callable[[S], Go[S]]], Callable[[S], Go[S]]]:
        """The exits are the author's own; the step's `Go("exit")` are held against them."""
        return self._step(Kind.DECIDE, exits, retired=retired)

    def language(
        self, *, then: str, retired: bool = False
    ) -> Callable[[Callable[[S], SetLanguage]], Callable[[S], SetLanguage]]:
        return self._step(Kind.LANGUAGE, {"then": then}, retired=retired)

    def find_bill(
        self,
        *,
        payable: str,
        not_found: str,
        already_paid: str,
        being_paid: str,
        link_open: str,
        too_many_guesses: str,
        unavailable: str,
        retired: bool = False,
    ) -> Callable[[Callable[[S], FindBill]], Callable[[S], FindBill]]:
        """`link_open`: the caller has a link for it that can still be paid; it is laid into the state."""
        exits = {
            "payable": payable,
            "not_found": not_found,
            "already_paid": already_paid,
            "being_paid": being_paid,
            "link_open": link_open,
            "too_many_guesses": too_many_guesses,
            "unavailable": unavailable,
        }
        return self._step(Kind.FIND_BILL, exits, retired=retired)

    def find_callers_bill(
        self, *, one: str, none: str, being_paid: str, link_open: str, retired: bool = False
    ) -> Callable[[Callable[[S], FindCallersBill]], Callable[[S], FindCallersBill]]:
        """`being_paid`: all of their one open bill is under way; `link_open` as of `find_bill`."""
        exits = {"one": one, "none": none, "being_paid": being_paid, "link_open": link_open}
        return self._step(Kind.FIND_CALLERS_BILL, exits, retired=retired)

    def find_saved_card(
        self, *, found: str, none: str, retired: bool = False
    ) -> Callable[[Callable[[S], FindSavedCard]], Callable[[S], FindSavedCard]]:
        return self._step(Kind.FIND_SAVED_CARD, {"found": found, "none": none}, retired=retired)

    def forget_card(
        self, *, then: str, retired: bool = False
    ) -> Callable[[Callable[[S], ForgetCard]], Callable[[S], ForgetCard]]:
        return self._step(Kind.FORGET_CARD, {"then": then}, retired=retired)

    def may_keep_card(
        self, *, may: str, may_not: str, retired: bool = False
    ) -> Callable[[Callable[[S], MayKeepCard]], Callable[[S], MayKeepCard]]:
        return self._step(Kind.MAY_KEEP_CARD, {"may": may, "may_not": may_not}, retired=retired)

    def collect_card(
        self,
        *,
        collected: str,
        gave_up: str,
        left: str,
        unavailable: str,
        try_another_card: str,
        refused: str,
        needs_authentication: str,
        no_longer_due: str,
        retired: bool = False,
    ) -> Callable[[Callable[[S], CollectCard]], Callable[[S], CollectCard]]:
        """`left` is the caller's `**`. The last four serve a gateway that authorizes while it collects."""
        exits = {
            "collected": collected,
            "gave_up": gave_up,
            "left": left,
            "unavailable": unavailable,
            "try_another_card": try_another_card,
            "refused": refused,
            "needs_authentication": needs_authentication,
            "no_longer_due": no_longer_due,
        }
        return self._step(Kind.COLLECT_CARD, exits, retired=retired)

    def charge(
        self,
        *,
        approved: str,
        try_another_card: str,
        refused: str,
        needs_authentication: str,
        no_longer_due: str,
        not_sent: str,
        unknown: str,
        unavailable: str,
        retired: bool = False,
    ) -> Callable[[Callable[[S], Charge]], Callable[[S], Charge]]:
        """`unavailable`: cards are not taken now, and nothing was sent; as of `collect_card`."""
        exits = {
            "approved": approved,
            "try_another_card": try_another_card,
            "refused": refused,
            "needs_authentication": needs_authentication,
            "no_longer_due": no_longer_due,
            "not_sent": not_sent,
            "unknown": unknown,
            "unavailable": unavailable,
        }
        return self._step(Kind.CHARGE, exits, retired=retired)

    def send_link(
        self, *, sent: str, no_text: str, no_longer_due: str, unavailable: str, retired: bool = False
    ) -> Callable[[Callable[[S], SendLink]], Callable[[S], SendLink]]:
        """`no_text`: nothing was said, for no link can reach this caller, or the gateway has none;
        `unavailable`: it was tried, and there will be none.
        """
        exits = {
            "sent": sent,
            "no_text": no_text,
            "no_longer_due": no_longer_due,
            "unavailable": unavailable,
        }
        return self._step(Kind.SEND_LINK, exits, retired=retired)

    def close_link(
        self, *, closed: str, already_paid: str, unavailable: str, retired: bool = False
    ) -> Callable[[Callable[[S], CloseLink]], Callable[[S], CloseLink]]:
        """`unavailable`: the gateway does not say whether it can still be paid, so nothing else may be."""
        exits = {"closed": closed, "already_paid": already_paid, "unavailable": unavailable}
        return self._step(Kind.CLOSE_LINK, exits, retired=retired)

    def transfer(
        self, *, unanswered: str, nobody: str, retired: bool = False
    ) -> Callable[[Callable[[S], Transfer]], Callable[[S], Transfer]]:
        """`unanswered`: nobody picked up; `nobody`: no number is configured. A talk that ended hangs up."""
        return self._step(Kind.TRANSFER, {"unanswered": unanswered, "nobody": nobody}, retired=retired)

    def end(self, *, retired: bool = False) -> Callable[[Callable[[S], End]], Callable[[S], End]]:
        return self._step(Kind.END, {}, retired=retired)
