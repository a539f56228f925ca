"""The bank's own books for finance: a list of charges as JSON, and a page of them for a person.

It only reads. Filters name what they compare: `metadata[bill]=...`, `key=...`, `state=...`, `currency=...`.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from flask import Flask, Response, jsonify, render_template, request

from gateways.sandbox.bank import movements
from gateways.sandbox.bank.fields import MalformedError
from gateways.sandbox.bank.ledger import Ledger
from gateways.sandbox.bank.movements import Movement
from gateways.sandbox.currencies import plain

_LISTED_MAX = 1_000
_INTERNAL = ("fingerprint", "charge_id", "lookups_left")
_METADATA = re.compile(r"metadata\[(.+)\]")
_PLAIN_FILTERS = ("id", "key", "state", "currency")


def install(app: Flask, ledger: Ledger) -> None:
    """Adds the two pages to the bank."""

    def listing() -> Response:
        return jsonify(charges=_charges(ledger, request.args))

    def page() -> str:
        charges = [
            {
                **charge,
                "amount": plain(charge["amount_minor"], charge["currency"]),
                "refunded": plain(charge["refunded_minor"], charge["currency"])
                if charge["refunded_minor"]
                else "",
            }
            for charge in _charges(ledger, request.args)
        ]
        return render_template("dashboard.html", charges=charges, most=_LISTED_MAX)

    app.add_url_rule("/charges", "listing", listing, methods=["GET"])
    app.add_url_rule("/", "page", page, methods=["GET"])


def _charges(ledger: Ledger, wanted: Mapping[str, str]) -> list[dict[str, Any]]:
    _check(wanted)
    with ledger.reading() as tx:
        listed = [
            {**_told(charge), "refunds": [_told(one) for one in movements.refunds_of(tx, charge.id or "")]}
            for charge in movements.newest(tx, limit=_LISTED_MAX)
        ]
    return [charge for charge in listed if _matches(charge, wanted)]


def _told(movement: Movement) -> dict[str, Any]:
    return {name: value for name, value in asdict(movement).items() if name not in _INTERNAL}


def _check(wanted: Mapping[str, str]) -> None:
    """An unknown filter is refused: a whole list must not look like a filtered one."""
    if any(_METADATA.fullmatch(name) is None and name not in _PLAIN_FILTERS for name in wanted):
        raise MalformedError(f"filters are metadata[name], {', '.join(_PLAIN_FILTERS)}")


def _matches(charge: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    for name, value in wanted.items():
        by_metadata = _METADATA.fullmatch(name)
        found = charge[name] if by_metadata is None else charge["metadata"].get(by_metadata[1])
        if found != value:
            return False
    return True
