"""`paybycall card`: a card is listed with its consent, deleted at once."""

from functools import partial

import pytest
import sqlalchemy as sa

from ivr.jobs.backlog import backlog
from tests.ivr.cli.conftest import Run
from tests.support.payment_services import PaymentServices
from tests.support.saving_gateway import PHONE, SavingGateway, kept, offered


@pytest.fixture
def services(engine: sa.Engine) -> PaymentServices:
    return PaymentServices(engine, bank=SavingGateway(name="sandbox"))


@pytest.fixture
def paybycall(paybycall: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("GATEWAY", "sandbox")
    return partial(paybycall, "card")


def test_listed_with_what_was_agreed_to(paybycall: Run, services: PaymentServices) -> None:
    assert "has no saved cards" in paybycall("list", PHONE).stderr
    card = kept(services)
    lines = paybycall("list", PHONE).stdout.splitlines()
    assert lines[1].startswith(f"{card.id}  kept   visa 4242  09/2031  sandbox  20")
    assert lines[1].endswith(f"Z  {card.call_id}  To pay and keep this card, 3.")
    assert paybycall("list", "600 111 222").stdout.splitlines() == lines
    assert "tok_good" not in "".join(lines)
    assert paybycall("list", "nobody").exit_code == 2


def test_deleted_by_a_person_with_its_work(paybycall: Run, services: PaymentServices) -> None:
    card = kept(services)
    unasked = paybycall("delete", card.id)
    assert (unasked.exit_code, unasked.stdout) == (2, "")
    assert "Delete card" in unasked.stderr
    assert "visa 4242" in unasked.stderr
    assert offered(services, gateway="sandbox") is not None
    deleted = paybycall("delete", card.id, "--yes")
    assert deleted.exit_code == 0
    assert deleted.stdout.endswith(f"Card {card.id} is deleted; the gateway is being told.\n")
    assert offered(services, gateway="sandbox") is None
    assert backlog(services.engine)["waiting"] == 1
    assert paybycall("delete", card.id).exit_code == 0
    assert backlog(services.engine)["waiting"] == 1
    assert "no card with this ID" in paybycall("delete", "card_none").stderr
