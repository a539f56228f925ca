"""The rules of payment pages: one key, one page, paid at most once; what is closed or past is never paid.

Paying and closing are one transaction each, so they agree whoever is first. A card that is declined leaves
the page open, as a real one would. The money of a page is a movement under the same key: looked up, refunded
and listed like every other charge.
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gateways.sandbox.bank import movements, pages
from gateways.sandbox.bank.cards import TestCard
from gateways.sandbox.bank.dependencies import BankDependencies
from gateways.sandbox.bank.movements import Movement, MovementKind, MovementState
from gateways.sandbox.bank.pages import PageState, PaymentPage
from gateways.sandbox.bank.processor import authorisation_code
from gateways.sandbox.bank.refusal import RefusedError

PAID = "link.paid"


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


class BankLinks:
    """Opens, finds, closes and pays pages. Safe from any thread, and from two processes on one ledger."""

    def __init__(self, dependencies: BankDependencies) -> None:
        self._ledger = dependencies.ledger
        self._now = dependencies.now
        self._new_id = dependencies.ids.new
        self._tell = dependencies.tell

    def open(self, new: NewPage) -> PaymentPage:
        """The page of this key, made now or before. Refused where it is over, or was another one."""
        with self._ledger.writing() as tx:
            found = pages.by_key(tx, new.key)
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
        with self._ledger.writing() as tx:
            found = pages.by_key(tx, key)
            if found is None:
                if close and movements.by_key(tx, key) is None:
                    movements.insert(tx, movements.tombstone(key, self._now().isoformat()))
                return movements.by_key(tx, key)
            if found.state is PageState.PAID:
                return movements.by_key(tx, key)
            if close or self._now() >= found.expires_at:
                pages.move(tx, found, PageState.CLOSED)
            return pages.by_key(tx, key)

    def show(self, page_id: str) -> PaymentPage | None:
        """As a payer sees it: what is past is closed, and nothing is written."""
        with self._ledger.reading() as tx:
            return pages.by_id(tx, page_id)

    def can_be_paid(self, page: PaymentPage) -> bool:
        return page.state is PageState.OPEN and self._now() < page.expires_at

    def pay(self, page_id: str, card: TestCard) -> bool:
        """Pays by a card that the issuer accepts; False where the page cannot be paid any more."""
        with self._ledger.writing() as tx:
            page = pages.by_id(tx, page_id)
            if page is None or not self.can_be_paid(page) or movements.by_key(tx, page.key) is not None:
                return False
            pages.move(tx, page, PageState.PAID)
            movements.insert(tx, self._movement(page, card))
        self._tell(PAID, page.key)
        return True

    def _insert(self, tx: sqlite3.Connection, new: NewPage) -> PaymentPage:
        made = PaymentPage(
            key=new.key,
            id=self._new_id("pl"),
            state=PageState.OPEN,
            fingerprint=_fingerprint(new),
            amount_minor=new.amount_minor,
            currency=new.currency,
            description=new.description,
            metadata=new.metadata,
            language=new.language,
            done_url=new.done_url,
            left_url=new.left_url,
            expires_at=new.expires_at,
        )
        return pages.insert(tx, made)

    def _movement(self, page: PaymentPage, card: TestCard) -> Movement:
        movement_id = self._new_id("ch")
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
            created_at=self._now().isoformat(),
            authorisation_code=authorisation_code(movement_id),
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
