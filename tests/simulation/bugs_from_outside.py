"""Bugs to be planted where others than callers and payers act: a bill's source, and somebody with the
gateway's dashboard open.

As in `bugs`, each is what a hasty change could do.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from unittest import mock

import sqlalchemy as sa

from gateways.contract import Unknown
from gateways.stripe import refunds
from gateways.stripe.client import StripeSession
from ivr.bills import reservation, store, views
from ivr.payments.attempts import bookkeeping
from ivr.payments.attempts.service import Attempt
from ivr.payments.attempts.states import State
from ivr.payments.attempts.transitions import Transitions
from ivr.payments.links import store as link_store
from ivr.payments.refunds import external_refunds as elsewhere
from tests.simulation.planted_bug import BY_HAND, QUIET, SOURCE_SPEAKS, Bug, Patches
from tests.support import schema


def _withdrawn_alone() -> Patches:
    """The sweep closes links of bills that are withdrawn, and not of those that are paid elsewhere."""
    return [mock.patch.object(link_store, "OVER_BY_ITS_SOURCE", views.bill.c.withdrawn)]


def _word_dropped() -> Patches:
    """What waited to be paid elsewhere is dropped when the link is closed, and not kept."""

    def heard(amount_minor: int) -> dict[str, Any]:
        is_last = schema.bill.c.reserved_minor == amount_minor
        kept = schema.bill.c.said_elsewhere_minor
        return {"said_elsewhere_minor": sa.case((is_last, sa.null()), else_=kept)}

    return [mock.patch.object(reservation, "_source_heard", heard)]


def _waiting_word_ignored() -> Patches:
    """A word that waits for a link counts for nothing until that is closed: others may pay the rest."""
    return [mock.patch.object(reservation, "ELSEWHERE", schema.bill.c.paid_elsewhere_minor)]


def _withdrawn_untold() -> Patches:
    """Finance is not told of who paid a bill that was withdrawn, or paid elsewhere."""
    return [mock.patch.object(bookkeeping, "_compare_with_source")]


def _said_though_charged() -> Patches:
    """A bill may become paid elsewhere while a charge for it is under way."""
    return [mock.patch.object(store, "_refuse_what_cannot_be")]


def _ours_by_hand() -> Patches:
    """A refund of ours is counted as one by hand."""
    return [mock.patch.object(refunds, "refunded_externally", _all_given_back)]


def _all_given_back(api: StripeSession, payment: str) -> int | Unknown:
    given = [one for one in refunds._of_payment(api, payment) if not isinstance(one, Unknown)]
    return sum(one.whole("amount") or 0 for one in given)


def _mark_dropped() -> Patches:
    """What is given back by hand before we know that the payment was approved is not asked about later."""
    real = elsewhere.note_report

    def note_report(moves: Transitions, tx: sa.Connection, attempt: Attempt) -> None:
        if attempt.state is State.APPROVED:
            real(moves, tx, attempt)

    return [mock.patch.object(elsewhere, "note_report", note_report)]


def _every_time_new() -> Patches:
    """What was told already is told again with the next notice."""
    real = elsewhere.record

    def record(moves: Transitions, tx: sa.Connection, attempt: Attempt, in_all_minor: int) -> None:
        real(moves, tx, replace(attempt, refunded_externally_minor=0), in_all_minor)

    return [mock.patch.object(elsewhere, "record", record)]


BUGS_OF_OTHERS: Mapping[str, Bug] = {
    "links of withdrawn bills closed alone": Bug(_withdrawn_alone, "is left open", SOURCE_SPEAKS, first=1),
    "a source's waiting word dropped": Bug(_word_dropped, "and its source said", SOURCE_SPEAKS, first=1),
    "a source's waiting word ignored": Bug(_waiting_word_ignored, "was due", SOURCE_SPEAKS, first=1),
    "paid after its source's word and untold": Bug(
        _withdrawn_untold, "was told 0 times", SOURCE_SPEAKS, first=12
    ),
    "a source heard while a charge is under way": Bug(
        _said_though_charged, "while a charge", SOURCE_SPEAKS, first=16
    ),
    "our refund taken for one by hand": Bug(
        _ours_by_hand, "given back by hand", QUIET, deployment="stripe-tokenize", first=2
    ),
    "given back before it is approved": Bug(
        _mark_dropped,
        "given back by hand",
        {**BY_HAND, "gateway": 0.6},
        deployment="stripe-tokenize",
        first=38,
    ),
    "told anew with each notice": Bug(
        _every_time_new, "as given back by hand", BY_HAND, deployment="stripe-tokenize", first=17
    ),
}
