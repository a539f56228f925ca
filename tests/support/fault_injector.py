"""What goes wrong with several processes under load, one thing after another, in an order that a seed gives.

Each step waits for the moment that it wants: a worker that is charging, a card on its way, a number of
requests that have passed. None waits for a time. Whoever is to be caught in the middle is frozen first, so
that no step depends on who is quicker. What a step saw it asserts itself: the work of a dead worker is put
back, the card of a dead PCI process is sent by another one.
"""

from collections.abc import Callable
from functools import partial
from random import Random

import sqlalchemy as sa

from ivr.jobs.takeover import EXIT_LOCK_LOST
from ivr.pci.tables import card_entry
from ivr.platform.database.engine import reading
from tests.support.load_balancer import Request
from tests.support.many_callers import ManyCallers
from tests.support.server_processes import kind_of
from tests.support.several_processes import SeveralProcesses

BANK_THINKS_S = 4
"""Shorter than any patience: PCI's lease of five seconds, the ten that an adapter waits."""
MANY = 1000
CUTS_MAX = 5
TRIES_MAX = 6


class FaultInjector:
    """`inject` its faults, once."""

    def __init__(self, several: SeveralProcesses, crowd: ManyCallers, random: Random) -> None:
        self._several = several
        self._server = several.server
        self._crowd = crowd
        self._random = random

    def inject(self) -> None:
        """Every kind of harm, in an order of its own."""
        for step in self._steps():
            self._several.tell(step.__name__)
            step()
            self._pause()

    def _steps(self) -> list[Callable[[], None]]:
        steps = [
            self.kill_a_worker_that_charges,
            self.freeze_a_worker_that_charges,
            self.lose_pci_with_a_card_on_its_way,
            self.kill_web,
            self.kill_the_children_of_web,
            self.kill_anybody,
            *[self.cut_connections] * 2,
        ]
        self._random.shuffle(steps)
        return steps

    def _pause(self) -> None:
        """Some requests pass."""
        count = self._random.randrange(20)
        passed = self._several.passed
        self._several.until(lambda: self._several.passed >= passed + count, f"{count} requests")

    def _frozen_at_the_bank(self, kind: str, path: str) -> tuple[str, Request]:
        """A process that is frozen while the bank thinks about its request: it cannot hear the answer."""
        several = self._several
        for _ in range(TRIES_MAX):
            several.all_ready(kind)  # with one alone its callers would hear that nothing works
            older = several.bank_requests(kind, path)
            self._server.harm("none", path, delay_s=BANK_THINKS_S, times=MANY)
            self._crowd.ring(self._server.add_bill())
            name, request = several.until(
                partial(several.new_bank_request, kind, path, older), f"a {kind} at {path}"
            )
            self._server.freeze(name)
            self._server.clear_faults()
            if several.banks[name].under_way.get(request.client_port) is request:
                several.tell(f"{name} is frozen; it had asked about {request.document['key']}")
                return name, request
            self._server.thaw(name)  # it was quicker than we
        raise AssertionError(f"no {kind} could be frozen at {path}")

    # The worker -------------------------------------------------------------------------------------------

    def kill_a_worker_that_charges(self) -> None:
        name, called = self._charging_worker()
        self._server.kill(name)
        self._until_put_back(called)

    def freeze_a_worker_that_charges(self) -> None:
        """And its line to PostgreSQL is cut: so a machine hangs. Another one takes its work; when it wakes,
        it leaves at once.
        """
        name, called = self._charging_worker()
        try:
            self._several.cut_off(name)
            self._until_put_back(called)
        finally:
            self._server.thaw(name)
        self._several.until(lambda: (name, EXIT_LOCK_LOST) in self._several.ended, f"the end of {name}")

    def _charging_worker(self) -> tuple[str, str]:
        """Its process's name, and what it calls itself."""
        name, _ = self._frozen_at_the_bank("worker", "/charges")
        return name, self._several.worker_name(name)

    def _until_put_back(self, worker: str) -> None:
        def put_back() -> bool:
            return any(
                '"work_taken_over"' in line and worker in line
                for name in self._several.of_kind("worker")
                for line in self._server.log(name).splitlines()
            )

        self._several.until(put_back, f"the work of {worker} to be taken over")

    # PCI --------------------------------------------------------------------------------------------------

    def lose_pci_with_a_card_on_its_way(self) -> None:
        """For longer than its lease, or for ever: another process sends the card, unless its caller has hung
        up; then another card is tried. Its line is cut: what it had locked would hold the others up.
        """
        mend = self._random.choice((self._server.thaw, self._server.kill))

        for _ in range(TRIES_MAX):
            name, request = self._frozen_at_the_bank("pci", "/tokens")
            entry_id = request.document["key"].removesuffix(":card")
            try:
                self._several.cut_off(name)
                claims, outcome = self._several.until(
                    partial(self._end_of, entry_id), f"the end of {entry_id}"
                )
            finally:
                self._several.tell(f"{name}: {mend.__name__}")
                mend(name)
            if outcome != "ended":
                assert claims > 1, f"nobody took {entry_id} over, and it ended as {outcome}"
                return
        raise AssertionError("every caller hung up")

    def _end_of(self, entry_id: str) -> tuple[int, str] | None:
        with reading(self._several.databases[1]) as tx:
            row = tx.execute(sa.select(card_entry).where(card_entry.c.id == entry_id)).one()
        return (row.claims, row.outcome) if row.outcome else None

    # Anything ---------------------------------------------------------------------------------------------

    def kill_web(self) -> None:
        """Turns that it was taking end without an answer; the carrier asks at the fallback address."""
        name = self._random.choice(self._several.of_kind("web"))
        self._several.all_ready("web")
        self._server.kill(name)

    def kill_the_children_of_web(self) -> None:
        """The parent starts new ones by itself."""
        name = self._random.choice(self._several.of_kind("web"))
        self._several.all_ready("web")
        self._server.kill_children(name)

    def kill_anybody(self) -> None:
        """Whether the others of its kind are there or not."""
        names = [name for name in self._server.members if kind_of(name) != "sandbox"]
        name = self._random.choice(names)
        self._several.tell(f"{name} is killed")
        self._several.restart_ended()
        self._server.kill(name)

    def cut_connections(self) -> None:
        """PostgreSQL ends some sessions, perhaps a worker's lock with them."""
        connections = self._several.connections()
        for engine, pid in self._random.sample(connections, min(len(connections), CUTS_MAX)):
            self._several.cut(engine, pid)
