"""Sends a request again under its key, where the gateway itself said that it had not processed it.

Only an answer with `retry_same_key` is asked again: silence and a broken line say nothing of what was done.
"""

from collections.abc import Callable
from typing import TypeVar

from gateways.contract import Unavailable, Unknown

WAITS_S = (1, 2, 4)
"""Before the second, the third and the last try, in seconds."""

R = TypeVar("R")


def retry_unprocessed(
    ask: Callable[[], R], *, sleep: Callable[[float], None], may_wait: Callable[[float], bool]
) -> R:
    """The answer of the last try. `may_wait(s)` says whether a try that begins `s` seconds from now is still
    wanted; it is asked before each wait, and with 0 after it.
    """
    answer = ask()
    for wait_s in WAITS_S:
        if not _was_not_processed(answer) or not may_wait(wait_s):
            break
        sleep(wait_s)
        if not may_wait(0):
            break
        answer = ask()
    return answer


def _was_not_processed(answer: object) -> bool:
    return isinstance(answer, Unknown | Unavailable) and answer.retry_same_key
