"""What befalls a world at moments of its own: the database or the gateway is away for a time, a process dies.

Chance alone decides when; what goes wrong with one request or one statement is the network's and the
database's part, and not told here.
"""

from dataclasses import dataclass

from tests.simulation.chance import Chance
from tests.simulation.database import DatabaseFaults
from tests.simulation.processes import Processes
from tests.simulation.scheduler import Scheduler
from tests.simulation.trace import Trace


@dataclass
class Incidents:
    """Spells of trouble, and deaths."""

    scheduler: Scheduler
    chance: Chance
    processes: Processes
    trace: Trace
    faults: DatabaseFaults
    bank_away: bool = False

    def happen(self) -> None:
        """Spells of trouble at moments of their own: the database or the gateway is away, a process dies."""
        chance, rates = self.chance, self.chance.rates
        if chance.strikes(0.15) and rates.database:
            self._spell(chance.seconds(0, 150), chance.seconds(1, 25), "away", self.faults)
        if chance.strikes(0.2) and rates.gateway:
            self._spell(chance.seconds(0, 150), chance.one_of([5.0, 40.0, 200.0]), "bank_away", self)
        for _ in range(chance.whole(0, 4) if rates.kills else 0):
            kind = chance.one_of(["web", "pci", "worker"])
            self.scheduler.spawn(
                "fate", lambda kind=kind: self._strike_down(kind), delay_s=chance.seconds(0, 200)
            )

    def _spell(self, begins_s: float, lasts_s: float, name: str, of: object) -> None:
        def begin() -> None:
            self.trace("world", f"{name} begins")
            setattr(of, name, True)
            self.scheduler.sleep(lasts_s)
            setattr(of, name, False)
            self.trace("world", f"{name} is over")

        self.scheduler.spawn(name, begin, delay_s=begins_s)

    def _strike_down(self, kind: str) -> None:
        process = None if self.chance.healed else self.processes.one(kind)
        if process is not None:
            self.processes.kill(process, "at a moment of its own")
