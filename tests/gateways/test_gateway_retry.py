"""A request that was not processed is sent again under its key, and nothing else is."""

from gateways.contract import Unavailable, Unknown
from gateways.retry import WAITS_S, retry_unprocessed

NOT_PROCESSED = Unknown("wait", retry_same_key=True)


def tried(answers: list[object], *, until_s: float = 60) -> tuple[object, int, list[float]]:
    """The answer, how often was asked, and the waits; `until_s`: how long somebody wants the answer."""
    waited: list[float] = []
    given = iter(answers)
    asked = 0

    def ask() -> object:
        nonlocal asked
        asked += 1
        return next(given)

    answer = retry_unprocessed(
        ask, sleep=waited.append, may_wait=lambda wait_s: sum(waited) + wait_s <= until_s
    )
    return answer, asked, waited


def test_what_was_not_processed_is_sent_again_three_times_at_most() -> None:
    silence, done = Unknown("no answer"), object()
    assert tried([NOT_PROCESSED] * 9) == (NOT_PROCESSED, 4, [*WAITS_S])
    assert tried([NOT_PROCESSED, Unavailable("busy", retry_same_key=True), done]) == (done, 3, [1, 2])
    assert tried([silence, done]) == (silence, 1, [])
    assert tried([Unavailable("down"), done])[1:] == (1, [])
    assert tried([NOT_PROCESSED, silence, done]) == (silence, 2, [1])


def test_nothing_is_sent_again_that_nobody_waits_for_by_then() -> None:
    assert tried([NOT_PROCESSED] * 9, until_s=0) == (NOT_PROCESSED, 1, [])
    assert tried([NOT_PROCESSED] * 9, until_s=2.5) == (NOT_PROCESSED, 2, [1])


def test_nothing_is_sent_again_that_was_taken_over_during_the_wait() -> None:
    answers, asked = iter([True, False]), []
    found = retry_unprocessed(
        lambda: asked.append(1) or NOT_PROCESSED,
        sleep=lambda _: None,
        may_wait=lambda _: next(answers),
    )
    assert (found, len(asked)) == (NOT_PROCESSED, 1)
