"""Tokens: what stands for a card once its number is forgotten.

A token is random, told once, and kept as its SHA-256. A card pays under one key: two tokens of the same
tokenization, or one token under two keys, never pay twice; only one that is kept for its payer (`bank.kept`)
does.
"""

import hashlib
import sqlite3
from dataclasses import dataclass

from gateways.sandbox.bank.cards import TestCard


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


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _kept(row: sqlite3.Row) -> TokenizedCard:
    return TokenizedCard(row["id"], TestCard(row["brand"], row["last_four"], row["outcome"]), row["spent_on"])
