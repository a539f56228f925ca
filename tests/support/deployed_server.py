"""The server as in production: every process a real one, on a free loopback port, called over HTTP.

`tests.support.server_processes` starts the processes, in an environment that `ivr.demo.environment` makes.
Time is real, so a test waits for conditions. It can kill a process, start it again and read the databases;
`check` holds what must hold afterwards.
"""

import itertools
import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa

from gateways.secret import Secret
from ivr.bills import store
from ivr.bills.bill import NewBill
from ivr.demo.environment import CALLED, free_ports, prepare
from ivr.demo.processes import Processes
from ivr.payments.attempts.states import HOLDING
from ivr.platform.clock import SystemClock
from ivr.platform.database.engine import make_engine, reading
from ivr.platform.ids import RandomIds
from ivr.simulators.phone.demo import DemoCaller
from ivr.simulators.phone.engine import Call
from ivr.simulators.phone.events import PhoneCaller, PhoneEvent, PhoneListener, Said, ignore
from ivr.simulators.phone.webhooks import CallSettings, Webhooks
from tests.support import schema
from tests.support.http_phone_line import PATIENCE_S, HttpPhoneLine, PhoneCall
from tests.support.server_checks import CARDS, KEYED, card_traces, check_money
from tests.support.server_processes import ServerProcesses
from tests.support.waiting import eventually

MERCHANT_SECRET = "0f1c7d8a92e35b41f0c7e9d2a4863b5e"
_TOLD = {"sent", "delivered", "spoken"}
_BAD = {"error", "critical"}
_PROCESS_ID = re.compile(r"\bPID: \d+")
"""A number by chance, that looks like a code."""
_numbers = itertools.count(1)


@dataclass
class DeployedServer(ServerProcesses):
    """Running processes. `start` them, `kill` them, ring them."""

    engine: sa.Engine
    calls: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(50))
    expected: set[str] = field(default_factory=set)
    """Errors in the logs that belong to this test, by their events."""
    excused: Callable[[dict[str, Any]], bool] = lambda _: False
    """The same, by whole entries of a log."""
    _judged: set[str] = field(default_factory=set)
    """Lines of the logs that an earlier test has answered for."""

    def command(self, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """`paybycall ...` with the server's settings; a change to the empty text takes a setting away."""
        environ = {name: value for name, value in {**self.environ, **changes}.items() if value}
        return subprocess.run(
            [str(Path(sys.executable).parent / "paybycall"), *arguments],
            env=environ,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
            cwd=self.folder,
        )

    # Calls ------------------------------------------------------------------------------------------------

    def add_bill(self, amount_minor: int = 4990, minimum_minor: int | None = None) -> str:
        """A bill of nobody in particular; its reference."""
        ids = RandomIds()
        new = NewBill(
            reference=ids.reference(),
            currency="EUR",
            billed_minor=amount_minor,
            minimum_minor=minimum_minor or amount_minor,
            payer_phone=None,
        )
        with self.engine.begin() as tx:
            store.upsert(tx, new, source="cli", clock=SystemClock(), ids=ids)
        return new.reference

    def ring(
        self,
        reference: str,
        *,
        caller: PhoneCaller | None = None,
        line: HttpPhoneLine | None = None,
        listener: PhoneListener = ignore,
    ) -> PhoneCall:
        """A call to its end, from a number of its own; by itself the caller pays the bill."""
        settings = self._call_settings(f"+346005{next(_numbers):05}")
        said: list[str] = []

        def hear(event: PhoneEvent) -> None:
            if isinstance(event, Said):
                said.append(event.text)
            listener(event)

        line = line or HttpPhoneLine()
        caller = caller or payer(reference)
        ended = Call(settings, caller=caller, transport=line, clock=SystemClock(), listener=hear).run()
        line.close()
        return PhoneCall(settings.call_sid, ended, said, line)

    def repeat_hang_up(self, call_sid: str) -> None:
        """The carrier repeats that this call is over."""
        settings = replace(self._call_settings(CALLED), call_sid=call_sid)
        Webhooks(settings, HttpPhoneLine(), lambda _: None).status("completed", CallDuration="0")

    def _call_settings(self, from_number: str) -> CallSettings:
        return CallSettings.to_server(
            self.environ["PUBLIC_URL"],
            ids=RandomIds(),
            account_sid=self.environ["TWILIO_ACCOUNT_SID"],
            auth_token=Secret(self.environ["TWILIO_AUTH_TOKEN"]),
            from_number=from_number,
            to_number=CALLED,
        )

    def ringing(self, reference: str, **more: Any) -> Future[PhoneCall]:
        """The same in a thread of its own."""
        return self.calls.submit(self.ring, reference, **more)

    # What came of it --------------------------------------------------------------------------------------

    def attempts(self, reference: str) -> list[Any]:
        """The attempts on this bill, the eldest first."""
        query = (
            sa.select(schema.attempt)
            .join(schema.bill, schema.bill.c.id == schema.attempt.c.bill_id)
            .where(schema.bill.c.reference == reference)
            .order_by(schema.attempt.c.created_at)
        )
        return self.rows(query)

    def state(self, reference: str) -> str | None:
        """The state of the last attempt on this bill."""
        attempts = self.attempts(reference)
        return attempts[-1].state if attempts else None

    def until(self, reference: str, state: str) -> None:
        eventually(lambda: self.state(reference) == state, timeout_s=PATIENCE_S, what=f"the state {state}")

    def until_bank_is_processing(self, reference: str) -> None:
        """The charge has arrived there, and is not decided."""

        def thinking() -> bool:
            rows = self.bank_rows("SELECT key FROM movement WHERE state = 'in_progress'")
            return {one.id for one in self.attempts(reference)} & {row["key"] for row in rows} != set()

        eventually(thinking, timeout_s=PATIENCE_S, what="a charge at the bank")

    def rows(self, query: Any) -> list[Any]:
        with reading(self.engine) as connection:
            return list(connection.execute(query).all())

    def settled(self) -> bool:
        """Nothing holds money any more, and every payer was told."""
        holding = sa.select(schema.attempt.c.id).where(schema.attempt.c.state.in_(HOLDING))
        untold = sa.select(schema.confirmation.c.id).where(schema.confirmation.c.state.not_in(_TOLD))
        return not self.rows(holding) and not self.rows(untold)

    def charges(self, reference: str) -> list[dict[str, Any]]:
        """What the bank took for this bill."""
        keys = {one.id for one in self.attempts(reference)}
        rows = self.bank_rows("SELECT * FROM movement WHERE state = 'approved' AND kind != 'refund'")
        return [row for row in rows if row["key"] in keys]

    def remote_call_is_under_way(self) -> bool:
        """Some call waits for an answer of the PCI process."""
        return any(row.intent for row in self.rows(sa.select(schema.call.c.intent)))

    def entry_states(self) -> list[str]:
        """How the card entries stand at the PCI process, the newest last."""
        engine = make_engine(self.environ["PCI_DATABASE_URL"])
        try:
            with reading(engine) as connection:
                query = sa.text("SELECT status FROM card_entry ORDER BY created_at")
                return list(connection.execute(query).scalars())
        finally:
            engine.dispose()

    def bank_rows(self, query: str) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self.environ["SANDBOX_DATABASE"], timeout=PATIENCE_S)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query)]

    def harm(self, harm: str, path: str, **more: Any) -> None:
        """What goes wrong at the bank: see gateways/sandbox/README.md."""
        url = f"{self.environ['SANDBOX_URL']}/control/faults"
        answer = requests.post(url, json={"harm": harm, "path": path, **more}, timeout=PATIENCE_S)
        assert answer.status_code == 204, answer.text

    def clear_faults(self) -> None:
        """Nothing goes wrong there any more, but by amounts."""
        url = f"{self.environ['SANDBOX_URL']}/control/faults"
        assert requests.delete(url, timeout=PATIENCE_S).status_code == 204

    def check(self) -> None:
        """What must hold whatever happened: the books, the logs, and no trace of a card."""
        eventually(self.settled, timeout_s=PATIENCE_S, what="every payment to be settled and told")
        check_money(self.engine, self.bank_rows)
        self.check_files()

    def check_files(self) -> None:
        """No card in a log or in the file of a database, and no error that nobody expected."""
        surprises: list[str] = []
        for path in self.logs.iterdir():
            text = _PROCESS_ID.sub("", path.read_text())
            assert not card_traces(text), path
            surprises += self._surprises(text)
        assert not surprises, "\n".join(surprises)
        for path in self.folder.glob("*.db*"):
            content = path.read_bytes()
            assert not [name for name, number in CARDS.items() if number.encode() in content], path

    def _surprises(self, text: str) -> list[str]:
        """Errors that were logged since the last look and that the test did not expect."""
        found = []
        for line in text.splitlines():
            if line in self._judged:
                continue
            self._judged.add(line)
            if not line.startswith("{"):
                found += [line] if "Traceback" in line or "rror:" in line else []
                continue
            entry = json.loads(line)
            if entry["level"] not in _BAD or entry["event"] in self.expected or self.excused(entry):
                continue
            found.append(line)
        return found

    def close(self) -> None:
        self.calls.shutdown(wait=False, cancel_futures=True)
        self.processes._stop()
        self.engine.dispose()


def payer(reference: str, card: str = "visa") -> DemoCaller:
    """Pays the bill with one of the cards whose traces are looked for."""
    return DemoCaller(reference, CARDS[card], KEYED["expiry"], KEYED["code"])


def make_server(folder: Path, database_url: str, pci_database_url: str, **changes: str) -> DeployedServer:
    """A server whose processes are not started yet, on migrated databases; `changes` are settings."""
    demo = prepare(folder, RandomIds(), dict(os.environ))
    environ = {
        **demo.environ,
        "DATABASE_URL": database_url,
        "PCI_DATABASE_URL": pci_database_url,
        "PCI_KEY_DIRECTORY": str(folder / "keys"),
        **changes,
    }
    [second] = free_ports(1)
    ports = {**demo.ports, "web2": second}
    engine = make_engine(database_url)
    return DeployedServer(folder, environ, ports, Processes(environ, demo.logs), engine)


"""For a test whose point is in the database too."""
on_postgres = pytest.mark.parametrize("server", ["postgres"], indirect=True)
"""For one that takes long: once is enough, where production stands."""
authorizing = pytest.mark.parametrize("server", ["authorizing"], indirect=True)
"""The card itself goes to the gateway, which holds the amount at once: no token can be asked for twice."""
