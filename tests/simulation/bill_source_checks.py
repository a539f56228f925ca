"""What must hold of a bill of which its source spoke meanwhile: the last word that was taken stands, nobody
begins to pay what it called paid or withdrawn, and whoever paid all the same is told to finance, once.

The payments' moves and the words that were taken stand in one order, that of their commits, so what was true
at a payment's approval is reckoned and not guessed.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ivr.payments.attempts.states import Event, State
from ivr.payments.history import Difference
from ivr.platform.database.engine import reading
from tests.simulation.bill_source import BillSource, BillUpdate
from tests.simulation.checks import Tables
from tests.support import schema

_BY_ITS_SOURCE = (Difference.PAID_ELSEWHERE_TOO, Difference.PAID_THOUGH_WITHDRAWN)
Words = Mapping[str, Sequence[BillUpdate]]


def said(books: Tables, source: BillSource) -> Iterator[str]:
    """Holds each bill against its source."""
    yield from source.violations
    for reference in sorted(source.waiting):
        yield f"the source of {reference} is still not heard"
    for bill in books.bills.values():
        words = source.taken[bill.reference]
        yield from _last_word(bill, words[-1])
        yield from _payments(books, bill, words)


def links_left_open(engine: sa.Engine, words: Words, since: datetime) -> Iterator[str]:
    """Links that a sweep at that moment had to begin to close, and that are open all the same."""
    attempt, bill, move = schema.attempt.c, schema.bill.c, schema.attempt_move.c
    began = sa.select(sa.func.max(move.at)).where(move.attempt_id == attempt.id).scalar_subquery()
    query = (
        sa.select(attempt.id, attempt.amount_minor, bill.reference, bill.paid_minor)
        .join(schema.bill, bill.id == attempt.bill_id)
        .where(attempt.state == State.LINK_OPEN, began < since)
    )
    with reading(engine) as tx:
        links = tx.execute(query).all()
    for link in links:
        word = words[link.reference][-1]
        due_minor = word.billed_minor - word.elsewhere_minor - link.paid_minor
        is_over = word.withdrawn or link.amount_minor > due_minor
        if is_over and word.at < since:
            yield f"the link of {link.id} is left open, and its bill is over by its source's word"


def _last_word(bill: Any, word: BillUpdate) -> Iterator[str]:
    if bill.said_elsewhere_minor is not None:
        yield f"{bill.said_elsewhere_minor} of {bill.id} still waits to be paid elsewhere"
    stands = (bill.billed_minor, bill.paid_elsewhere_minor, bool(bill.withdrawn))
    wanted = (word.billed_minor, word.elsewhere_minor, word.withdrawn)
    if stands != wanted:
        yield f"{bill.id} is {stands} (billed, elsewhere, withdrawn), and its source said {wanted}"


def _payments(books: Tables, bill: Any, words: Sequence[BillUpdate]) -> Iterator[str]:
    """Goes through the bill's moves: what may begin, and what is to be told of whom."""
    own = {one.id: one for one in books.attempts.values() if one.bill_id == bill.id}
    told = Counter((move.attempt_id, move.event) for move in books.moves if move.event in _BY_ITS_SOURCE)
    due: set[tuple[str, str]] = set()
    paid_minor = 0
    for move in books.moves:
        if move.attempt_id not in own:
            continue
        attempt, paid_minor = own[move.attempt_id], paid_minor + _paid_by(books, move)
        word = next(one for one in reversed(words) if one.after_move < move.id)
        if move.event == "make":
            yield from _begun(attempt, word, paid_minor)
        elif move.event == Event.APPROVE:
            if word.withdrawn:
                due.add((attempt.id, Difference.PAID_THOUGH_WITHDRAWN))
            if paid_minor + word.elsewhere_minor > word.billed_minor:
                due.add((attempt.id, Difference.PAID_ELSEWHERE_TOO))
    for attempt_id in own:
        for kind in _BY_ITS_SOURCE:
            times, is_due = told[attempt_id, kind], (attempt_id, kind) in due
            if times != is_due:
                yield f"{attempt_id} was told {times} times as {kind}, and due {is_due:d} times"


def _paid_by(books: Tables, move: Any) -> int:
    """By how much a move changes what is paid of its bill."""
    match move.event:
        case Event.APPROVE:
            return int(books.attempts[move.attempt_id].amount_minor)
        case "refund_approved":
            return -int(books.refunds[move.note.split()[0]].amount_minor)
        case Difference.REFUND_CAME_BACK:
            return int(books.refunds[move.note.split()[0]].amount_minor)
        case _:
            return 0


def _begun(attempt: Any, word: BillUpdate, paid_minor: int) -> Iterator[str]:
    """A payment begins with a part of the bill that is due by the last word that was taken."""
    if word.withdrawn:
        yield f"{attempt.id} was begun, and its bill was withdrawn"
    due_minor = word.billed_minor - word.elsewhere_minor - paid_minor
    if attempt.amount_minor > due_minor:
        yield f"{attempt.id} was begun for {attempt.amount_minor}, and {due_minor} was due"
