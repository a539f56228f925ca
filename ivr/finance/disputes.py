"""Disputes: a payer's bank wants money back, and the merchant has to answer in time.

May import `gateways.notices` and `ivr.storage`. A dispute is kept as the gateway tells it and moves no money
in our ledger: what it costs stands in the payout's lines. Notices come late, twice and out of order: one that
was decided is never open again.
"""

from datetime import datetime

import sqlalchemy as sa

from gateways.notices import Disputed, DisputeState
from ivr.storage.schema import attempt, dispute


def keep(tx: sa.Connection, gateway: str, told: Disputed, now: datetime) -> str | None:
    """The attempt that is disputed, where this is news; None for a repeat, or for no charge of ours."""
    here = sa.and_(dispute.c.gateway == gateway, dispute.c.reference == told.reference)
    known = tx.execute(sa.select(dispute.c.state).where(here).with_for_update()).scalar_one_or_none()
    if known == told.state or known in {DisputeState.WON, DisputeState.LOST}:
        return None
    attempt_id = _attempt_id(tx, gateway, told.charge_reference)
    values = {
        "charge_reference": told.charge_reference,
        "attempt_id": attempt_id,
        "amount_minor": told.amount_minor,
        "currency": told.currency,
        "reason": told.reason[:80],
        "state": told.state,
        "answer_by": told.answer_by,
        "updated_at": now,
    }
    if known is None:
        new = {"gateway": gateway, "reference": told.reference, "opened_at": now}
        tx.execute(sa.insert(dispute).values(**new, **values))
    else:
        tx.execute(sa.update(dispute).where(here).values(**values))
    return attempt_id


def _attempt_id(tx: sa.Connection, gateway: str, charge_reference: str) -> str | None:
    return tx.execute(
        sa.select(attempt.c.id).where(
            attempt.c.gateway == gateway, attempt.c.gateway_reference == charge_reference
        )
    ).scalar_one_or_none()
