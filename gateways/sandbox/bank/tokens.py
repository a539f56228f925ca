"""Tokens: what stands for a card once its number is forgotten.

A token is random, told once, and kept as its SHA-256. A card pays under one key: two tokens of the same
tokenization, or one token under two keys, never pay twice. Only a card that is saved for its payer pays
again: agreed to at a charge, saved once that is approved, forgotten for good. One that is forgotten is never
saved again, so that a save which comes late changes nothing.
"""

import hashlib
import sqlite3
from dataclasses import dataclass

from gateways.sandbox.bank import movements
from gateways.sandbox.bank.cards import TestCard
from gateways.sandbox.bank.movements import MovementState, RefusedError

UNKNOWN = "unknown_token"
NOT_AGREED = "not_to_be_kept"
NOT_CHARGED = "not_charged"
FORGOTTEN = "card_forgotten"
WRONG_HOLDER = "wrong_holder"


@dataclass(frozen=True, slots=True)
class TokenizedCard:
    id: str
    facts: TestCard
    spent_on: str | None
    """The key under which it paid, or was declined."""


def keep(
    tx: sqlite3.Connection, *, key: str, card_id: str, facts: TestCard, created_at: str
) -> TokenizedCard | None:
    """The card tokenized under `key`, now or before; None where the key stands for another card."""
    row = tx.execute("SELECT * FROM card WHERE key = ?", (key,)).fetchone()
    if row is not None:
        found = _kept(row)
        return found if found.facts == facts else None
    tx.execute(
        "INSERT INTO card (id, key, brand, last_four, outcome, created_at) VALUES (?, ?, ?, ?, ?, ?)",
        (card_id, key, facts.brand, facts.last_four, facts.outcome, created_at),
    )
    return TokenizedCard(card_id, facts, None)


def name(tx: sqlite3.Connection, card: TokenizedCard, token: str) -> None:
    """From now on the token stands for the card."""
    tx.execute("INSERT INTO token (digest, card_id) VALUES (?, ?)", (_digest(token), card.id))


def find(tx: sqlite3.Connection, token: str) -> TokenizedCard | None:
    row = tx.execute(
        "SELECT card.* FROM token JOIN card ON card.id = token.card_id WHERE digest = ?", (_digest(token),)
    ).fetchone()
    return _kept(row) if row is not None else None


def spend(tx: sqlite3.Connection, card: TokenizedCard, key: str) -> bool:
    """True where the card is this key's from now on; False where it is another's."""
    done = tx.execute(
        "UPDATE card SET spent_on = ? WHERE id = ? AND (spent_on IS NULL OR spent_on = ?)",
        (key, card.id, key),
    )
    return done.rowcount == 1


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


def reuse_refusal(tx: sqlite3.Connection, card_id: str, gateway_customer_id: str | None) -> str | None:
    """Why the card may not pay again for this holder; None where it may."""
    kept = _saved(tx, card_id)
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
    card = find(tx, token)
    if taken is not None and (card is None or taken["card_id"] != card.id):
        raise RefusedError("key_reused")
    if card is None:
        raise NotSavedError(UNKNOWN)
    kept = _saved(tx, card.id)
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
    card = find(tx, token)
    kept = None if card is None else _saved(tx, card.id)
    if kept is None:
        return
    if kept.gateway_customer_id not in {None, gateway_customer_id}:
        raise RefusedError(WRONG_HOLDER)
    tx.execute("UPDATE kept_card SET forgotten = 1 WHERE card_id = ?", (kept.card_id,))


def _saved(tx: sqlite3.Connection, card_id: str) -> BankSavedCard | None:
    row = tx.execute("SELECT * FROM kept_card WHERE card_id = ?", (card_id,)).fetchone()
    if row is None:
        return None
    return BankSavedCard(row["card_id"], row["charge_key"], row["key"], row["holder"], bool(row["forgotten"]))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _kept(row: sqlite3.Row) -> TokenizedCard:
    return TokenizedCard(row["id"], TestCard(row["brand"], row["last_four"], row["outcome"]), row["spent_on"])
