"""Tries an installation, with a sentence for each check: all is well, or what to do.

The checks are in `inside.py` (worker, what is stuck), `outside.py` (our processes, the carrier, the gateway)
and `exposed.py` (what strangers must not reach). None of them charges, sends or changes anything.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass


class FaultError(Exception):
    """The check failed; the message is a sentence that says what to do."""


class LastFaultError(FaultError):
    """One without which the checks that follow could only say the same again."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found."""

    name: str
    well: bool
    said: str


Check = Callable[[], str]
"""Gives what is well, or raises FaultError."""


def examine(checks: Iterable[tuple[str, Check]]) -> Iterator[Finding]:
    """Tries one after the other. A check that breaks unexpectedly is a finding too, by the exception's name
    alone: its text may hold a secret. Only a `LastFaultError` stops the others.
    """
    for name, check in checks:
        try:
            yield Finding(name, well=True, said=check())
        except FaultError as fault:
            yield Finding(name, well=False, said=str(fault))
            if isinstance(fault, LastFaultError):
                return
        except Exception as fault:  # noqa: BLE001 - a check is told, whatever breaks
            kind = type(fault).__name__
            yield Finding(
                name, well=False, said=f"This check broke and found out nothing ({kind}): report it."
            )
