"""Attempts, as a call asks for them: make one, give it its card, ask for the charge, read it, withdraw it.

Every method writes in the caller's transaction and talks to nobody. Repeats and races are harmless: the same
`made_for` makes no second attempt, two attempts on one bill queue on its row, and an attempt that a worker
has claimed is no longer withdrawn.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from gateways.declines import Decline
from ivr.bills import reservation
from ivr.bills import store as bills
from ivr.events.payment_events import LeftUnheard
from ivr.jobs.job_list import CHARGE_ATTEMPT, EXPIRE_ATTEMPT, OPEN_LINK
from ivr.payments import history, timeouts
from ivr.payments.attempts import store
from ivr.payments.attempts.order import words_of_order
from ivr.payments.attempts.states import FINAL, Event, Method, State
from ivr.payments.attempts.store import Attempt, NewAttempt, NoSuchAttemptError
from ivr.payments.attempts.transitions import Transitions, payment_facts
from ivr.payments.links import store as link_store
from ivr.payments.links.store import LinkTerms
from ivr.platform.settings.line import PLAIN, Wording

__all__ = ["Attempt", "AttemptService", "NewAttempt", "NoSuchAttemptError"]
log = structlog.get_logger()

REFERENCE_TRIES = 20
"""How many random references are tried; twenty that are all in use mean that eight digits are too few."""

_OVERTAKEN: Mapping[Event, frozenset[State]] = {
    Event.MARK_UNKNOWN: frozenset(State) - {State.RESERVED, State.AUTHORIZING, State.CLAIMED},
    Event.DECLINE: frozenset({State.DECLINED, State.CANCELLED, State.VOIDED}),
    Event.AUTHORIZED: frozenset(State) - {State.RESERVED, State.AUTHORIZING, State.UNKNOWN, State.ABANDONED},
}
"""By event: the states in which the PCI process's report is ignored, since a look-up already found out."""


@dataclass(frozen=True, slots=True)
class AttemptService:
    """What a call may do with attempts."""

    gateway: str
    """The gateway that new attempts are made for, by its name."""
    transitions: Transitions
    links: LinkTerms | None = None
    """None where the gateway has no payment pages."""
    wording: Wording = PLAIN
    """The merchant's own words in order descriptions."""

    @property
    def has_links(self) -> bool:
        """Whether an attempt can be paid by link."""
        return self.links is not None

    def make(self, tx: sa.Connection, new: NewAttempt) -> Attempt | None:
        """A new attempt that holds its part of the bill, or the one made before for the same turn.

        None where that much of the bill is no longer due. Unclaimed at its deadline it is abandoned.
        """
        if (made := _made_before(tx, new)) is not None:
            return made
        now = self.transitions.clock.now()
        bill = bills.get(tx, new.bill_id)
        if bill.currency != new.currency:
            raise ValueError(f"bill {new.bill_id} is not in {new.currency}")
        if not reservation.reserve(tx, new.bill_id, new.amount_minor, now):
            return _made_before(tx, new)  # a repeat that waited for the first one's lock finds it now
        attempt = self._insert(tx, new, bill.reference)
        if attempt is None:
            reservation.release(tx, new.bill_id, new.amount_minor, now)
            return _made_before(tx, new)
        if new.method is Method.LINK:
            if self.links is None:
                raise ValueError(f"{self.gateway} has no payment links")
            link_store.make(tx, attempt.id, self.transitions.ids.link_token(), self.links, now)
        history.add(tx, attempt.id, "make", State.RESERVED, at=now)
        return self.transitions.schedule(tx, attempt, EXPIRE_ATTEMPT, timeouts.CHARGE_WITHIN_S)

    def get(self, tx: sa.Connection, attempt_id: str) -> Attempt:
        return store.get(tx, attempt_id)

    def attach_card(
        self,
        tx: sa.Connection,
        attempt_id: str,
        brand: str | None,
        last_four: str | None,
        *,
        token: str | None = None,
        authorization: str | None = None,
        saved_card_id: str | None = None,
        gateway_customer_id: str | None = None,
    ) -> None:
        """What stands for the card: a token to charge, or an authorization to capture. An attempt that has
        ended takes none. `saved_card_id`: the token is that of a card which the gateway keeps for this
        customer.
        """
        attempt = store.locked(tx, attempt_id)
        if attempt.state in FINAL:
            log.warning("card_for_an_attempt_that_is_over", attempt_id=attempt_id, state=str(attempt.state))
            return
        given: dict[str, Any] = {
            "brand": brand,
            "last_four": last_four,
            "token": token,
            "gateway_authorization": authorization,
            "saved_card_id": saved_card_id,
            "gateway_customer_id": gateway_customer_id,
        }
        values = {name: value for name, value in given.items() if value is not None}
        if values:
            store.update(tx, attempt_id, **values)

    def ask_charge(self, tx: sa.Connection, attempt_id: str) -> None:
        """The caller confirmed: a worker charges (or captures) it before the deadline that begins now."""
        attempt = store.locked(tx, attempt_id)
        if attempt.state in FINAL or attempt.charge_asked_at is not None:
            return
        now = self.transitions.clock.now()
        deadline_at = now + timedelta(seconds=timeouts.CHARGE_WITHIN_S)
        store.update(tx, attempt_id, charge_asked_at=now, deadline_at=deadline_at)
        if attempt.state in {State.RESERVED, State.AUTHORIZED}:
            self.transitions.schedule(tx, attempt, CHARGE_ATTEMPT)
            self.transitions.schedule(tx, attempt, EXPIRE_ATTEMPT, timeouts.CHARGE_WITHIN_S)

    def ask_link(self, tx: sa.Connection, attempt_id: str) -> None:
        """The payer was promised a link: a worker opens and sends it, also after a hang-up."""
        attempt = store.locked(tx, attempt_id)
        if attempt.state is not State.RESERVED or attempt.charge_asked_at is not None:
            return
        store.update(tx, attempt_id, charge_asked_at=self.transitions.clock.now())
        self.transitions.schedule(tx, attempt, OPEN_LINK)

    def close_link(self, tx: sa.Connection, attempt_id: str, *, note: str) -> Attempt:
        """Begins to close the link. Until the attempt has ended, it may still turn out to be paid."""
        attempt = store.locked(tx, attempt_id)
        if attempt.method is not Method.LINK:
            raise ValueError(f"attempt {attempt_id} is not paid by link")
        match attempt.state:
            case State.RESERVED:
                return self.transitions.move(tx, attempt, Event.ABANDON, note=note)
            case State.CLAIMED | State.UNKNOWN | State.LINK_OPEN:
                return self.transitions.move(tx, attempt, Event.CLOSE_LINK, note=note)
            case _:
                return attempt

    def promise(self, tx: sa.Connection, attempt_id: str) -> None:
        """The caller leaves without hearing the outcome and will be texted, whatever it is. Nothing more is
        promised where they were sent a link.
        """
        attempt = store.locked(tx, attempt_id)
        if attempt.promised_at is not None or attempt.state in {State.LINK_OPEN, State.LINK_CLOSING}:
            return
        store.update(tx, attempt_id, promised_at=self.transitions.clock.now())
        if attempt.state in FINAL - {State.APPROVED}:
            left = LeftUnheard(payment_facts(store.get(tx, attempt_id)))
            self.transitions.events.emit(tx, left)

    def advance(
        self,
        tx: sa.Connection,
        attempt_id: str,
        event: Event,
        *,
        note: str = "",
        decline: Decline | None = None,
    ) -> Attempt:
        """The attempt after an event that the PCI process reports; one that a look-up found sooner changes
        nothing. Raises IllegalMoveError where the graph has no such edge.
        """
        attempt = store.locked(tx, attempt_id)
        if attempt.state in _OVERTAKEN.get(event, frozenset()):
            facts = {"event_name": str(event), "state": str(attempt.state)}
            log.info("report_overtaken", attempt_id=attempt_id, **facts)
            return attempt
        values = {} if decline is None else {"decline": decline}
        return self.transitions.move(tx, attempt, event, note=note, **values)

    def withdraw(self, tx: sa.Connection, attempt_id: str, *, never_asked: bool = False) -> Attempt:
        """Gives the attempt up as far as that is still possible; the state of the result says how far.

        `abandoned`: it is never sent. `unknown`, `voiding`: the gateway is asked, and what it holds is
        voided. `claimed` or an end: too late, it goes on. `never_asked`: the PCI process is certain that it
        asked no issuer.
        """
        attempt = store.locked(tx, attempt_id)
        match attempt.state:
            case State.RESERVED:
                event, note = Event.ABANDON, "withdrawn"
            case State.AUTHORIZING if never_asked:
                event, note = Event.CANCEL, "withdrawn before the issuer was asked"
            case State.AUTHORIZING:
                # past its deadline, what a look-up finds held is voided at once
                now = self.transitions.clock.now()
                return self.transitions.move(
                    tx, attempt, Event.MARK_UNKNOWN, note="withdrawn", deadline_at=now
                )
            case State.AUTHORIZED:
                event, note = Event.VOID, "withdrawn"
            case _:
                return attempt
        return self.transitions.move(tx, attempt, event, note=note)

    def _insert(self, tx: sa.Connection, new: NewAttempt, bill: str) -> Attempt | None:
        """The new attempt; None where another transaction made one for the same turn meanwhile."""
        attempt_id = self.transitions.ids.new("attempt")
        now = self.transitions.clock.now()
        given = {name: getattr(new, name) for name in NewAttempt.__slots__}
        for _ in range(REFERENCE_TRIES):
            reference = self.transitions.ids.reference()
            words = words_of_order(new.language, self.wording, bill=bill, payment=reference)
            attempt = store.insert(
                tx,
                id=attempt_id,
                reference=reference,
                order_description=words.description,
                order_statement=words.statement,
                gateway=self.gateway,
                state=State.RESERVED,
                created_at=now,
                deadline_at=now + timedelta(seconds=timeouts.CHARGE_WITHIN_S),
                **given,
            )
            if attempt is not None:
                return attempt
            if store.find_made_for(tx, new.made_for) is not None:
                return None
        raise RuntimeError("no free reference was found: are there too many attempts for eight digits?")


def _made_before(tx: sa.Connection, new: NewAttempt) -> Attempt | None:
    made = store.find_made_for(tx, new.made_for)
    if made is not None and (made.bill_id, made.amount_minor) != (new.bill_id, new.amount_minor):
        raise ValueError(f"{new.made_for} made an attempt for another bill or amount before")
    return made
