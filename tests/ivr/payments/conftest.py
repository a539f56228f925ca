"""A till on each database, at a bank that every folder, and every file, may put in its place."""

import pytest
import sqlalchemy as sa

from tests.support.bank import TruthfulBank
from tests.support.till import Till


@pytest.fixture
def bank() -> TruthfulBank:
    return TruthfulBank()


@pytest.fixture
def till(engine: sa.Engine, bank: TruthfulBank) -> Till:
    return Till(engine, bank=bank)
