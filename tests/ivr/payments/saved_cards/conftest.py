"""A till whose bank keeps cards, on each database."""

import pytest
import sqlalchemy as sa

from tests.support.payment_services import Till
from tests.support.saving_gateway import KeepingBank


@pytest.fixture
def bank() -> KeepingBank:
    return KeepingBank()


@pytest.fixture
def till(engine: sa.Engine, bank: KeepingBank) -> Till:
    return Till(engine, bank=bank)
