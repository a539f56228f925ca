"""A till on each database."""

import pytest
import sqlalchemy as sa

from tests.support.till import Till


@pytest.fixture
def till(engine: sa.Engine) -> Till:
    return Till(engine)
