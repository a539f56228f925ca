"""One timeline over all channels: what happened, when, to whom, as plain facts that a person can read.

Entries are only ever added. Facts are plain values and never a card: text with a digit run that could be a
card number is refused, so a slip elsewhere fails loudly here and is not kept.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import phonenumbers
import sqlalchemy as sa
from stdnum import luhn

from ivr.customers.tables import timeline

KIND_LENGTH_MAX = 40
_RUN = re.compile(r"(?<!\d)\d(?:[ .\-]{0,2}\d){11,18}(?![ .\-]{0,2}\d)")
"""12 to 19 digits, also with blanks, points or dashes between them."""
_NAMES_A_THING = re.compile(
    r"(?<!\w)(?:[a-z]+_[0-9a-hjkmnp-tv-z]{20}|[A-Z]{2}[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?!\w)"
)
"""Our ids, the carrier's SIDs and UUIDs: random, so that by chance digits stand together in them."""
_PHONE = re.compile(r"(?<!\w)\+[1-9]\d{6,14}(?!\d)")

_ADD = timeline.insert()


class CardInFactsError(ValueError):
    """A fact holds what could be a card number, or is no plain value. The message never repeats it."""


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One thing that happened."""

    at: datetime
    kind: str
    customer_id: str | None
    call_id: str | None
    attempt_id: str | None
    facts: Mapping[str, Any]


def add(
    tx: sa.Connection,
    kind: str,
    *,
    at: datetime,
    call_id: str | None = None,
    attempt_id: str | None = None,
    customer_id: str | None = None,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Adds an entry, `kind` such as `call.began`. Raises CardInFactsError where a fact could hold a card."""
    if not 0 < len(kind) <= KIND_LENGTH_MAX:
        raise ValueError(f"the kind {kind!r} has to have 1 to {KIND_LENGTH_MAX} characters")
    given = dict(facts or {})
    for text in _texts(given):
        if could_hold_a_card(text):
            raise CardInFactsError(f"the facts of {kind} hold digits that could be a card")
    about = {"customer_id": customer_id, "call_id": call_id, "attempt_id": attempt_id}
    tx.execute(_ADD, {"at": at, "kind": kind, **about, "facts": given})


def of_call(tx: sa.Connection, call_id: str) -> list[TimelineEntry]:
    """What happened in a call, in the order in which it was written."""
    columns = [timeline.c[name] for name in TimelineEntry.__slots__]
    rows = tx.execute(sa.select(*columns).where(timeline.c.call_id == call_id).order_by(timeline.c.id))
    return [TimelineEntry(**row) for row in rows.mappings()]


def could_hold_a_card(text: str) -> bool:
    """Whether 12 to 19 digits that pass Luhn's check stand together; ids and phone numbers do not count."""
    without_ids = _NAMES_A_THING.sub("\n", text)
    rest = _PHONE.sub(lambda found: "\n" if _rings(found[0]) else found[0], without_ids)
    return any(luhn.is_valid(re.sub(r"\D", "", run[0])) for run in _RUN.finditer(rest))


def _rings(number: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return False


def _texts(value: Any) -> Iterator[str]:
    """Every key and value, as text."""
    match value:
        case None | bool():
            return
        case str() | int() | float():
            yield str(value)
        case Mapping():
            for key, inner in value.items():
                yield str(key)
                yield from _texts(inner)
        case list() | tuple():
            for inner in value:
                yield from _texts(inner)
        case _:
            raise CardInFactsError(f"a fact is a plain value, not a {type(value).__name__}")
