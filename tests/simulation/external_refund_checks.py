"""What must hold of money that somebody gave back in the gateway's dashboard: where its webhook arrived it is
told, with the right sum, and of no other payment; our own books are as if nothing had been.

That paid, refunded and ledger are unchanged by it needs no check here: `books.money` holds them against what
the gateway did at our word alone.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from ivr.payments.attempts.states import State
from ivr.payments.history import Difference
from tests.simulation.checks import Tables
from tests.simulation.simulated_gateway import ByHand, Truth


def given_back(
    books: Tables, truth: Truth, done_at: Mapping[str, datetime], *, was_away: bool
) -> Iterator[str]:
    """`done_at`: when somebody did it, by the gateway's reference; `was_away`: nobody could be asked for a
    day.
    """
    for attempt in books.attempts.values():
        own = [one for one in truth.by_hand if one.charge_key == attempt.id]
        heard = [
            books.heard_at[event]
            for event, key in truth.told_given_back.items()
            if key == attempt.id and event in books.heard_at
        ]
        events = [move for move in books.moves if move.attempt_id == attempt.id]
        gave_up = was_away and any(move.event == Difference.UNVERIFIED for move in events)
        least_minor, most_minor = 0, 0
        if heard:
            known = [one for one in own if done_at[one.reference] <= max(heard) and not one.came_back]
            least_minor = 0 if gave_up else sum(one.amount_minor for one in known)
            came_back = {truth.told_came_back[one] for one in truth.told_came_back if one in books.heard_at}
            most_minor = sum(one.amount_minor for one in own if gave_up or one.reference not in came_back)
        yield from _told(attempt, own, events, least_minor, most_minor)


def _told(
    attempt: Any, own: list[ByHand], moves: list[Any], least_minor: int, most_minor: int
) -> Iterator[str]:
    told = [move.note for move in moves if move.event == Difference.REFUNDED_EXTERNALLY]
    has_minor = attempt.refunded_externally_minor
    if not least_minor <= has_minor <= most_minor:
        yield (
            f"{attempt.id} says that {has_minor} was given back by hand,"
            f" and it was {least_minor} to {most_minor}"
        )
    if told and not own:
        yield f"{attempt.id} was told as given back by hand, and it was not"
    if has_minor and not told:
        yield f"{has_minor} of {attempt.id} was given back by hand, and nobody was told"
    came_back = [one for one in own if one.came_back]
    if len(told) > len(own) + len(came_back) or (len(set(told)) < len(told) and not came_back):
        yield f"{attempt.id} was told {len(told)} times as given back by hand: {told}"
    if attempt.external_refund_heard_at is not None or (
        attempt.state == State.APPROVED and attempt.verify_since is not None
    ):
        yield f"{attempt.id} still waits until the gateway says who gave back"
