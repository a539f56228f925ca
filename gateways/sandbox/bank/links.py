"""The rules of payment pages: one key, one page, paid at most once; what is closed or past is never paid.

Paying and closing are one transaction each, so they agree whoever is first. A card that is declined leaves
the page open, as a real one would. The money of a page is a movement under the same key: looked up, refunded
and listed like every other charge.
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from enum import StrEnum

from gateways.sandbox.bank import movements
from gateways.sandbox.bank.cards import TestCard
from gateways.sandbox.bank.dependencies import BankDependencies
from gateways.sandbox.bank.ledger import insert_row
from gateways.sandbox.bank.movements import Movement, MovementKind, MovementState, RefusedError

PAID = "link.paid"


class PageState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    PAID = "paid"


@dataclass(frozen=True, slots=True)
class NewPage:
    """A page as it is asked for."""

    key: str
    amount_minor: int
    currency: str
    description: str
    metadata: Mapping[str, str]
    language: str
    done_url: str
    left_url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PaymentPage(NewPage):
    """A page as its row holds it. Its id is in the URL, and is all that a payer needs."""

    id: str
    state: PageState
    fingerprint: str
    """What a repeat of the key must have too."""


@dataclass(frozen=True, slots=True)
class BankLinks:
    """Opens, finds, closes and pays pages. Safe from any thread, and from two processes on one ledger."""

    dependencies: BankDependencies

    def open(self, new: NewPage) -> PaymentPage:
        """The page of this key, made now or before. Refused where it is over, or was another one."""
        with self.dependencies.ledger.writing() as tx:
            found = page_by_key(tx, new.key)
            if found is None and movements.by_key(tx, new.key) is not None:
                raise RefusedError("fenced")
            if found is None:
                return self._insert(tx, new)
            if found.fingerprint != _fingerprint(new):
                raise RefusedError("key_reused")
            if found.state is not PageState.OPEN:
                raise RefusedError(found.state)
            return found

    def look_up(self, key: str, *, close: bool) -> PaymentPage | Movement | None:
        """The movement of a page that was paid, else the page; None where there is none. With `close`, what
        is not paid never will be.
        """
        with self.dependencies.ledger.writing() as tx:
            found = page_by_key(tx, key)
            if found is None:
                if close and movements.by_key(tx, key) is None:
                    movements.insert(tx, movements.tombstone(key, self.dependencies.now().isoformat()))
                return movements.by_key(tx, key)
            if found.state is PageState.PAID:
                return movements.by_key(tx, key)
            if close or self.dependencies.now() >= found.expires_at:
                _move(tx, found, PageState.CLOSED)
            return page_by_key(tx, key)

    def show(self, page_id: str) -> PaymentPage | None:
        """As a payer sees it: what is past is closed, and nothing is written."""
        with self.dependencies.ledger.reading() as tx:
            return _page_by_id(tx, page_id)

    def can_be_paid(self, page: PaymentPage) -> bool:
        return page.state is PageState.OPEN and self.dependencies.now() < page.expires_at

    def pay(self, page_id: str, card: TestCard) -> bool:
        """Pays by a card that the issuer accepts; False where the page cannot be paid any more."""
        with self.dependencies.ledger.writing() as tx:
            page = _page_by_id(tx, page_id)
            if page is None or not self.can_be_paid(page) or movements.by_key(tx, page.key) is not None:
                return False
            _move(tx, page, PageState.PAID)
            movements.insert(tx, self._movement(page, card))
        self.dependencies.tell(PAID, page.key)
        return True

    def _insert(self, tx: sqlite3.Connection, new: NewPage) -> PaymentPage:
        asked = {one.name: getattr(new, one.name) for one in fields(new)}
        page = PaymentPage(
            **asked, id=self.dependencies.ids.new("pl"), state=PageState.OPEN, fingerprint=_fingerprint(new)
        )
        row = {"metadata": json.dumps(dict(page.metadata)), "expires_at": page.expires_at.isoformat()}
        insert_row(tx, "link", asdict(page) | row)
        return page

    def _movement(self, page: PaymentPage, card: TestCard) -> Movement:
        movement_id = self.dependencies.ids.new("ch")
        return Movement(
            key=page.key,
            id=movement_id,
            kind=MovementKind.CHARGE,
            state=MovementState.APPROVED,
            fingerprint=page.fingerprint,
            amount_minor=page.amount_minor,
            currency=page.currency,
            description=page.description,
            metadata=page.metadata,
            brand=card.brand,
            last_four=card.last_four,
            created_at=self.dependencies.now().isoformat(),
            authorisation_code=movements.authorisation_code_of(movement_id),
        )


def _fingerprint(new: NewPage) -> str:
    return json.dumps(
        [
            "link",
            new.amount_minor,
            new.currency,
            new.description,
            dict(sorted(new.metadata.items())),
            new.language,
            new.done_url,
            new.left_url,
            new.expires_at.isoformat(),
        ]
    )


def page_by_key(tx: sqlite3.Connection, key: str) -> PaymentPage | None:
    return _page(tx.execute("SELECT * FROM link WHERE key = ?", (key,)))


def _page_by_id(tx: sqlite3.Connection, page_id: str) -> PaymentPage | None:
    return _page(tx.execute("SELECT * FROM link WHERE id = ?", (page_id,)))


def _move(tx: sqlite3.Connection, page: PaymentPage, state: PageState) -> bool:
    """By compare-and-set: True where the page was open, and is in `state` now."""
    done = tx.execute("UPDATE link SET state = ? WHERE key = ? AND state = 'open'", (state, page.key))
    return done.rowcount == 1


def _page(found: sqlite3.Cursor) -> PaymentPage | None:
    row = found.fetchone()
    if row is None:
        return None
    values = dict(row)
    return PaymentPage(
        **{
            **values,
            "state": PageState(values["state"]),
            "metadata": json.loads(values["metadata"]),
            "expires_at": datetime.fromisoformat(values["expires_at"]),
        }
    )
