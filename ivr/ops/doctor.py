"""Tries what can be tried of an installation, a sentence for each: all is well, or what to mend.

May import nothing of ours. The checks stand in `inside.py` (database, worker, what is stuck) and `outside.py`
(our processes, the carrier, the gateway); each gets what it asks passed in. None of them charges, sends or
changes anything.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import structlog

log = structlog.get_logger()


class FaultError(Exception):
    """Something to mend; the message is a sentence that says what to do."""


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
    """Tries one after the other. A check that breaks is a finding too; only a `LastFaultError` stops the
    others.
    """
    for name, check in checks:
        try:
            yield Finding(name, well=True, said=check())
        except FaultError as fault:
            yield Finding(name, well=False, said=str(fault))
            if isinstance(fault, LastFaultError):
                return
        except Exception as fault:
            log.exception("doctor_check_broke", check=name)
            said = f"This could not be tried ({type(fault).__name__}); the log on standard error says more."
            yield Finding(name, well=False, said=said)
