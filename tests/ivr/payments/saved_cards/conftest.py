"""Payment services over a gateway that saves cards, on each database."""

import pytest
import sqlalchemy as sa

from tests.support.payment_services import PaymentServices
from tests.support.saving_gateway import SavingGateway


@pytest.fixture
def bank() -> SavingGateway:
    return SavingGateway()


@pytest.fixture
def services(engine: sa.Engine, bank: SavingGateway) -> PaymentServices:
    return PaymentServices(engine, bank=bank)
