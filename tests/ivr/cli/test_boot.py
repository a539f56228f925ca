"""A database that cannot be used: each command ends with one sentence that names the setting, with
status 2.
"""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer

import psycopg
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from ivr.cli import main
from ivr.pci.migrations import migrate as migrate_pci
from ivr.platform.database.engine import make_engine
from ivr.platform.database.migrations import migrate
from tests.support.card_entry import INTERNAL_SECRET

PASSWORD = "pa55-word"
COMMANDS = [
    ("DATABASE_URL", ["serve", "web"]),
    ("DATABASE_URL", ["serve", "worker"]),
    ("DATABASE_URL", ["bill", "list"]),
    ("DATABASE_URL", ["migrate"]),
    ("PCI_DATABASE_URL", ["serve", "pci"]),
    ("PCI_DATABASE_URL", ["migrate"]),
]


def run(folder: Path, *command: str, **changes: str) -> Result:
    environ = {
        "ENVIRONMENT": "development",
        "DATABASE_URL": f"sqlite:///{folder}/town.db",
        "PCI_DATABASE_URL": f"sqlite:///{folder}/pci.db",
        "PUBLIC_URL": "http://127.0.0.1:8000",
        "PCI_PUBLIC_URL": "http://127.0.0.1:8001",
        "PCI_INTERNAL_URL": "http://127.0.0.1:8001",
        "PCI_KEY_DIRECTORY": f"{folder}/keys",
        "INTERNAL_SECRET": INTERNAL_SECRET.reveal(),
        "TWILIO_ACCOUNT_SID": "AC1",
        "TWILIO_AUTH_TOKEN": "token",
        "GATEWAY": "sandbox",
        "CHANNEL": "console",
    }
    return CliRunner().invoke(main, command, env=environ | changes)


def told(ended: Result) -> str:
    """The one sentence."""
    assert ended.exit_code == 2, (ended.output, ended.exception)
    [sentence] = ended.stderr.splitlines()
    assert sentence.endswith(".")
    assert PASSWORD not in ended.output
    return sentence


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    """The port of a server that speaks HTTP, and one that is free."""

    class Refuse(StreamRequestHandler):
        def handle(self) -> None:
            self.request.recv(100)
            self.wfile.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with ThreadingTCPServer(("127.0.0.1", 0), Refuse) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        with socket.create_server(("127.0.0.1", 0)) as taken:
            free: int = taken.getsockname()[1]
        yield {"web": server.server_address[1], "free": free}
        server.shutdown()


@pytest.mark.parametrize(
    ("url", "part"),
    [
        (
            "postgresql://town:pa55-word@127.0.0.1:{free}/town",
            "No database server listens at 127.0.0.1, port",
        ),
        ("postgresql://town:pa55-word@127.0.0.1:{web}/town", "is not a PostgreSQL server"),
        ("postgresql://town:pa55-word@nohost.invalid/town", "is not found in DNS"),
        ("postgresql://town:pa55-word@a..b/town", "is not a host name"),
        (
            "postgresql://town:pa55-word@/town?host=/nowhere",
            "No database server listens at /nowhere, port 5432",
        ),
        ("postgresql://town:pa55-word@127.0.0.1:{free}/town?color=red", "an option after the ?"),
        ("postgresql://town:pa55-word@127.0.0.1:{free}/town?sslmode=red", "an option after the ?"),
        ("postgresql://town:pa55-word@127.0.0.1:port/town", "a number as port"),
        ("postgresql://town:pa55@pa55-word@127.0.0.1/town", "write an @ of the password as %40"),
        ("mysql://town:pa55-word@127.0.0.1/town", "not with mysql://"),
        ("sqlite:///{folder}/no/such/town.db", "/no/such does not exist: create it, or correct"),
        ("sqlite:///{folder}", "is a directory"),
        ("sqlite:///{folder}/text.txt", "text.txt is not an SQLite database"),
        ("sqlite:////proc/town.db", "/proc/town.db"),
    ],
)
@pytest.mark.parametrize(("setting", "command"), COMMANDS)
def test_a_database_that_does_not_answer(
    setting: str, command: list[str], url: str, part: str, *, tmp_path: Path, ports: dict[str, int]
) -> None:
    (tmp_path / "text.txt").write_text("no database\n" * 100)
    made = url.format(folder=tmp_path, **ports)
    sentence = told(run(tmp_path, *command, **{setting: made}))
    assert part in sentence
    assert setting in sentence.replace(f"PCI_{setting}", "")
    assert not list(tmp_path.glob("*.db")) or command == ["migrate"]


@pytest.mark.parametrize(("setting", "command"), [one for one in COMMANDS if one[1] != ["migrate"]])
def test_a_file_that_is_missing_is_not_made(setting: str, command: list[str], tmp_path: Path) -> None:
    sentence = told(run(tmp_path, *command))
    assert sentence.startswith("There is no database at ")
    assert "run `paybycall migrate` first" in sentence
    assert setting in sentence
    assert not list(tmp_path.glob("*.db"))
    (tmp_path / "town.db").touch()
    (tmp_path / "pci.db").touch()
    assert "does not have this release's schema: run `paybycall migrate`" in told(run(tmp_path, *command))


@pytest.fixture
def server(postgres_url: object) -> Iterator[tuple[sa.URL, psycopg.Connection]]:
    """A PostgreSQL server that asks one user for a password."""
    url = sa.make_url(postgres_url())  # type: ignore[operator]
    with psycopg.connect(postgres_url(), autocommit=True) as connection:  # type: ignore[operator]
        home = "SELECT pg_read_file(current_setting('hba_file'))"
        [before] = connection.execute(home).fetchone() or [""]
        asked = "".join(f"{kind} boot_checked scram-sha-256\n" for kind in ("local all", "host all")).replace(
            "host all boot_checked", "host all boot_checked all"
        )
        _write_hba(connection, asked + before)
        connection.execute(f"CREATE ROLE boot_checked LOGIN PASSWORD '{PASSWORD}'")
        connection.execute("CREATE DATABASE boot_checked OWNER boot_checked")
        try:
            yield url, connection
        finally:
            connection.execute("DROP DATABASE boot_checked WITH (FORCE)")
            connection.execute("DROP ROLE boot_checked")
            _write_hba(connection, before)


def _write_hba(connection: psycopg.Connection, text: str) -> None:
    [path] = connection.execute("SELECT current_setting('hba_file')").fetchone() or [""]
    lines = "', E'".join(
        text.replace("\\", r"\\").replace("'", r"\'").replace("\n", r"\n") for text in [text]
    )
    connection.execute(f"COPY (SELECT regexp_split_to_table(E'{lines}', E'\n')) TO '{path}'")
    connection.execute("SELECT pg_reload_conf()")


@pytest.mark.postgres
def test_what_a_postgresql_server_refuses(tmp_path: Path, server: tuple[sa.URL, psycopg.Connection]) -> None:
    admin, connection = server
    good = admin.set(
        username="boot_checked", password=PASSWORD, database="boot_checked", drivername="postgresql"
    )

    def ended(url: sa.URL, *command: str) -> Result:
        return run(tmp_path, *command, DATABASE_URL=url.render_as_string(hide_password=False))

    for command in (["serve", "web"], ["serve", "worker"], ["migrate"], ["bill", "list"]):
        refused = told(ended(good.set(password=f"not {PASSWORD}"), *command))
        assert "refuses the user or the password in DATABASE_URL" in refused
        assert "has no database 'nowhere'" in told(ended(good.set(database="nowhere"), *command))
    assert "does not have this release's schema" in told(ended(good, "serve", "web"))
    connection.execute(f"ALTER ROLE boot_checked PASSWORD '{PASSWORD}#/?&% @:'")
    hard = good.set(password=f"{PASSWORD}#/?&% @:")
    assert "does not have this release's schema" in told(ended(hard, "serve", "web")), "encoded, all is well"
    place = (
        f"{hard.host}:{hard.port or 5432}/boot_checked"
        if hard.host
        else f"/boot_checked?host={hard.query['host']}"
    )
    plain = f"postgresql://boot_checked:{PASSWORD}#/?&%25 %40%3A@{place}"
    assert "does not have this release's schema" in told(run(tmp_path, "serve", "web", DATABASE_URL=plain))
    connection.execute("ALTER DATABASE boot_checked OWNER TO CURRENT_USER")
    with psycopg.connect(
        admin.set(database="boot_checked", drivername="postgresql").render_as_string(False)
    ) as there:
        there.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    assert "has no right to do this in its database" in told(ended(hard, "migrate"))


def test_one_database_for_both_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    same = {"DATABASE_URL": f"sqlite:///{tmp_path}/town.db"}
    same["PCI_DATABASE_URL"] = f"sqlite:///{tmp_path}/../{tmp_path.name}/town.db"
    for command in (["migrate"], ["serve", "web"], ["serve", "pci"], ["serve", "worker"]):
        assert told(run(tmp_path, *command, **same)).startswith(
            "DATABASE_URL and PCI_DATABASE_URL name the same database; each must have its own"
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_database_of_the_other_is_known_by_its_tables(tmp_path: Path) -> None:
    town, pci = f"sqlite:///{tmp_path}/town.db", f"sqlite:///{tmp_path}/pci.db"
    migrate(make_engine(town))
    migrate_pci(pci)
    for command in (["serve", "web"], ["serve", "worker"], ["bill", "list"]):
        sentence = told(run(tmp_path, *command, DATABASE_URL=pci, PCI_DATABASE_URL=""))
        assert "The database in DATABASE_URL has the tables of PCI_DATABASE_URL" in sentence
    sentence = told(run(tmp_path, "serve", "pci", PCI_DATABASE_URL=town, DATABASE_URL=""))
    assert "The database in PCI_DATABASE_URL has the tables of DATABASE_URL" in sentence
    assert "has the tables of PCI_" in told(
        run(tmp_path, "migrate", DATABASE_URL=pci, CARD_ENTRY="pay", PCI_DATABASE_URL="")
    )
    new = f"sqlite:///{tmp_path}/new.db"
    assert "has the tables of DATABASE_URL" in told(
        run(tmp_path, "migrate", DATABASE_URL=new, PCI_DATABASE_URL=town)
    )
    with make_engine(new).connect() as connection:
        assert not sa.inspect(connection).get_table_names(), "nothing is changed while the other one is wrong"


@pytest.mark.slow
def test_a_database_of_a_later_release_is_left_as_it_is(tmp_path: Path) -> None:
    """After a roll-back supervisors run `migrate` too, before they start the processes."""
    assert run(tmp_path, "migrate").exit_code == 0
    with make_engine(f"sqlite:///{tmp_path}/town.db").begin() as tx:
        tx.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    again = run(tmp_path, "migrate")
    assert again.exit_code == 0
    assert again.stdout.startswith("The database in DATABASE_URL has the schema of a later release")
    with make_engine(f"sqlite:///{tmp_path}/town.db").connect() as tx:
        assert tx.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one() == "9999"


def test_the_bank_cannot_use_such_a_file(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("no database\n" * 100)
    for path, part in (
        ("/proc/no/bank.db", "The folder /proc/no does not exist"),
        (tmp_path / "text.txt", "is not an"),
    ):
        ended = CliRunner().invoke(main, ["sandbox", "--port", "0", "--database", str(path)])
        assert part in told(ended)
        assert "--database" in ended.stderr
