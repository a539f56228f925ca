"""`paybycall bill import` and `show` of bills for which a link is open."""

from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from ivr.bills import store
from ivr.cli import main
from ivr.platform.database.engine import reading
from tests.support.link_gateway import LinkGateway
from tests.support.payment_services import PaymentServices
from tests.support.time_and_ids import ManualClock

HEADER = "reference,amount,currency,status\n"


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("status", "shown"), [("paid", "its open pay link is being closed"), ("withdrawn", "")]
)
def test_a_bill_with_an_open_link_is_taken_and_told(
    database_url: str, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, status: str, shown: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    clock = ManualClock()
    services = PaymentServices(engine, clock, bank=LinkGateway(clock))
    linked = services.linked(services.add_bill(4_000))
    other_id = services.add_bill(4_000)
    services.run_due()
    bill_id = services.attempt(linked).bill_id
    with reading(engine) as tx:
        bill, other = store.get(tx, bill_id), store.get(tx, other_id)

    def run(*arguments: str, **more: Any) -> Any:
        return CliRunner().invoke(main, ["bill", *arguments], **more)

    rows = "".join(f"{one.reference},40.00,EUR,{status}\n" for one in (other, bill))
    imported = run("import", "-", input=HEADER + rows)
    assert imported.exit_code == 0, imported.stderr
    assert "0 refused" in imported.stdout
    assert [line for line in imported.stderr.splitlines() if "link" in line] == [
        f"line 3: stored, but {store.LINK_CLOSES}"
    ]
    said = run("show", bill.reference).stdout
    assert status in said
    assert shown in said
    services.payments.sweep()
    services.run_due()
    after = run("show", bill.reference).stdout
    assert "closed first" not in after
    assert status in after
