"""The carrier's API, as the doctor asks it."""

from collections.abc import Iterator

import pytest

from tests.support.carrier_api import CarrierApi, carrier_api


@pytest.fixture
def carrier() -> Iterator[CarrierApi]:
    with carrier_api() as running:
        yield running
