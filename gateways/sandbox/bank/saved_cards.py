"""Cards that are kept for a customer's next payment: agreed to at a charge, saved once it is approved,
forgotten for good.

What is kept is that a card may pay again and for whom: brand, last four and outcome stand in `tokens`, and
its number nowhere. A card that is forgotten is never saved again, so that a save which comes late changes
nothing.
"""

import sqlite3
from dataclasses import dataclass

from gateways.sandbox.bank import movements, tokens
from gateways.sandbox.bank.movements import MovementState
from gateways.sandbox.bank.refusal import RefusedError

UNKNOWN = "unknown_token"
NOT_AGREED = "not_to_be_kept"
NOT_CHARGED = "not_charged"
FORGOTTEN = "card_forgotten"
WRONG_HOLDER = "wrong_holder"


class NotSavedError(Exception):
    """The card is not saved, for certain; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class BankSavedCard:
    """Where a card stands that its payer agreed to have kept."""

    card_id: str
    charge_key: str
    key: str | None
    """Under which it was saved; None: not yet."""
    gateway_customer_id: str | None
    forgotten: bool


def agree(tx: sqlite3.Connection, card_id: str, charge_key: str) -> None:
    """The payer of this charge agreed that its card is kept."""
    tx.execute(
        "INSERT INTO kept_card (card_id, charge_key) VALUES (?, ?) ON CONFLICT (card_id) DO NOTHING",
        (card_id, charge_key),
    )


def refusal(tx: sqlite3.Connection, card_id: str, gateway_customer_id: str | None) -> str | None:
    """Why the card may not pay again for this holder; None where it may."""
    kept = _find(tx, card_id)
    if kept is None or kept.gateway_customer_id is None:
        return "token_used"
    if kept.forgotten:
        return FORGOTTEN
    return None if kept.gateway_customer_id == gateway_customer_id else WRONG_HOLDER


def save(
    tx: sqlite3.Connection,
    key: str,
    token: str,
    *,
    charge_id: str,
    gateway_customer_id: str | None,
    new_holder: str,
) -> str:
    """Whose the card is from now on, or has been since an earlier save; raises NotSavedError.

    `new_holder` is for a customer whom the bank does not know yet.
    """
    taken = tx.execute("SELECT card_id FROM kept_card WHERE key = ?", (key,)).fetchone()
    card = tokens.find(tx, token)
    if taken is not None and (card is None or taken["card_id"] != card.id):
        raise RefusedError("key_reused")
    if card is None:
        raise NotSavedError(UNKNOWN)
    kept = _find(tx, card.id)
    charge = movements.by_id(tx, charge_id)
    if kept is None or charge is None or charge.key != kept.charge_key:
        raise NotSavedError(NOT_AGREED)
    if kept.forgotten:
        raise NotSavedError(FORGOTTEN)
    if charge.state is not MovementState.APPROVED:
        raise NotSavedError(NOT_CHARGED)
    if kept.gateway_customer_id is not None:
        return kept.gateway_customer_id
    saved_for = gateway_customer_id or new_holder
    tx.execute("UPDATE kept_card SET key = ?, holder = ? WHERE card_id = ?", (key, saved_for, card.id))
    return saved_for


def forget(tx: sqlite3.Connection, token: str, gateway_customer_id: str) -> None:
    """The card pays no more. One that was never kept, or is forgotten already, is as good as forgotten."""
    card = tokens.find(tx, token)
    kept = None if card is None else _find(tx, card.id)
    if kept is None:
        return
    if kept.gateway_customer_id not in {None, gateway_customer_id}:
        raise RefusedError(WRONG_HOLDER)
    tx.execute("UPDATE kept_card SET forgotten = 1 WHERE card_id = ?", (kept.card_id,))


def _find(tx: sqlite3.Connection, card_id: str) -> BankSavedCard | None:
    row = tx.execute("SELECT * FROM kept_card WHERE card_id = ?", (card_id,)).fetchone()
    if row is None:
        return None
    return BankSavedCard(row["card_id"], row["charge_key"], row["key"], row["holder"], bool(row["forgotten"]))
