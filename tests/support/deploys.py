"""Restarts of web and pci while callers pay: `python -m tests.support.deploys --restarts 10 --calls 30`."""

import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import click

from ivr.jobs.store import migrate_work
from ivr.pci.migrations import migrate as migrate_pci
from ivr.platform.database.engine import make_engine
from ivr.platform.database.migrations import migrate
from ivr.simulators.phone.events import KeysAsked, PhoneCaller, PhoneEvent
from ivr.simulators.phone.keys import CallerHangUp
from tests.support.deployed_server import DeployedServer, make_server, payer
from tests.support.http_phone_line import HttpPhoneLine
from tests.support.many_callers import ANSWERED


@dataclass
class Told:
    """How the calls went: those paid without a fault, and what was wrong with the others."""

    paid: int = 0
    lost: list[str] = field(default_factory=list)


class Listens:
    """A caller who takes time for each question, as people do."""

    def __init__(self, caller: PhoneCaller, listens_s: float) -> None:
        self._caller = caller
        self._listens_s = listens_s

    def keys(self, asked: KeysAsked, heard: Sequence[str]) -> str | CallerHangUp | None:
        time.sleep(self._listens_s)
        return self._caller.keys(asked, heard)

    def meanwhile(self, event: PhoneEvent) -> str | CallerHangUp:
        return self._caller.meanwhile(event)


def restarted_under_calls(server: DeployedServer, *, restarts: int, calls: int, listens_s: float = 0) -> Told:
    """Keeps `calls` lines busy while web and pci are followed by a successor, each `restarts` times."""
    over = threading.Event()
    told = Told()

    def keep_busy() -> None:
        while True:
            reference = server.add_bill(4000 + ANSWERED)
            rung = server.ring(
                reference, caller=Listens(payer(reference), listens_s), line=HttpPhoneLine(patient=False)
            )
            charged = len(server.charges(reference))
            if rung.ended.faults or "You have paid" not in rung.words or charged != 1:
                told.lost.append(f"{rung.ended.faults} {charged} charges: {rung.words}")
            else:
                told.paid += 1
            if over.is_set():
                return

    with ThreadPoolExecutor(calls) as lines:
        busy = [lines.submit(keep_busy) for _ in range(calls)]
        try:
            for _ in range(restarts):
                for name in ("pci", "web"):
                    assert server.follow(name) == 0, server.log(name)
        finally:
            over.set()
        for line in busy:
            line.result()
    return told


@click.command()
@click.option("--restarts", default=10, show_default=True)
@click.option("--calls", default=30, show_default=True)
@click.option("--listens-s", default=2.0, show_default=True, help="how long a caller takes for a question")
def main(restarts: int, calls: int, listens_s: float) -> None:
    """Restarts under calls, on SQLite; says how many were paid and how many lost."""
    with tempfile.TemporaryDirectory() as folder:
        urls = [f"sqlite:///{folder}/{name}.db" for name in ("web", "pci")]
        engine = make_engine(urls[0])
        migrate(engine)
        migrate_work(engine)
        engine.dispose()
        migrate_pci(urls[1])
        from tests.e2e.conftest import MANY

        server = make_server(Path(folder), *urls, **MANY)
        try:
            server.all_up()
            told = restarted_under_calls(server, restarts=restarts, calls=calls, listens_s=listens_s)
        finally:
            server.close()
    click.echo(f"{restarts} restarts of web and of pci under {calls} calls at once:")
    click.echo(f"{told.paid} calls paid, {len(told.lost)} lost")
    for one in told.lost:
        click.echo(one)
    sys.exit(1 if told.lost else 0)


if __name__ == "__main__":
    main()
