"""Databases that the last landed release filled are migrated, and everything in them goes on with this one.

README.md says what they hold. Where a test here fails, a deploy of this release would lose a call, a job or a
payment of that one.
"""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from ivr.cli import main
from ivr.jobs.job_list import ALL_JOBS, Job
from ivr.jobs.store import migrate_work
from ivr.platform.database.engine import make_engine
from tests.releases.last import BY_CARD, GOES_ON, LAST, PAID, SCHEMA, column, migrate, rows, tables
from tests.releases.open_calls import repeat
from tests.releases.resumed import Resumed, jobs_left, resumed
from tests.releases.snapshot import copy_rows
from tests.support.databases import Databases
from tests.support.payer import CARD
from tests.support.running_worker import running_worker
from tests.support.server_checks import check_money

TABLES_THAT_MOVE = {"alembic_version", "dbos_migrations", "pci_schema_version"}
Start = Callable[..., Resumed]

# What a migration makes of it -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["main", "pci"])
def test_every_row_is_there_after_the_migration(left: Path, migrated: Path, name: str) -> None:
    """Each with all that it held: a migration may add columns, and no more."""
    before, after = left / f"{name}.db", migrated / f"{name}.db"
    for table in tables(before) - TABLES_THAT_MOVE:
        known = rows(after, table)
        held = rows(before, table)
        assert len(known) == len(held), table
        assert all(old.items() <= new.items() for old, new in zip(held, known, strict=True)), table


def test_the_ledger_balances(migrated: Path) -> None:
    by_account = (
        "SELECT account || ' ' || sum(amount_minor) FROM ledger_line GROUP BY account ORDER BY account"
    )
    assert column(migrated / "main.db", by_account) == LAST.facts["ledger"]
    assert column(migrated / "main.db", "SELECT sum(amount_minor) FROM ledger_line") == [0]


@pytest.mark.slow
def test_a_worker_runs_every_job_under_the_name_that_it_has(
    left: Path, migrated: Path, tmp_path: Path
) -> None:
    """Those that wait, those whose time has not come, and those in the middle of which their worker died."""
    shutil.copy(migrated / "main.db", tmp_path)
    engine = make_engine(f"sqlite:///{tmp_path}/main.db")
    with engine.begin() as tx:  # one of each kind is enough
        tx.execute(
            sa.text(
                "DELETE FROM workflow_status WHERE status != 'PENDING' AND rowid NOT IN "
                "(SELECT min(rowid) FROM workflow_status GROUP BY name, status)"
            )
        )
    wanted = {(one.name, one.subject_id, one.nth) for one in jobs_left(engine)}
    names = column(left / "main.db", "SELECT DISTINCT name FROM workflow_status")
    assert {name for name, _, _ in wanted} == set(names)
    ran: set[tuple[str, str, int]] = set()

    def noting(job: Job) -> Callable[[str, int], None]:
        return lambda subject_id, nth: ran.add((job.name, subject_id, nth))

    with running_worker(engine, {job: noting(job) for job in ALL_JOBS}) as worker:
        worker.finish()
    engine.dispose()
    assert ran == wanted


# How it goes on ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def today(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Resumed]:
    """This release's server, on what was left. The tests below play one after the other."""
    folder = tmp_path_factory.mktemp("today") / "all"
    shutil.copytree(migrated, folder)
    with resumed(LAST, folder, f"sqlite:///{folder}/main.db") as running:
        yield running


def paybycall(today: Resumed, *arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), env=today.server.environ, catch_exceptions=False)


@pytest.mark.parametrize("name", [name for name, call in LAST.calls.items() if call.document is not None])
def test_a_webhook_that_is_repeated_gets_the_answer_that_it_got(today: Resumed, name: str) -> None:
    call = LAST.calls[name]
    answer = repeat(today.server.transport, call)
    assert answer.status == 200
    assert answer.body.decode() == call.document


@pytest.mark.parametrize("name", GOES_ON)
def test_a_call_goes_on_where_it_stood(today: Resumed, name: str) -> None:
    if name == "look_up_not_answered":
        today.merchant.answer({"reference": "40000006", "amount_minor": 4990, "currency": "EUR"})
    keyed, comes_of_it = GOES_ON[name]
    said = today.go_on(name, *keyed)
    assert re.search(comes_of_it, said), said


def test_a_link_is_paid_on_its_page(today: Resumed) -> None:
    """It is found by the token that was texted, paid at the bank, heard of by webhook, and confirmed."""
    [attempt_id, token, bill_id] = LAST.facts["payable"]
    page = today.page_at_bank(token)
    assert today.server.bank.pay_page(page).status_code == 303
    today.server.pass_time(60)
    assert today.column("SELECT state FROM attempt WHERE id = :id", id=attempt_id) == ["approved"]
    assert today.column("SELECT paid_minor FROM bill WHERE id = :id", id=bill_id) == [4990]
    receipt = "SELECT state FROM confirmation WHERE attempt_id = :id AND purpose = 'receipt'"
    assert today.column(receipt, id=attempt_id) == ["sent"]


def test_what_was_unknown_is_asked_about_and_never_charged_again(today: Resumed, left: Path) -> None:
    today.server.pass_time(600)
    unknown = column(left / "main.db", "SELECT id FROM attempt WHERE state IN ('unknown', 'claimed')")
    taken = column(left / "bank.db", "SELECT key FROM movement WHERE state = 'approved'")
    states = {one: today.column("SELECT state FROM attempt WHERE id = :id", id=one)[0] for one in unknown}
    assert states == {one: "approved" if one in taken else "fenced" for one in unknown}
    assert set(states.values()) == {"approved", "fenced"}
    charges = today.server.bank.rows("SELECT key FROM movement WHERE kind != 'refund' AND state = 'approved'")
    keys = [row["key"] for row in charges]
    assert sorted(keys) == sorted(set(keys))


def test_refunds_are_finished(today: Resumed, left: Path) -> None:
    for state, becomes in (("asked", "approved"), ("unknown", "declined"), ("for_a_person", "for_a_person")):
        refund_ids = column(left / "main.db", "SELECT id FROM refund WHERE state = ?", state)
        assert refund_ids
        for one in refund_ids:
            assert today.column("SELECT state FROM refund WHERE id = :id", id=one) == [becomes]
            assert today.api.get(f"/refunds/{one}").status_code == 200


def test_a_person_decides_what_is_theirs_to_decide(today: Resumed) -> None:
    for table in ("attempt", "refund"):
        [one] = today.column(f"SELECT id FROM {table} WHERE state = 'for_a_person'")  # noqa: S608
        decided = paybycall(today, "payment", "decide", one, "--charged", "--yes")
        assert decided.exit_code == 0, decided.output
        assert today.column(f"SELECT state FROM {table} WHERE id = :id", id=one) == ["approved"]  # noqa: S608


def test_texts_go_on(today: Resumed, left: Path) -> None:
    """One on hold is sent again when asked to; one that may have been sent is looked for."""
    [held] = today.api.get("/messages/held").get_json()["messages"]
    assert today.api.post(f"/messages/{held['id']}/resend", {}).status_code == 202
    today.server.pass_time(900)
    under_way = "SELECT id FROM confirmation WHERE state IN ('held', 'maybe_sent', 'sending', 'queued')"
    for one in column(left / "main.db", under_way):
        assert today.column("SELECT state FROM confirmation WHERE id = :id", id=one) == ["sent"], one
        [body] = column(left / "main.db", "SELECT body FROM confirmation WHERE id = ?", one)
        assert [text["body"] for text in today.carrier.texts].count(body) == 1


def test_saved_cards_are_kept_forgotten_and_deleted(today: Resumed, left: Path) -> None:
    for state, becomes in (("keeping", "kept"), ("forgetting", "forgotten")):
        [card_id] = column(left / "main.db", "SELECT id FROM saved_card WHERE state = ?", state)
        assert today.column("SELECT state FROM saved_card WHERE id = :id", id=card_id) == [becomes]
    [phone] = today.column(OF_A_KEPT_CARD)
    [shown] = today.api.post("/cards/search", {"phone": phone}).get_json()["cards"]
    card_id = shown["id"]
    assert today.api.send("DELETE", f"/cards/{card_id}").status_code == 202
    today.server.pass_time(60)
    assert today.column("SELECT state FROM saved_card WHERE id = :id", id=card_id) == ["forgotten"]


OF_A_KEPT_CARD = """
SELECT phone FROM saved_card JOIN customer ON customer.id = saved_card.customer_id
WHERE state = 'kept' ORDER BY saved_card.id LIMIT 1
"""


def test_lockouts_are_lifted(today: Resumed) -> None:
    """Ours, and those of cards, which the PCI process keeps."""
    standing = today.api.get("/lockouts").get_json()["lockouts"]
    assert {one["kind"] for one in standing} == {"call", "caller", "bill", "card", "bin"}
    for one in standing:
        assert today.api.send("DELETE", f"/lockouts/{one['id']}").status_code == 200
    assert today.api.get("/lockouts").get_json()["lockouts"] == []


@pytest.mark.parametrize("path", ["/payments", "/payouts", "/disputes", "/bills", "/lockouts?which=all"])
def test_a_program_reads_everything(today: Resumed, path: str) -> None:
    answer = today.api.get(path)
    assert answer.status_code == 200, answer.text
    [items] = [value for value in answer.get_json().values() if isinstance(value, list)]
    assert items


LISTS = ("payment", "refund", "bill", "dispute", "payout", "apikey")


@pytest.mark.parametrize("command", LISTS)
def test_an_operator_lists_everything(today: Resumed, command: str) -> None:
    listed = paybycall(today, command, "list")
    assert listed.exit_code == 0, listed.output
    assert len(listed.output.splitlines()) > 1


def test_the_merchant_is_told_what_waited(today: Resumed, left: Path) -> None:
    waited = column(left / "main.db", "SELECT id FROM outcome WHERE state = 'waiting'")
    told = {json.loads(one.body)["id"] for one in today.merchant.posted if one.path == "/outcomes"}
    assert set(waited) <= told


def test_nothing_is_left_undone_and_every_cent_is_in_the_books(today: Resumed) -> None:
    today.server.pass_time(4 * 3600)
    assert not today.server.work.failed, today.server.work.failed
    check_money(today.engine, today.server.bank.rows)
    assert today.column("SELECT sum(amount_minor) FROM ledger_line") == [0]
    assert today.column("SELECT id FROM call WHERE status = 'active'") == []
    over = "SELECT id, state FROM attempt WHERE state IN ('reserved', 'claimed', 'unknown', 'link_closing')"
    assert today.column(over) == []


# With other settings, and on the other database -------------------------------------------------------------


@pytest.fixture
def start(migrated: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts this release's server with these settings, on a copy."""
    with ExitStack() as stack:

        def begin(**changes: str) -> Resumed:
            folder = tmp_path / "all"
            shutil.copytree(migrated, folder)
            return stack.enter_context(resumed(LAST, folder, f"sqlite:///{folder}/main.db", **changes))

        yield begin


@pytest.mark.slow
def test_calls_of_a_gateway_that_authorizes_go_on(start: Start, left: Path) -> None:
    """And what the issuer holds for a call that is gone is released."""
    today = start(SANDBOX_CARD_ENTRY="authorize")
    assert re.search(PAID, today.go_on("charge_authorized"))
    assert re.search(PAID, today.go_on("confirms_amount_before_card", "1", *CARD))
    assert re.search(PAID, today.go_on("card_number_to_authorize", *CARD))
    today.server.pass_time(300)
    [voiding] = column(left / "main.db", "SELECT id FROM attempt WHERE state = 'voiding'")
    assert today.column("SELECT state FROM attempt WHERE id = :id", id=voiding) == ["voided"]
    assert not today.server.work.failed, today.server.work.failed
    assert today.column("SELECT sum(amount_minor) FROM ledger_line") == [0]


@pytest.mark.slow
def test_a_call_whose_card_the_carrier_takes_goes_on(start: Start) -> None:
    today = start(CARD_ENTRY="pay")
    assert re.search(PAID, today.go_on("card_at_the_carrier", *BY_CARD))


@pytest.mark.postgres
def test_calls_go_on_on_postgresql(
    left: Path, databases: Databases, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The very rows, in a PostgreSQL of that release's schema."""
    folder = tmp_path / "all"
    shutil.copytree(left, folder)
    url = databases.at("postgres", SCHEMA)
    request.addfinalizer(lambda: databases.drop(url))
    source, target = make_engine(f"sqlite:///{folder}/main.db"), make_engine(url)
    migrate_work(target)
    copy_rows(source, target, schemas=[None, "dbos"])
    source.dispose()
    target.dispose()
    migrate(url, f"sqlite:///{folder}/pci.db")
    with resumed(LAST, folder, url) as today:
        for name in ("charge", "charge_taken", "sends_link", "card_code", "offers_saved_card"):
            keyed, comes_of_it = GOES_ON[name]
            said = today.go_on(name, *keyed)
            assert re.search(comes_of_it, said), said
        assert today.api.get("/payments").status_code == 200
        today.server.pass_time(600)
        assert not today.server.work.failed, today.server.work.failed
        assert today.column("SELECT sum(amount_minor) FROM ledger_line") == [0]
