"""What is asked of a gateway, in the same words by whoever asks: made of what the books hold, and of nothing
that can change between two processes or two releases of the settings. What the payer reads of it is in the
attempt's language (`order.<language>.toml`); what programs and finance read, the metadata, is in none.

May import `gateways.contract`, `ivr.payments.records` and `ivr.storage.schema`. What could go wrong is a word
that differs: a gateway that is asked again under a key then answers "seen before, and otherwise", and nobody
learns what became of the first.
"""

import tomllib
from functools import cache
from pathlib import Path

import sqlalchemy as sa

from gateways.contract import Order
from ivr.payments.records import Attempt, Method
from ivr.storage import schema

_FOLDER = Path(__file__).parent
_DEFAULT = "en"
_REFERENCE = sa.select(schema.bill.c.reference).where(schema.bill.c.id == sa.bindparam("wanted"))


def order_of(tx: sa.Connection, attempt: Attempt) -> Order:
    """The attempt as the gateway hears of it; finance finds call, bill and payment in its dashboard."""
    bill = tx.execute(_REFERENCE, {"wanted": attempt.bill_id}).scalar_one()
    metadata = {
        "attempt": attempt.id,
        "payment": attempt.reference,
        "bill": bill,
        "call": attempt.call_id or "",
        "channel": _channel(attempt),
    }
    return Order(
        key=attempt.id,
        amount_minor=attempt.amount_minor,
        currency=attempt.currency,
        description=_description(attempt.language).format(bill=bill, payment=attempt.reference),
        metadata=metadata,
        statement=f"BILL {bill}",
        placed_at=attempt.created_at,
    )


def _channel(attempt: Attempt) -> str:
    if attempt.method is Method.LINK:
        return "link"
    return "phone" if attempt.call_id else "api"


@cache
def _description(language: str) -> str:
    """What the payer reads, with places for the bill and the payment; in English where there are no words."""
    path = _FOLDER / f"order.{language}.toml"
    spoken = path if path in _FOLDER.glob("order.*.toml") else _FOLDER / f"order.{_DEFAULT}.toml"
    with spoken.open("rb") as file:
        return str(tomllib.load(file)["description"])
