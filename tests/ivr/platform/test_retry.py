"""When something is tried again."""

import pytest

from ivr.jobs.retry import RetryPolicy

DAY_S = 24 * 3600
POLICY = RetryPolicy(2, 300, DAY_S)


@pytest.mark.parametrize(
    ("open_s", "delay_s"), [(0, 2), (1, 2), (2, 2), (4, 4), (299, 299), (301, 300), (DAY_S - 1, 300)]
)
def test_the_delay_grows_with_the_age_within_bounds(open_s: float, delay_s: float) -> None:
    assert POLICY.delay_after_s(open_s) == delay_s


def test_the_tries_double() -> None:
    at, tries = 0.0, []
    while at < 60:
        tries.append(at)
        at += POLICY.delay_after_s(at) or 0
    assert tries == [0, 2, 4, 8, 16, 32]


def test_after_a_day_a_person_looks() -> None:
    assert POLICY.delay_after_s(DAY_S) is None
