"""Saved cards as a merchant's program sees them: with their consent, without what could charge one."""

import flask
import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from ivr.platform.clock import rfc3339
from ivr.web.api.cards import CardRoutes
from ivr.web.api.problem import Problem
from tests.support.api_client import ApiClient
from tests.support.fake_gateway import Fate
from tests.support.payment_services import PaymentServices
from tests.support.saving_gateway import PHONE, SavingGateway, forget, kept, offered


@pytest.fixture
def bank() -> SavingGateway:
    return SavingGateway()


@pytest.fixture
def services(engine: sa.Engine, bank: SavingGateway) -> PaymentServices:
    return PaymentServices(engine, bank=bank)


def test_a_customers_cards_with_what_they_agreed_to(api: ApiClient, services: PaymentServices) -> None:
    card = kept(services)
    kept(services, "tok_other", phone="+34600111333")
    answer = api.post("/cards/search", {"phone": "600 111 222"})
    [shown] = answer.json["cards"]
    assert (shown["id"], shown["phone"], shown["state"]) == (card.id, PHONE, "kept")
    assert (shown["brand"], shown["last_four"]) == ("visa", "4242")
    assert (shown["expiry_month"], shown["expiry_year"]) == (9, 2031)
    assert shown["consent"] == {
        "wording": "To pay and keep this card, 3.",
        "language": "en",
        "prompt": "pay_bill:keep.branded",
        "release": "0.1.0",
        "at": rfc3339(card.consent.at),
        "call_id": card.call_id,
    }
    assert api.get(f"/cards/{card.id}").json == shown


def test_nothing_that_charges_a_card_leaves(api: ApiClient, services: PaymentServices) -> None:
    card = kept(services)
    with capture_logs() as logs:
        said = api.post("/cards/search", {"phone": PHONE}).text + api.get(f"/cards/{card.id}").text
        said += api.send("DELETE", f"/cards/{card.id}").text
        services.run_due()
        said += api.get(f"/cards/{card.id}").text
    for secret in ("tok_good", str(card.gateway_customer_id)):
        assert secret not in said + repr(logs)


def test_a_deleted_card_is_gone_at_once_and_at_the_gateway_when_that_answers(
    api: ApiClient, services: PaymentServices, bank: SavingGateway
) -> None:
    card = kept(services)
    bank.fates.append(Fate.LOST_REPLY)
    deleted = api.send("DELETE", f"/cards/{card.id}")
    assert (deleted.status_code, deleted.json["state"]) == (202, "forgetting")
    assert deleted.json["deleted_by"] == "api: billing system"
    assert offered(services) is None
    services.run_due()
    assert api.send("DELETE", f"/cards/{card.id}").status_code == 202
    services.pass_time(60)
    again = api.send("DELETE", f"/cards/{card.id}")
    assert (again.status_code, again.json["state"]) == (200, "forgotten")
    assert again.json["deleted_at"] is not None
    assert again.json["consent"]["wording"] == card.consent.wording
    assert api.post("/cards/search", {"phone": PHONE}).json == {"cards": []}
    assert bank.saved == {}


@pytest.mark.slow
def test_a_card_that_is_being_forgotten_is_shown_as_such(api: ApiClient, services: PaymentServices) -> None:
    card = kept(services)
    forget(services, card.id, by="voice: call_1")
    [shown] = api.post("/cards/search", {"phone": PHONE}).json["cards"]
    assert (shown["state"], shown["deleted_by"]) == ("forgetting", "voice: call_1")


@pytest.mark.parametrize("phone", ["", "anonymous", "12", 34600111222, None, "+34600111222' OR 1=1"])
def test_what_is_no_phone_number_is_refused(api: ApiClient, phone: object) -> None:
    answer = api.post("/cards/search", {"phone": phone})
    assert (answer.status_code, answer.json["field"]) == (422, "phone")


def test_a_number_that_two_people_could_have_is_refused(services: PaymentServices) -> None:
    cards = CardRoutes(services.engine, cards=services.payments.saved_cards, home_country="SE")
    asking = flask.Flask("api").test_request_context(json={"phone": "468123456"})
    with asking, pytest.raises(Problem, match=r"\+468123456 or as \+46468123456"):
        cards.search()


@pytest.mark.parametrize("card_id", ["card_none", "1", "attempt_1", "card_%27"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_card_that_is_not(api: ApiClient, method: str, card_id: str) -> None:
    assert api.send(method, f"/cards/{card_id}").json["code"] == "not_found"


def test_a_phone_number_is_never_part_of_an_address(api: ApiClient) -> None:
    assert api.send("GET", "/cards", query_string={"phone": PHONE}).status_code == 404


def test_nobody_without_a_key(api: ApiClient, services: PaymentServices) -> None:
    card = kept(services)
    api.token = "pbc_wrong"
    assert api.post("/cards/search", {"phone": PHONE}).status_code == 401
    assert api.send("DELETE", f"/cards/{card.id}").status_code == 401
    assert offered(services) == card.id
