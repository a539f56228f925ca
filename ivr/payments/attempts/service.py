"""Attempts, as a call asks for them: make one, give it its card, ask for the charge, look at it, withdraw it.

Every method writes in the caller's transaction and talks to nobody. What could go wrong is a repeat or a
race: the same `made_for` makes no second attempt, two attempts on one bill queue on its row, and what a
worker claimed is not withdrawn any more.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from gateways.declines import Decline
from ivr.bills import reservation
from ivr.bills import views as bills_views
from ivr.events.emitter import Events
from ivr.events.payment_events import LeftUnheard
from ivr.jobs.job_list import CHARGE_ATTEMPT, EXPIRE_ATTEMPT, OPEN_LINK, Work
from ivr.payments import tables, timeouts
from ivr.payments.attempts import store
from ivr.payments.attempts.order_words import words_of_order
from ivr.payments.attempts.states import FINAL, Event, Method, State
from ivr.payments.attempts.store import Attempt, NewAttempt, NoSuchAttemptError
from ivr.payments.attempts.transitions import Transitions
from ivr.payments.event_facts import payment_facts
from ivr.payments.links import store as link_store
from ivr.payments.links.store import LinkTerms
from ivr.platform.clock import Clock
from ivr.platform.ids import Ids
from ivr.platform.wording import PLAIN, Wording

__all__ = ["Attempt", "AttemptService", "NewAttempt", "NoSuchAttemptError"]
log = structlog.get_logger()

REFERENCE_TRIES = 20
"""A reference of eight digits is taken by chance; twenty in a row are not."""

_OVERTAKEN: Mapping[Event, frozenset[State]] = {
    Event.MARK_UNKNOWN: frozenset(State) - {State.RESERVED, State.AUTHORIZING, State.CLAIMED},
    Event.DECLINE: frozenset({State.DECLINED, State.CANCELLED, State.VOIDED}),
    Event.AUTHORIZED: frozenset(State) - {State.RESERVED, State.AUTHORIZING, State.UNKNOWN, State.ABANDONED},
}
"""What the PCI process reports can be found out sooner by a look-up: in these states its report brings
nothing new.
"""


class AttemptService:
    """What a call may do with an attempt. `gateway` names the one that new attempts are made for; `links` is
    None where it has no payment pages; in `wording` payers read of them.
    """

    def __init__(
        self,
        *,
        gateway: str,
        work: Work,
        clock: Clock,
        ids: Ids,
        events: Events,
        links: LinkTerms | None = None,
        wording: Wording = PLAIN,
    ) -> None:
        self._gateway = gateway
        self._wording = wording
        self._links = links
        self._clock = clock
        self._ids = ids
        self._moves = Transitions(work, clock, ids, events)

    @property
    def has_links(self) -> bool:
        """Whether an attempt can be paid by link."""
        return self._links is not None

    def make(self, tx: sa.Connection, new: NewAttempt) -> Attempt | None:
        """A new attempt that holds its part of the bill, or the one made before under this name.

        None where that much of the bill is no longer due. Unclaimed at its deadline it is abandoned.
        """
        now = self._clock.now()
        made = self._made_before(tx, new)
        if made is not None:
            return made
        bill = self._bill(tx, new.bill_id)
        if bill is None or bill.currency != new.currency:
            raise ValueError(f"bill {new.bill_id} is not in {new.currency}")
        if not reservation.reserve(tx, new.bill_id, new.amount_minor, now):
            return self._made_before(tx, new)  # a repeat that waited for the first one's lock finds it now
        attempt_id = self._insert(tx, new, bill.reference)
        if attempt_id is None:
            reservation.release(tx, new.bill_id, new.amount_minor, now)
            return self._made_before(tx, new)
        if new.method is Method.LINK:
            if self._links is None:
                raise ValueError(f"{self._gateway} has no payment links")
            link_store.make(tx, attempt_id, self._ids.link_token(), self._links, now)
        self._moves.write_down(tx, attempt_id, "make", State.RESERVED)
        attempt = store.get(tx, attempt_id)
        self._moves.ask(tx, attempt, EXPIRE_ATTEMPT, timeouts.CHARGE_WITHIN_S)
        return store.get(tx, attempt_id)

    def get(self, tx: sa.Connection, attempt_id: str) -> Attempt:
        return store.get(tx, attempt_id)

    def find_made_for(self, tx: sa.Connection, made_for: str) -> Attempt | None:
        return store.find_made_for(tx, made_for)

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
        holder: str | None = None,
    ) -> None:
        """What stands for the card: a token to charge, or an authorization to capture. A final attempt takes
        none. `saved_card_id`: the token is that of a card which the gateway keeps for `holder`.
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
            "holder": holder,
        }
        values = {name: value for name, value in given.items() if value is not None}
        if values:
            tx.execute(sa.update(tables.attempt).where(tables.attempt.c.id == attempt_id).values(**values))

    def ask_charge(self, tx: sa.Connection, attempt_id: str) -> None:
        """The caller confirmed: a worker charges (or captures) from now on until the deadline, and not after
        it.
        """
        attempt = store.locked(tx, attempt_id)
        if attempt.state in FINAL or attempt.charge_asked_at is not None:
            return
        now = self._clock.now()
        deadline_at = now + timedelta(seconds=timeouts.CHARGE_WITHIN_S)
        tx.execute(
            sa.update(tables.attempt)
            .where(tables.attempt.c.id == attempt_id)
            .values(charge_asked_at=now, deadline_at=deadline_at)
        )
        if attempt.state in {State.RESERVED, State.AUTHORIZED}:
            self._moves.ask(tx, attempt, CHARGE_ATTEMPT)
            self._moves.ask(tx, attempt, EXPIRE_ATTEMPT, timeouts.CHARGE_WITHIN_S)

    def ask_link(self, tx: sa.Connection, attempt_id: str) -> None:
        """The payer was promised a link: a worker opens it, and it is sent, whoever hangs up meanwhile."""
        attempt = store.locked(tx, attempt_id)
        if attempt.state is not State.RESERVED or attempt.charge_asked_at is not None:
            return
        tx.execute(
            sa.update(tables.attempt)
            .where(tables.attempt.c.id == attempt_id)
            .values(charge_asked_at=self._clock.now())
        )
        self._moves.ask(tx, attempt, OPEN_LINK)

    def close_link(self, tx: sa.Connection, attempt_id: str, *, note: str) -> Attempt:
        """Nobody shall pay by this link any more. That is certain only once the attempt is final: it may have
        been paid before.
        """
        attempt = store.locked(tx, attempt_id)
        if attempt.method is not Method.LINK:
            raise ValueError(f"attempt {attempt_id} is not paid by link")
        match attempt.state:
            case State.RESERVED:
                return self._moves.move(tx, attempt, Event.ABANDON, note=note)
            case State.CLAIMED | State.UNKNOWN | State.LINK_OPEN:
                return self._moves.move(tx, attempt, Event.CLOSE_LINK, note=note)
            case _:
                return attempt

    def promise(self, tx: sa.Connection, attempt_id: str) -> None:
        """The caller leaves without hearing the outcome: whatever it is or will be, they are to be texted.
        Who was sent a link has been.
        """
        attempt = store.locked(tx, attempt_id)
        if attempt.promised_at is not None or attempt.state in {State.LINK_OPEN, State.LINK_CLOSING}:
            return
        tx.execute(
            sa.update(tables.attempt)
            .where(tables.attempt.c.id == attempt_id)
            .values(promised_at=self._clock.now())
        )
        if attempt.state in FINAL - {State.APPROVED}:
            left = LeftUnheard(payment_facts(store.get(tx, attempt_id)))
            self._moves.events.emit(tx, left)

    def advance(
        self,
        tx: sa.Connection,
        attempt_id: str,
        event: Event,
        *,
        note: str = "",
        decline: Decline | None = None,
    ) -> Attempt:
        """The attempt after the event, with all that belongs to the move.

        A report that a look-up has overtaken changes nothing. Raises IllegalMoveError where the graph has no
        such edge.
        """
        attempt = store.locked(tx, attempt_id)
        if attempt.state in _OVERTAKEN.get(event, frozenset()):
            log.info(
                "report_overtaken", attempt_id=attempt_id, event_name=str(event), state=str(attempt.state)
            )
            return attempt
        facts = {} if decline is None else {"decline": decline}
        return self._moves.move(tx, attempt, event, note=note, **facts)

    def withdraw(self, tx: sa.Connection, attempt_id: str, *, never_asked: bool = False) -> Attempt:
        """Gives the attempt up as far as that is still possible; its state says how far it was.

        `abandoned`: it is never sent. `unknown`, `voiding`: the gateway is asked, and what it holds is
        released. `claimed` or final: too late, it goes on. With `never_asked`, the PCI process is certain
        that it asked no issuer.
        """
        attempt = store.locked(tx, attempt_id)
        match attempt.state:
            case State.RESERVED:
                return self._moves.move(tx, attempt, Event.ABANDON, note="withdrawn")
            case State.AUTHORIZING if never_asked:
                return self._moves.move(
                    tx, attempt, Event.CANCEL, note="withdrawn before the issuer was asked"
                )
            case State.AUTHORIZING:
                # nobody will ask for its charge: what a look-up finds held is let go at once
                return self._moves.move(
                    tx, attempt, Event.MARK_UNKNOWN, note="withdrawn", deadline_at=self._clock.now()
                )
            case State.AUTHORIZED:
                return self._moves.move(tx, attempt, Event.VOID, note="withdrawn")
            case _:
                return attempt

    def _made_before(self, tx: sa.Connection, new: NewAttempt) -> Attempt | None:
        made = store.find_made_for(tx, new.made_for)
        if made is not None and (made.bill_id, made.amount_minor) != (new.bill_id, new.amount_minor):
            raise ValueError(f"{new.made_for} made an attempt for another bill or amount before")
        return made

    def _bill(self, tx: sa.Connection, bill_id: str) -> sa.Row[str, str] | None:
        bills = bills_views.bill.c
        query = sa.select(bills.currency, bills.reference).where(bills.id == bill_id)
        return tx.execute(query).one_or_none()

    def _insert(self, tx: sa.Connection, new: NewAttempt, bill: str) -> str | None:
        """The new attempt's id; None where another transaction made one under this name meanwhile."""
        attempt_id = self._ids.new("attempt")
        now = self._clock.now()
        for _ in range(REFERENCE_TRIES):
            reference = self._ids.reference()
            words = words_of_order(new.language, self._wording, bill=bill, payment=reference)
            try:
                with tx.begin_nested():
                    tx.execute(
                        sa.insert(tables.attempt).values(
                            id=attempt_id,
                            made_for=new.made_for,
                            reference=reference,
                            bill_id=new.bill_id,
                            call_id=new.call_id,
                            payer_phone=new.payer_phone,
                            language=new.language,
                            order_description=words.description,
                            order_statement=words.statement,
                            amount_minor=new.amount_minor,
                            currency=new.currency,
                            gateway=self._gateway,
                            card_entry_id=new.card_entry_id,
                            state=State.RESERVED,
                            method=new.method,
                            created_at=now,
                            deadline_at=now + timedelta(seconds=timeouts.CHARGE_WITHIN_S),
                        )
                    )
            except sa.exc.IntegrityError:
                if store.find_made_for(tx, new.made_for) is not None:
                    return None
                continue
            return attempt_id
        raise RuntimeError("no free reference was found: are there too many attempts for eight digits?")
