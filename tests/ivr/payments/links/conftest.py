"""A till whose bank has payment pages, on each database."""

import pytest
import sqlalchemy as sa

from ivr.platform.clock import ManualClock
from tests.support.link_gateway import LinkBank
from tests.support.payment_services import Till


@pytest.fixture
def bank(clock: ManualClock) -> LinkBank:
    return LinkBank(clock)


@pytest.fixture
def till(engine: sa.Engine, clock: ManualClock, bank: LinkBank) -> Till:
    return Till(engine, clock, bank=bank)
