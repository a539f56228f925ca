"""Unknown references that a caller keyed, counted over calls, since eight digits can be guessed.

Withheld callers share one count, so hanging up and calling again helps nobody; a caller with a forged
number is counted with them, and not for its owner. Calls at the very same moment may pass the limit by one
each; the next is refused.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from ivr.customers.caller import Caller
from ivr.customers.tables import guess

WINDOW = timedelta(hours=24)
_RECENT = sa.select(sa.func.count()).where(
    guess.c.caller == sa.bindparam("counted_as"), guess.c.at > sa.bindparam("after")
)


@dataclass(frozen=True, slots=True)
class ReferenceGuesses:
    """The unknown references that each number, and all withheld ones together, may key in 24 hours."""

    max_per_caller: int
    max_withheld: int

    def too_many(self, tx: sa.Connection, caller: Caller, now: datetime) -> bool:
        """Whether this caller has used up the guesses of the last 24 hours."""
        allowed = self.max_withheld if caller.withheld else self.max_per_caller
        within = {"counted_as": caller.counted_as, "after": now - WINDOW}
        return int(tx.execute(_RECENT, within).scalar_one()) >= allowed

    def add(self, tx: sa.Connection, caller: Caller, now: datetime) -> None:
        """Counts one guess, and forgets those of this caller that count no more."""
        tx.execute(guess.delete().where(guess.c.caller == caller.counted_as, guess.c.at <= now - WINDOW))
        tx.execute(guess.insert().values(caller=caller.counted_as, at=now))


def forget_guesses(engine: sa.Engine, now: datetime) -> int:
    """Forgets every guess that counts no more, also of callers who never came back; how many there were."""
    with engine.begin() as tx:
        return tx.execute(guess.delete().where(guess.c.at <= now - WINDOW)).rowcount
