"""What each answer of the gateway does to an attempt in each state, as one table.

Answers come late, twice and out of order: from the charge itself, from a look-up, from the PCI process. The
table lists the events that follow, for each state and answer. If a pair is not listed, the answer contradicts
the state: that is logged as critical and changes nothing. `Unknown` is never a contradiction; where it is not
listed, nothing changes and nothing is logged.
"""

from typing import Any

import sqlalchemy as sa
import structlog

from gateways.contract import (
    Approved,
    Authorized,
    Cancelled,
    Declined,
    LinkFound,
    LinkOpen,
    LookupResult,
    RefundNotFound,
    Unknown,
)
from ivr.payments import history, tables
from ivr.payments.attempts.states import Event, State
from ivr.payments.attempts.store import Attempt, fit
from ivr.payments.attempts.transitions import Transitions
from ivr.payments.history import Difference
from ivr.payments.links import store as link_store

log = structlog.get_logger()

Answer = LookupResult | LinkFound

WORDS: dict[type, str] = {
    Approved: "approved",
    Authorized: "authorized",
    Declined: "declined",
    Cancelled: "fenced",
    LinkOpen: "linkopen",
    RefundNotFound: "notfound",
    Unknown: "unknown",
}
"""How an answer is called in histories and logs; stored, so never renamed."""

PATHS: dict[tuple[State, type[Answer]], tuple[Event, ...]] = {
    (State.AUTHORIZING, Approved): (Event.MARK_UNKNOWN, Event.APPROVE),
    (State.AUTHORIZING, Authorized): (Event.AUTHORIZED,),
    (State.AUTHORIZING, Declined): (Event.DECLINE,),
    (State.AUTHORIZING, Cancelled): (Event.CANCEL,),
    (State.AUTHORIZING, Unknown): (Event.MARK_UNKNOWN,),
    (State.AUTHORIZED, Approved): (Event.CLAIM, Event.APPROVE),
    (State.AUTHORIZED, Authorized): (),
    (State.AUTHORIZED, Declined): (Event.CLAIM, Event.DECLINE),
    (State.AUTHORIZED, Cancelled): (Event.VOID, Event.VOIDED),
    (State.CLAIMED, Approved): (Event.APPROVE,),
    (State.CLAIMED, Authorized): (Event.MARK_UNKNOWN, Event.AUTHORIZED),
    (State.CLAIMED, Declined): (Event.DECLINE,),
    (State.CLAIMED, Cancelled): (Event.CANCEL,),
    (State.CLAIMED, LinkOpen): (Event.OPEN_LINK,),
    (State.CLAIMED, Unknown): (Event.MARK_UNKNOWN,),
    (State.UNKNOWN, Approved): (Event.APPROVE,),
    (State.UNKNOWN, Authorized): (Event.AUTHORIZED,),
    (State.UNKNOWN, Declined): (Event.DECLINE,),
    (State.UNKNOWN, Cancelled): (Event.CANCEL,),
    (State.UNKNOWN, LinkOpen): (Event.OPEN_LINK,),
    (State.LINK_OPEN, Approved): (Event.APPROVE,),
    (State.LINK_OPEN, Cancelled): (Event.CANCEL,),
    (State.LINK_OPEN, LinkOpen): (),
    (State.LINK_CLOSING, Approved): (Event.APPROVE,),
    (State.LINK_CLOSING, Declined): (Event.CANCEL,),
    (State.LINK_CLOSING, Cancelled): (Event.CANCEL,),
    (State.LINK_CLOSING, LinkOpen): (),
    (State.VOIDING, Approved): (Event.APPROVE,),
    (State.VOIDING, Authorized): (),
    (State.VOIDING, Declined): (Event.VOIDED,),
    (State.VOIDING, Cancelled): (Event.VOIDED,),
    (State.NEEDS_REVIEW, Approved): (Event.APPROVE,),
    (State.NEEDS_REVIEW, Authorized): (),
    (State.NEEDS_REVIEW, Declined): (Event.CANCEL,),
    (State.NEEDS_REVIEW, Cancelled): (Event.CANCEL,),
    (State.NEEDS_REVIEW, LinkOpen): (),
    (State.APPROVED, Approved): (),
    (State.APPROVED, LinkOpen): (),
    (State.DECLINED, Declined): (),
    (State.DECLINED, Cancelled): (),
    (State.CANCELLED, Declined): (),
    (State.CANCELLED, Cancelled): (),
    (State.CANCELLED, LinkOpen): (),
    (State.ABANDONED, Declined): (),
    (State.ABANDONED, Cancelled): (),
    (State.VOIDED, Declined): (),
    (State.VOIDED, Cancelled): (),
}
"""From a state, by an answer: the events, in order. `LinkOpen` fits some ended states too: the page may have
been paid or closed after the gateway looked.
"""


def record(
    transitions: Transitions, tx: sa.Connection, attempt: Attempt, answer: Answer, *, note: str
) -> Attempt:
    """The attempt after the answer; `attempt` was read by `store.locked` in this transaction."""
    path = PATHS.get((attempt.state, type(answer)))
    if path is None:
        if not isinstance(answer, Unknown):
            _contradiction(transitions, tx, attempt, answer)
        return attempt
    if isinstance(answer, LinkOpen):
        link_store.keep_opened(tx, attempt.id, answer, transitions.clock.now())
    for event in path:
        last = event is path[-1]
        attempt = transitions.move(tx, attempt, event, note=note, **(_facts(answer) if last else {}))
    return attempt


def _facts(answer: Answer) -> dict[str, Any]:
    """The columns that an answer fills."""
    columns = tables.attempt.c
    match answer:
        case Approved(gateway_reference, authorisation_code, card):
            shown = {"brand": fit(columns.brand, card.brand), "last_four": card.last_four} if card else {}
            return shown | {
                "gateway_reference": fit(columns.gateway_reference, gateway_reference),
                "authorisation_code": fit(columns.authorisation_code, authorisation_code),
            }
        case Declined(decline, gateway_code, gateway_reference):
            facts = {"decline": decline, "gateway_code": fit(columns.gateway_code, gateway_code)}
            if gateway_reference is not None:  # otherwise keep the reference stored by `prepare`
                facts["gateway_reference"] = fit(columns.gateway_reference, gateway_reference)
            return facts
        case Authorized(authorization):
            return {"gateway_authorization": authorization}
        case _:
            return {}


def _contradiction(transitions: Transitions, tx: sa.Connection, attempt: Attempt, answer: Answer) -> None:
    """The gateway says now what it had ruled out. It is recorded, and changes nothing else. Logged as
    critical only the first time: a refund in the dashboard triggers the same report again.
    """
    said = WORDS[type(answer)]
    reference = answer.gateway_reference if isinstance(answer, Approved) else None
    note = fit(tables.attempt_move.c.note, f"the gateway says {said} {reference or ''}".strip()) or ""
    if history.has_line(tx, attempt.id, Difference.CONTRADICTION, note):
        log.warning("gateway_still_contradicts_itself", attempt_id=attempt.id, state=str(attempt.state))
        return
    log.critical(
        "gateway_contradicts_itself",
        attempt_id=attempt.id,
        reference=attempt.reference,
        state=str(attempt.state),
        says=said,
        gateway_reference=reference,
    )
    transitions.add_history(tx, attempt, Difference.CONTRADICTION, note)
