from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sandbox_bank import RunningBank, running_bank


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[RunningBank]:
    with running_bank(tmp_path) as running:
        yield running
