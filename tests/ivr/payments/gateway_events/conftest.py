"""The till of these tests is at a bank that tells of what happens there."""

import pytest

from tests.support.webhook_gateway import TellingBank


@pytest.fixture
def bank() -> TellingBank:
    return TellingBank()
