"""The lines of a payout as finance reads them: each with our payment and our refund that it belongs to.

A gateway repeats our key on some lines and only its own reference on others, such as those of disputes: what
it left out is found by that reference, and only among payments of that gateway. What is not ours, such as a
refund that was made in the dashboard, names none.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ivr.finance.tables import payout_line
from ivr.payments.views import attempt, refund


@dataclass(frozen=True, slots=True)
class LineShown:
    """One line, and whose it is."""

    kind: str
    gross_minor: int
    fee_minor: int
    net_minor: int
    currency: str
    occurred_at: datetime
    payment: str | None
    """The reference that the payer was told."""
    refund_id: str | None
    charge_reference: str | None
    source_reference: str | None
    """Of the charge, refund or dispute itself, in the gateway's dashboard."""


def lines(tx: sa.Connection, payout_id: str, gateway: str) -> list[LineShown]:
    """The lines of one payout of this gateway, the earliest first."""
    line = payout_line.c
    refund_id = sa.func.coalesce(line.refund_id, _refund_of(gateway, line.source_reference))
    attempt_id = sa.func.coalesce(
        refund.c.attempt_id, line.attempt_id, attempt_of_charge(gateway, line.charge_reference)
    )
    shown = (
        line.kind,
        line.gross_minor,
        line.fee_minor,
        line.net_minor,
        line.currency,
        line.occurred_at,
        attempt.c.reference.label("payment"),
        refund.c.id.label("refund_id"),
        line.charge_reference,
        line.source_reference,
    )
    rows = tx.execute(
        sa.select(*shown)
        .select_from(payout_line)
        .outerjoin(refund, refund.c.id == refund_id)
        .outerjoin(attempt, attempt.c.id == attempt_id)
        .where(line.payout_id == payout_id)
        .order_by(line.occurred_at, line.reference)
    )
    return [LineShown(**row) for row in rows.mappings()]


def attempt_of_charge(gateway: Any, reference: sa.ColumnElement[Any]) -> sa.ScalarSelect[Any]:
    """The attempt whose charge has this reference at that gateway (a name, or a column of names)."""
    own = attempt.alias()
    return (
        sa.select(sa.func.min(own.c.id))
        .where(own.c.gateway == gateway, own.c.gateway_reference == reference)
        .scalar_subquery()
    )


def _refund_of(gateway: str, reference: sa.ColumnElement[Any]) -> sa.ScalarSelect[Any]:
    paid, back = attempt.alias(), refund.alias()
    return (
        sa.select(sa.func.min(back.c.id))
        .join(paid, paid.c.id == back.c.attempt_id)
        .where(paid.c.gateway == gateway, back.c.gateway_reference == reference)
        .scalar_subquery()
    )
