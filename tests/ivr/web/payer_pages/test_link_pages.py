"""The payer's pages: where a link leads, and what is said once it is paid or given back."""

import re
from urllib.parse import urljoin, urlsplit

import pytest
import sqlalchemy as sa

from tests.ivr.web.payer_pages.conftest import Client
from tests.support import schema
from tests.support.link_gateway import LinkGateway
from tests.support.link_pages import HOUR_S, speak_spanish, token_of
from tests.support.payment_services import PaymentServices


def test_an_open_link_leads_to_the_gateways_page(
    services: PaymentServices, client: Client, opened: str
) -> None:
    answer = client().get(f"/pay/{token_of(services, opened)}")
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"https://bank.example/pay/{opened}"
    assert answer.text == ""


def test_a_robot_that_looks_first_changes_nothing(
    services: PaymentServices, client: Client, opened: str
) -> None:
    before = _whole_database(services)
    for path in (f"/pay/{token_of(services, opened)}", f"/receipt/{token_of(services, opened)}"):
        for method in ("HEAD", "GET", "OPTIONS"):
            assert client().open(path, method=method).status_code in {200, 303}
        for method in ("POST", "PUT", "DELETE"):
            assert client().open(path, method=method).status_code == 405
    assert _whole_database(services) == before


def _whole_database(services: PaymentServices) -> list[object]:
    with services.engine.begin() as tx:
        return [tx.execute(sa.select(table)).all() for table in schema.metadata.sorted_tables]


def test_who_leaves_without_paying_is_not_sent_back_at_once(
    services: PaymentServices, client: Client, opened: str
) -> None:
    answer = client().get(f"/pay/{token_of(services, opened)}?left=1")
    assert answer.status_code == 200
    assert "You have not paid yet" in answer.text
    assert "This link expires in 60 min." in answer.text
    assert 'href="?"' in answer.text, "the way on is this page without its query"


@pytest.mark.slow
def test_paid_says_the_books_and_nothing_else(
    services: PaymentServices, bank: LinkGateway, client: Client, opened: str
) -> None:
    token = token_of(services, opened)
    bank.pay(opened)
    waiting = client().get(f"/receipt/{token}?done=1")
    assert waiting.status_code == 200
    assert "being confirmed" in waiting.text
    assert "We have received" not in waiting.text
    services.pass_time(2 * HOUR_S)
    for path in (f"/receipt/{token}", f"/receipt/{token}?done=1", f"/pay/{token}", f"/pay/{token}?left=1"):
        paid = client().get(path)
        assert paid.status_code == 200
        assert "We have received your payment" in paid.text
        assert {"€40.00", services.attempt(opened).reference, "10000001"} <= set(
            re.findall(r"<dd>(.*?)</dd>", paid.text)
        )


def test_a_receipt_of_a_link_that_is_open_says_so_and_leads_back(
    services: PaymentServices, client: Client, opened: str
) -> None:
    token = token_of(services, opened)
    services.clock.advance(15 * 60)
    page = client().get(f"/receipt/{token}")
    assert page.status_code == 200
    assert "Not paid yet" in page.text
    assert "We have not received a payment through this link yet." in page.text
    assert "This link expires in 45 min." in page.text
    assert "There is nothing more to do" not in page.text
    way_on = urljoin(f"https://pay.example.com/receipt/{token}", f"../pay/{token}")
    assert f'href="../pay/{token}"' in page.text
    assert client().get(urlsplit(way_on).path).headers["Location"] == f"https://bank.example/pay/{opened}"
    services.clock.advance(45 * 60)
    assert "This link expires in less than a minute." in client().get(f"/receipt/{token}").text


def test_a_payer_coming_from_the_gateway_never_reads_not_paid(
    services: PaymentServices, bank: LinkGateway, client: Client, opened: str
) -> None:
    """They are ahead of the webhook. The address is the one that the gateway was given."""
    done = urlsplit(bank.asked[0].done_url)
    bank.pay(opened)
    for _ in range(2):
        page = client().get(f"{done.path}?{done.query}").text
        assert "Your payment is being confirmed" in page
        assert "Not paid yet" not in page
        assert 'href=""' in page, "looked at again, the address keeps its mark"
    services.close_link(opened)
    for path in (done.path, f"{done.path}?{done.query}"):
        assert "Your payment is being confirmed" in client().get(path).text


@pytest.mark.parametrize("query", ["?done=1", "?paid=1", "?done=1&left=1", "?state=approved", "?refunded"])
def test_no_address_makes_a_payment(
    services: PaymentServices, client: Client, opened: str, query: str
) -> None:
    for path in (f"/receipt/{token_of(services, opened)}", f"/pay/{token_of(services, opened)}"):
        page = client().get(path + query).text
        assert not any(word in page for word in ("We have received", ">Paid<", "Refunded", "given back"))


def _give_back(
    services: PaymentServices, attempt_id: str, amount_minor: int | None = None, *, run: bool = True
) -> str:
    with services.engine.begin() as tx:
        refund = services.payments.refunds.ask(tx, attempt_id, amount_minor, asked_by="finance")
    if run:
        services.run_due()
    return refund.id


def test_what_was_given_back_is_told_by_the_books(
    services: PaymentServices, bank: LinkGateway, client: Client, opened: str
) -> None:
    token = token_of(services, opened)
    bank.pay(opened)
    services.pass_time(2 * HOUR_S)
    _give_back(services, opened, 1_000, run=False)
    asked = client().get(f"/receipt/{token}").text
    assert "We have received your payment.<" in asked, "asked for is not given back"
    assert "€10.00" not in asked
    services.run_due()
    part = client().get(f"/receipt/{token}").text
    assert "Paid</h1>" in part
    assert "We have received your payment and refunded €10.00 of it." in part
    assert "<dt>Refunded</dt><dd>€10.00</dd>" in part
    _give_back(services, opened)
    for path in (f"/receipt/{token}", f"/receipt/{token}?done=1", f"/pay/{token}", f"/pay/{token}?left=1"):
        whole = client().get(path)
        assert whole.status_code == 200
        assert "Refunded</h1>" in whole.text
        assert "refunded in full" in whole.text
        assert "<dt>Refunded</dt><dd>€40.00</dd>" in whole.text
        assert "We have received" not in whole.text
    speak_spanish(services)
    assert "Devuelto</h1>" in client().get(f"/receipt/{token}").text


def test_a_refund_that_the_gateway_refused_was_not_given_back(
    services: PaymentServices, bank: LinkGateway, client: Client, opened: str
) -> None:
    bank.pay(opened)
    services.pass_time(2 * HOUR_S)
    bank.refunded["by hand"] = (opened, 4_000)
    _give_back(services, opened)
    page = client().get(f"/receipt/{token_of(services, opened)}").text
    assert "We have received your payment.<" in page
    assert "Refunded" not in page


def test_in_the_payers_language(
    services: PaymentServices, bank: LinkGateway, client: Client, opened: str
) -> None:
    speak_spanish(services)
    token = token_of(services, opened)
    assert '<html lang="es">' in client().get(f"/receipt/{token}").text
    left = client().get(f"/pay/{token}?left=1").text
    assert "Todavía no ha pagado" in left
    assert "Este enlace caduca en 60 min." in left
    assert "en cuanto se confirme" in client().get(f"/receipt/{token}?done=1").text
    bank.pay(opened)
    services.pass_time(2 * HOUR_S)
    paid = client().get(f"/receipt/{token}", headers={"Accept-Language": "en"}).text
    assert "Hemos recibido su pago" in paid
    assert "40,00 €" in paid
