"""Tries an installation, with a sentence for each check: all is well, or what to do.

The checks are in `internal_checks.py` (worker, what is stuck), `external_checks.py` (our processes, carrier,
gateway) and `exposure_checks.py` (what strangers must not reach). None charges, sends or changes anything.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

CHECK_S_MAX = 30.0
"""More than any check needs: a server that sends its answer byte by byte would hold one for ever."""


class FaultError(Exception):
    """The check failed; the message is a sentence that says what to do."""


class LastFaultError(FaultError):
    """One without which the checks that follow could only say the same again."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check found."""

    name: str
    well: bool
    said: str


DoctorCheck = Callable[[], str]
"""Gives what is well, or raises FaultError."""


def examine(
    checks: Iterable[tuple[str, DoctorCheck]], *, within_s: float = CHECK_S_MAX
) -> Iterator[CheckResult]:
    """Tries one after the other, each for `within_s` seconds at most. A check that breaks unexpectedly is a
    finding too, by the exception's name alone: its text may hold a secret. Only a `LastFaultError` stops the
    others.
    """
    for name, check in checks:
        try:
            yield CheckResult(name, well=True, said=_within(check, within_s))
        except FaultError as fault:
            yield CheckResult(name, well=False, said=str(fault))
            if isinstance(fault, LastFaultError):
                return
        except Exception as fault:  # noqa: BLE001 - a check is told, whatever breaks
            kind = type(fault).__name__
            yield CheckResult(
                name, well=False, said=f"This check broke and found out nothing ({kind}): report it."
            )


def _within(check: DoctorCheck, seconds: float) -> str:
    """What the check says. One that takes longer is left alone, on a thread that ends with the process."""
    said: list[str] = []
    broke: list[BaseException] = []

    def run() -> None:
        try:
            said.append(check())
        except BaseException as fault:  # noqa: BLE001 - raised again below
            broke.append(fault)

    thread = threading.Thread(target=run, name="check", daemon=True)
    thread.start()
    thread.join(seconds)
    if broke:
        raise broke[0]
    if not said:
        raise FaultError(
            f"This check did not end within {seconds:g} s: what it asks answers too slowly, or not at all."
        )
    return said[0]
