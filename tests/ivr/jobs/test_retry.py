"""How soon and how often a job that raised is tried again."""

from ivr.jobs.job_list import ALL_JOBS, CHARGE_ATTEMPT, POST_MERCHANT_WEBHOOK, REFUND_PAYMENT, SEND_MESSAGE
from ivr.jobs.retry import NEVER_GIVEN_UP, TRIES_MAX, RetrySchedule, backoff_s, is_given_up


def test_the_wait_doubles_up_to_ten_minutes() -> None:
    assert [backoff_s(tries) for tries in (1, 2, 3, 4, 10, 11, 1000)] == [1, 2, 4, 8, 512, 600, 600]


def test_what_can_be_given_up_is_given_up_after_fifty_tries() -> None:
    assert not is_given_up(SEND_MESSAGE, TRIES_MAX - 1)
    assert is_given_up(SEND_MESSAGE, TRIES_MAX)
    assert is_given_up(POST_MERCHANT_WEBHOOK, TRIES_MAX)


def test_work_about_money_is_never_given_up() -> None:
    assert {CHARGE_ATTEMPT, REFUND_PAYMENT} <= NEVER_GIVEN_UP <= set(ALL_JOBS)
    assert not any(is_given_up(job, 10_000) for job in NEVER_GIVEN_UP)


def test_a_schedule_ends_after_its_last_delay() -> None:
    schedule = RetrySchedule((10, 60))
    assert [schedule.delay_of_retry_s(retries) for retries in range(4)] == [10, 60, None, None]
