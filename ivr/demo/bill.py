"""The demo bill: one that is open for the demo's caller, made anew where the last one was paid.

May import `ivr.bills`, `ivr.storage.engine` and the leaves.
"""

from datetime import timedelta

from ivr.bills import store
from ivr.bills.bill import Bill, NewBill
from ivr.clock import Clock
from ivr.ids import Ids
from ivr.storage.engine import make_engine

AMOUNT_MINOR = 4990
MINIMUM_MINOR = 1000
DUE_IN = timedelta(days=14)


def demo_bill(database_url: str, phone: str, clock: Clock, ids: Ids) -> Bill:
    """The one bill that this number can pay."""
    engine = make_engine(database_url)
    try:
        with engine.begin() as tx:
            for bill in store.open_for_phone(tx, phone):
                if not bill.is_being_paid:
                    return bill
            new = NewBill(
                reference=ids.reference(),
                currency="EUR",
                billed_minor=AMOUNT_MINOR,
                minimum_minor=MINIMUM_MINOR,
                due_date=(clock.now() + DUE_IN).date(),
                payer_phone=phone,
            )
            store.upsert(tx, new, source="cli", clock=clock, ids=ids)
            made = store.find(tx, new.reference)
    finally:
        engine.dispose()
    if made is None:
        raise RuntimeError("the demo bill was not kept")
    return made
