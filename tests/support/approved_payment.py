"""An approved payment, as rows: what a confirmation is recorded for."""

import itertools

import sqlalchemy as sa

from ivr.platform.clock import Clock
from tests.support.schema import attempt, bill, call

_numbers = itertools.count(1)


def approved_attempt(
    tx: sa.Connection, clock: Clock, *, payer_phone: str | None = "+34600000001", reference: str = "87654321"
) -> str:
    """Writes a call, a bill and its approved attempt; gives the attempt's id."""
    nth, now = next(_numbers), clock.now()
    tx.execute(
        call.insert().values(
            id=f"call_{nth}",
            call_sid=f"CA{nth}",
            account_sid="AC1",
            from_number=payer_phone,
            to_number="+34910000000",
            flow="pay_bill",
            turn=1,
            session={},
            status="active",
            started_at=now,
        )
    )
    tx.execute(
        bill.insert().values(
            id=f"bill_{nth}",
            reference=f"{10_000_000 + nth}",
            currency="EUR",
            billed_minor=4990,
            minimum_minor=4990,
            paid_minor=4990,
            source="cli",
            created_at=now,
            updated_at=now,
        )
    )
    tx.execute(
        attempt.insert().values(
            id=f"attempt_{nth}",
            made_for=f"call_{nth}:1",
            reference=reference,
            bill_id=f"bill_{nth}",
            call_id=f"call_{nth}",
            payer_phone=payer_phone,
            language="es",
            amount_minor=4990,
            currency="EUR",
            gateway="sandbox",
            state="approved",
            created_at=now,
            deadline_at=now,
            settled_at=now,
        )
    )
    return f"attempt_{nth}"
