"""How often and how soon a job that raised is tried again.

A job raises because of a bug or because the database is away; a gateway's or carrier's silence is an answer
that the job itself handles. Work about money is never given up: a person mends the fault and the next try
finishes it. The rest is given up after `TRIES_MAX` tries, some seven hours.
"""

from ivr.jobs.job_list import (
    CHARGE_ATTEMPT,
    EXPIRE_ATTEMPT,
    REFUND_PAYMENT,
    RELEASE_ATTEMPT,
    RESOLVE_ATTEMPT,
    RESOLVE_REFUND,
    Job,
)

TRIES_MAX = 50
FIRST_DELAY_S = 1.0
DELAY_S_MAX = 600.0
_DOUBLINGS_MAX = 16

NEVER_GIVEN_UP = frozenset(
    {CHARGE_ATTEMPT, EXPIRE_ATTEMPT, RESOLVE_ATTEMPT, RELEASE_ATTEMPT, REFUND_PAYMENT, RESOLVE_REFUND}
)
"""The jobs about money."""


def delay_s(tries: int, first_s: float = FIRST_DELAY_S) -> float:
    """Seconds to wait after the `tries`-th try raised: 1, 2, 4 and so on, ten minutes at most."""
    return min(first_s * float(2 ** min(tries - 1, _DOUBLINGS_MAX)), DELAY_S_MAX)


def is_given_up(job: Job, tries: int, tries_max: int = TRIES_MAX) -> bool:
    """Whether nothing comes after the `tries`-th try."""
    return tries >= tries_max and job not in NEVER_GIVEN_UP
