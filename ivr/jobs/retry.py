"""How often and how soon background work is tried again, in one place. What payments wait for stands in
`ivr.payments.timeouts`.

A job raises because of a bug or because the database is away; a gateway's or carrier's silence is an answer
that the job itself handles. The jobs of `NEVER_GIVEN_UP` have no limit of tries: once the fault is mended,
the next try finishes them. The rest is given up after `TRIES_MAX` tries, some seven hours.
"""

from dataclasses import dataclass

from ivr.jobs.job_list import (
    CHARGE_ATTEMPT,
    EXPIRE_ATTEMPT,
    REFUND_PAYMENT,
    RESOLVE_ATTEMPT,
    RESOLVE_REFUND,
    VOID_ATTEMPT,
    Job,
)

_HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`RetryPolicy(2, 300, 86_400)`: tried when 2, 4, 8 ... seconds old, then every five minutes, for a day.

    Each delay is as long as it has been open already, within bounds.
    """

    first_s: float
    most_s: float
    """No delay is longer."""
    give_up_after_s: float
    """From then on a person has to look."""

    def delay_after_s(self, open_s: float) -> float | None:
        """Seconds until the next try of what has been open for so many; None: a person has to look."""
        if open_s >= self.give_up_after_s:
            return None
        return min(max(open_s, self.first_s), self.most_s)


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """`RetrySchedule((10, 60))`: tried again after 10 seconds, then after 60 more, then no more."""

    delays_s: tuple[int, ...]

    def delay_of_retry_s(self, retries: int) -> int | None:
        """Seconds until the next try, after so many retries; None where the last one was made."""
        return self.delays_s[retries] if retries < len(self.delays_s) else None


SEND_MESSAGE_SCHEDULE = RetrySchedule(
    (10, 30, 120, 600, 1800, _HOUR_S, 3 * _HOUR_S, 6 * _HOUR_S, 12 * _HOUR_S)
)
"""A text that the carrier did not take, for a day. Then the operator sends it again."""
FIND_MESSAGE_SCHEDULE = RetrySchedule((60, 120, 300, 600, 1800, _HOUR_S, 6 * _HOUR_S, 12 * _HOUR_S))
"""A text that may have been sent is looked for at the carrier, for a day."""
POST_WEBHOOK = RetrySchedule(
    (60, 300, 900, _HOUR_S, 3 * _HOUR_S, 6 * _HOUR_S, 12 * _HOUR_S, 24 * _HOUR_S, 24 * _HOUR_S)
)
"""A webhook that the merchant's system did not take, for three days."""
READ_PAYOUT_LINES = RetrySchedule((60, 300, 900, _HOUR_S, 6 * _HOUR_S, 12 * _HOUR_S, 24 * _HOUR_S))
"""The lines of a payout that the gateway did not give, for two days. Then a person asks again."""
REPORT_OUTCOME = RetrySchedule((5, 10, 20, 40, 80, 160, *[300] * 23))
"""A card's outcome that the PCI process did not take, for two hours: then it has forgotten the card."""

TRIES_MAX = 50
FIRST_DELAY_S = 1.0
DELAY_S_MAX = 600.0
_DOUBLINGS_MAX = 16

NEVER_GIVEN_UP = frozenset(
    {CHARGE_ATTEMPT, EXPIRE_ATTEMPT, RESOLVE_ATTEMPT, VOID_ATTEMPT, REFUND_PAYMENT, RESOLVE_REFUND}
)
"""Jobs without a limit of tries. Those of attempts, refunds and saved cards that are given up are
asked for again by `PaymentService.sweep`.
"""


def backoff_s(tries: int, first_s: float = FIRST_DELAY_S) -> float:
    """Seconds to wait after the `tries`-th try raised: 1, 2, 4 and so on, ten minutes at most."""
    return min(first_s * float(2 ** min(tries - 1, _DOUBLINGS_MAX)), DELAY_S_MAX)


def is_given_up(job: Job, tries: int, tries_max: int = TRIES_MAX) -> bool:
    """Whether nothing comes after the `tries`-th try."""
    return tries >= tries_max and job not in NEVER_GIVEN_UP
