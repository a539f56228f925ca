"""Payment services over a gateway with payment pages, on each database."""

import pytest
import sqlalchemy as sa

from tests.support.link_gateway import LinkGateway
from tests.support.payment_services import PaymentServices
from tests.support.time_and_ids import ManualClock


@pytest.fixture
def bank(clock: ManualClock) -> LinkGateway:
    return LinkGateway(clock)


@pytest.fixture
def services(engine: sa.Engine, clock: ManualClock, bank: LinkGateway) -> PaymentServices:
    return PaymentServices(engine, clock, bank=bank)
