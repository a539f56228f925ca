"""The order of an attempt, as every process sends it to the gateway: made of stored values alone.

A gateway refuses a second request under the same key if its words differ, and then does not say what became
of the first. So what the payer reads is stored when the attempt is made, in their language and with the
merchant's noun for a bill. The metadata, which programs and finance read, is in no language.
"""

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from flows.language import Noun, with_noun
from gateways.contract import Order
from ivr.bills import views as bills_views
from ivr.payments.attempts.states import Method
from ivr.payments.attempts.store import Attempt
from ivr.platform.settings.line import Wording

_FOLDER = Path(__file__).parent
_DEFAULT = "en"
_STATEMENT_MAX = 80
_NO_CAPITAL = re.compile(r"[^A-Z0-9 ]")
_LEGACY_DESCRIPTION = {"es": "Factura {bill}, pago {payment}"}
_LEGACY_DESCRIPTION_ELSE = "Bill {bill}, payment {payment}"
_REFERENCE = sa.select(bills_views.bill.c.reference).where(bills_views.bill.c.id == sa.bindparam("wanted"))


@dataclass(frozen=True, slots=True)
class OrderWords:
    """What the payer reads of an order."""

    description: str
    statement: str
    """ASCII capitals, digits and blanks, 80 at most; the gateway's adapter cuts it to size."""


def order_of(tx: sa.Connection, attempt: Attempt) -> Order:
    """The attempt's order for the gateway; finance finds call, bill and payment in its dashboard."""
    bill = tx.execute(_REFERENCE, {"wanted": attempt.bill_id}).scalar_one()
    words = _words(attempt, bill)
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
        description=words.description,
        metadata=metadata,
        statement=words.statement,
        placed_at=attempt.created_at,
    )


def _words(attempt: Attempt, bill: str) -> OrderWords:
    if attempt.order_description is None or attempt.order_statement is None:
        return legacy_words(attempt.language, bill=bill, payment=attempt.reference)
    return OrderWords(attempt.order_description, attempt.order_statement)


def _channel(attempt: Attempt) -> str:
    if attempt.method is Method.LINK:
        return "link"
    return "phone" if attempt.call_id else "api"


def words_of_order(language: str, wording: Wording, *, bill: str, payment: str) -> OrderWords:
    """The words of a new order; in English where there is no `order.<language>.toml`."""
    template = _template(language)
    noun = wording.nouns.get(language)
    described = with_noun(template["description"], language, noun)
    stated = _statement(template["statement"], language, noun)
    return OrderWords(described.format(bill=bill, payment=payment), stated.format(bill=bill)[:_STATEMENT_MAX])


def legacy_words(language: str, *, bill: str, payment: str) -> OrderWords:
    """The words of an attempt made before migration 0017, which stores none. The gateway may know them."""
    template = _LEGACY_DESCRIPTION.get(language, _LEGACY_DESCRIPTION_ELSE)
    return OrderWords(template.format(bill=bill, payment=payment), f"BILL {bill}")


def _statement(template: str, language: str, noun: Noun | None) -> str:
    """The template in ASCII capitals. If no letter of the merchant's noun is left, the language's own is
    used.
    """
    noun_capitals = _capitals(noun.word) if noun else ""
    shown = noun if noun_capitals.strip() else None
    prefix, _, suffix = with_noun(template, language, shown).partition("{bill}")
    return f"{_capitals(prefix)}{{bill}}{_capitals(suffix)}"


def _capitals(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.upper()).encode("ascii", "ignore").decode()
    return _NO_CAPITAL.sub("", plain.upper())


@cache
def _template(language: str) -> Mapping[str, Any]:
    """The texts of the language's file, with `{bill}` and `{payment}`; English if there is no file."""
    path = _FOLDER / f"order.{language}.toml"
    template_path = path if path in _FOLDER.glob("order.*.toml") else _FOLDER / f"order.{_DEFAULT}.toml"
    with template_path.open("rb") as file:
        return tomllib.load(file)
