"""The till of these tests is at a bank that tells of what happens there."""

import pytest

from tests.support.telling_bank import TellingBank


@pytest.fixture
def bank() -> TellingBank:
    return TellingBank()
