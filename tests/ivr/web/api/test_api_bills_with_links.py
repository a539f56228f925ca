"""`POST /api/v1/bills` of a bill for which a link is open: taken, and told."""

import pytest
import sqlalchemy as sa

from ivr.bills import store
from ivr.platform.clock import ManualClock
from ivr.platform.database.engine import reading
from tests.support.api_client import ApiClient
from tests.support.link_gateway import LinkBank
from tests.support.payment_services import Till


@pytest.fixture
def till(engine: sa.Engine) -> Till:
    clock = ManualClock()
    return Till(engine, clock, bank=LinkBank(clock))


@pytest.mark.parametrize("status", ["paid", "withdrawn"])
def test_a_bill_with_an_open_link_is_taken_and_told(api: ApiClient, till: Till, status: str) -> None:
    linked = till.linked(till.add_bill(4_000))
    till.run_due()
    bill_id = till.attempt(linked).bill_id
    with reading(till.engine) as tx:
        bill = store.get(tx, bill_id)
    said = {"reference": bill.reference, "amount_minor": 4_000, "currency": "EUR", "status": status}
    for result in ("changed", "unchanged"):
        answer = api.post("/bills", said)
        assert answer.status_code == 200
        assert (answer.json["result"], answer.json["bill"]["status"]) == (result, status)
        assert "its open payment link is closed first" in answer.json["warning"]
        assert answer.json["bill"]["payable_minor"] == 0
    till.cashier.sweep()
    till.run_due()
    answer = api.post("/bills", said)
    assert (answer.json["result"], "warning" in answer.json) == ("unchanged", False)
    assert answer.json["bill"]["reserved_minor"] == 0
