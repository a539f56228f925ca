"""The link of an attempt that is paid by link, and the payer's open links.

The token stands in our own URL and in the payer's text, never in a log. The request to the gateway is made of
this row alone, so that any process can repeat it under the attempt's key.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil

import sqlalchemy as sa

from gateways.contract import LinkOpen, Order, PayLink
from gateways.secret import Secret
from ivr.bills import views as bills_views
from ivr.bills.views import OVER_BY_ITS_SOURCE
from ivr.payments import tables, timeouts
from ivr.payments.attempts import store as attempt_store
from ivr.payments.attempts.states import Method, State
from ivr.payments.attempts.store import Attempt
from ivr.platform.phone_numbers import forms_of

DONE = "done"
"""In the query of the address to which the gateway sends a payer who has paid: the page says that the payment
is being confirmed, until the gateway tells us. It proves nothing, and nobody is told "paid" for it.
"""
LEFT = "left"
"""In the query of the address to which the gateway sends a payer who leaves without paying."""

LINKS_A_DAY_MAX = 10
"""To one number: whoever shows it in a call has texts sent to it, at the merchant's cost."""


@dataclass(frozen=True, slots=True)
class LinkTerms:
    """How links are made here."""

    base_url: str
    """PUBLIC_URL."""
    expires_min: int
    """LINK_EXPIRES_MIN."""

    def expires_at(self, now: datetime) -> datetime:
        """When a link that is made now ends, with the grace that a slow opening may take."""
        life_s = self.expires_min * 60 + timeouts.LINK_GRACE_S
        return now + timedelta(seconds=min(life_s, timeouts.LINK_LIFE_S_MAX))


@dataclass(frozen=True, slots=True)
class Link:
    """One link, as it is kept."""

    attempt_id: str
    token: Secret
    base_url: str
    expires_at: datetime
    url: str | None = field(repr=False)
    """The gateway's page; None until it is open."""
    gateway_reference: str | None
    opened_at: datetime | None

    @property
    def short_url(self) -> str:
        """What the payer's text carries."""
        return f"{self.base_url}/pay/{self.token.reveal()}"

    def request(self, order: Order, language: str) -> PayLink:
        """The request to the gateway. A payer who leaves unpaid is not sent back to the page at once."""
        return PayLink(
            order=order,
            expires_at=self.expires_at,
            language=language,
            done_url=f"{self.base_url}/receipt/{self.token.reveal()}?{DONE}=1",
            left_url=f"{self.short_url}?{LEFT}=1",
        )

    def seconds_until_look(self, now: datetime) -> float:
        """Until the gateway is asked what became of it: a little after its expiry."""
        return max(0.0, (self.expires_at - now).total_seconds() + timeouts.LINK_GRACE_S)

    def minutes_left(self, now: datetime) -> int:
        """As `minutes_left` says."""
        return minutes_left(self.expires_at, now)


def minutes_left(expires_at: datetime, now: datetime) -> int:
    """Whole minutes that a link can still be paid, as the payer reads them: without the grace that was added
    for a slow opening.
    """
    return max(0, ceil(((expires_at - now).total_seconds() - timeouts.LINK_GRACE_S) / 60))


_COLUMNS = [tables.pay_link.c[name] for name in Link.__slots__]


def make(tx: sa.Connection, attempt_id: str, token: str, terms: LinkTerms, now: datetime) -> None:
    """Keeps a link that is to be opened."""
    tx.execute(
        sa.insert(tables.pay_link).values(
            attempt_id=attempt_id,
            token=token,
            base_url=terms.base_url,
            expires_at=terms.expires_at(now),
        )
    )


def keep_opened(tx: sa.Connection, attempt_id: str, answer: LinkOpen, now: datetime) -> None:
    """The gateway's page; `opened_at` stays what it was the first time."""
    link = tables.pay_link.c
    tx.execute(
        sa.update(tables.pay_link)
        .where(link.attempt_id == attempt_id)
        .values(
            url=answer.url,
            gateway_reference=attempt_store.fit(link.gateway_reference, answer.gateway_reference),
            opened_at=sa.func.coalesce(link.opened_at, sa.literal(now, link.opened_at.type)),
        )
    )


def of(tx: sa.Connection, attempt: Attempt) -> Link | None:
    """The attempt's link; None where it is not paid by one."""
    if attempt.method is not Method.LINK:
        return None
    return by_attempt(tx, attempt.id)


def by_attempt(tx: sa.Connection, attempt_id: str) -> Link | None:
    """The link of the attempt of this id; None where it is not paid by one."""
    query = sa.select(*_COLUMNS).where(tables.pay_link.c.attempt_id == attempt_id)
    row = tx.execute(query).mappings().one_or_none()
    return None if row is None else Link(**{**row, "token": Secret(row["token"])})


def bill_is_over(tx: sa.Connection, attempt: Attempt) -> bool:
    """Whether its bill is withdrawn, or paid elsewhere by its source's word."""
    query = sa.select(OVER_BY_ITS_SOURCE).where(bills_views.bill.c.id == attempt.bill_id)
    return bool(tx.execute(query).scalar_one())


def open_of_bills_that_are_over(tx: sa.Connection) -> list[str]:
    """The attempts whose link is open, and whose bill is withdrawn or paid elsewhere: their IDs."""
    attempts = tables.attempt.c
    query = sa.select(attempts.id).join(bills_views.bill, bills_views.bill.c.id == attempts.bill_id)
    return list(tx.execute(query.where(attempts.state == State.LINK_OPEN, OVER_BY_ITS_SOURCE)).scalars())


def open_links(
    tx: sa.Connection, *, payer_phone: str | None, bill_reference: str | None = None
) -> list[Attempt]:
    """The links of this number that may still be paid, the newest first; of one bill, where it is named. One
    that is being closed may be paid until the gateway has said so. One whose bill was withdrawn or is paid
    elsewhere is left out. A withheld number has none.
    """
    if payer_phone is None:
        return []
    attempts, bills = tables.attempt.c, bills_views.bill.c
    query = (
        sa.select(attempts.id)
        .join(bills_views.bill, bills.id == attempts.bill_id)
        .where(
            attempts.payer_phone.in_(forms_of(payer_phone)),
            attempts.method == Method.LINK,
            attempts.state.in_((State.LINK_OPEN, State.LINK_CLOSING)),
            sa.not_(OVER_BY_ITS_SOURCE),
        )
        .order_by(attempts.created_at.desc(), attempts.id)
    )
    if bill_reference is not None:
        query = query.where(bills.reference == bill_reference)
    return [attempt_store.get(tx, attempt_id) for attempt_id in tx.execute(query).scalars()]


def count_since(tx: sa.Connection, payer_phone: str, since: datetime) -> int:
    """How many links were made for this number since then, whatever became of them."""
    attempts = tables.attempt.c
    query = sa.select(sa.func.count()).where(
        attempts.payer_phone.in_(forms_of(payer_phone)),
        attempts.method == Method.LINK,
        attempts.created_at >= since,
    )
    return tx.execute(query).scalar_one()


def had_enough(tx: sa.Connection, payer_phone: str, now: datetime) -> bool:
    """Whether this number is sent no other link today."""
    return count_since(tx, payer_phone, now - timedelta(days=1)) >= LINKS_A_DAY_MAX


def was_texted(tx: sa.Connection, attempt: Attempt) -> bool:
    """Whether its page was opened, and so its text asked for: the payer knows of this link."""
    link = of(tx, attempt)
    return link is not None and link.opened_at is not None
