"""A till whose bank keeps cards, on each database."""

import pytest
import sqlalchemy as sa

from tests.support.keeping_bank import KeepingBank
from tests.support.till import Till


@pytest.fixture
def bank() -> KeepingBank:
    return KeepingBank()


@pytest.fixture
def till(engine: sa.Engine, bank: KeepingBank) -> Till:
    return Till(engine, bank=bank)
