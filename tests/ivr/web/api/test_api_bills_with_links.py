"""`POST /api/v1/bills` of a bill for which a link is open: taken, and told."""

import pytest
import sqlalchemy as sa

from ivr.bills import store
from ivr.platform.database.engine import reading
from tests.support.api_client import ApiClient
from tests.support.link_gateway import LinkGateway
from tests.support.payment_services import PaymentServices
from tests.support.time_and_ids import ManualClock


@pytest.fixture
def services(engine: sa.Engine) -> PaymentServices:
    clock = ManualClock()
    return PaymentServices(engine, clock, bank=LinkGateway(clock))


@pytest.mark.parametrize("status", ["paid", "withdrawn"])
def test_a_bill_with_an_open_link_is_taken_and_told(
    api: ApiClient, services: PaymentServices, status: str
) -> None:
    linked = services.linked(services.add_bill(4_000))
    services.run_due()
    bill_id = services.attempt(linked).bill_id
    with reading(services.engine) as tx:
        bill = store.get(tx, bill_id)
    said = {"reference": bill.reference, "amount_minor": 4_000, "currency": "EUR", "status": status}
    for result in ("changed", "unchanged"):
        answer = api.post("/bills", said)
        assert answer.status_code == 200
        assert (answer.json["result"], answer.json["bill"]["status"]) == (result, status)
        assert "its open payment link is closed first" in answer.json["warning"]
        assert answer.json["bill"]["payable_minor"] == 0
    services.payments.sweep()
    services.run_due()
    answer = api.post("/bills", said)
    assert (answer.json["result"], "warning" in answer.json) == ("unchanged", False)
    assert answer.json["bill"]["reserved_minor"] == 0
