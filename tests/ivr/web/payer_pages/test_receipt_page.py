"""What a receipt says: amount, date, bill, card, reference and whom to call; and what it never says."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from flows.language import read_noun
from ivr.platform.settings.line import Wording
from ivr.web.payer_pages.facts import date_written
from tests.ivr.web.payer_pages.conftest import Client
from tests.support import schema
from tests.support.link_gateway import LinkGateway
from tests.support.link_pages import HOUR_S, over, speak_spanish, token_of
from tests.support.payment_services import PaymentServices

MADRID = {
    "zone": ZoneInfo("Europe/Madrid"),
    "wording": Wording("ES", {"es": read_noun("la multa", "es"), "en": read_noun("fine", "en")}),
}

CALLED = '<a href="tel:+34910000000">+34 910 00 00 00</a>'


@pytest.fixture
def paid(services: PaymentServices, bank: LinkGateway) -> str:
    """A payment by link that was made in a call, and paid half an hour later."""
    attempt_id = services.linked(call_id=services.begin_call())
    services.run_due()
    services.clock.advance(HOUR_S / 2)
    bank.pay(attempt_id)
    services.pass_time(2 * HOUR_S)
    return attempt_id


def _facts(page: str) -> list[tuple[str, str]]:
    return re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page)


def _paid_at(services: PaymentServices, attempt_id: str) -> datetime:
    settled_at = services.attempt(attempt_id).settled_at
    assert settled_at is not None
    return settled_at


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("language", "names", "said"),
    [
        (
            "en",
            ["Amount", "Date", "Fine", "Card", "Payment reference"],
            ("€40.00", "Visa ending in 4242", f"Questions? Call {CALLED}."),
        ),
        (
            "es",
            ["Importe", "Fecha", "Multa", "Tarjeta", "Referencia del pago"],
            ("40,00 €", "Visa terminada en 4242", f"¿Tiene alguna duda? Llame al {CALLED}."),
        ),
    ],
)
def test_a_receipt_has_what_a_payer_asks_for(
    services: PaymentServices,
    client: Client,
    paid: str,
    *,
    language: str,
    names: list[str],
    said: tuple[str, str, str],
) -> None:
    amount, card, asks = said
    if language == "es":
        speak_spanish(services)
    page = client(**MADRID).get(f"/receipt/{token_of(services, paid)}").text
    paid_at = date_written(_paid_at(services, paid), MADRID["zone"], language, "ES")
    assert "(Madrid)" in paid_at
    values = [amount, paid_at, "10000001", card, services.attempt(paid).reference]
    assert _facts(page) == list(zip(names, values, strict=True))
    assert asks in page
    assert '<p class="who">Demo Town Hall</p>' in page


def test_a_refund_leaves_the_receipt_whole(services: PaymentServices, client: Client, paid: str) -> None:
    path = f"/receipt/{token_of(services, paid)}"
    before = _facts(client().get(path).text)
    for amount_minor, shown in ((1_000, "€10.00"), (None, "€40.00")):
        with services.engine.begin() as tx:
            services.payments.refunds.ask(tx, paid, amount_minor, asked_by="finance")
        services.run_due()
        after = _facts(client().get(path).text)
        assert after == [before[0], ("Refunded", shown), *before[1:]]


@pytest.mark.slow
def test_who_has_questions_is_told_whom_to_call(services: PaymentServices, client: Client, paid: str) -> None:
    for phone, called, numbers in (
        ("+442079460000", "+34910000000", ["+442079460000"]),
        ("", "+34910000000", ["+34910000000"]),
        ("", "sip:pay@example.com", []),
    ):
        with services.engine.begin() as tx:
            tx.execute(sa.update(schema.call).values(to_number=called))
        page = client(phone=phone).get(f"/receipt/{token_of(services, paid)}").text
        assert re.findall(r'href="tel:([^"]*)"', page) == numbers


def test_a_link_that_is_over_tells_the_merchants_number_alone(
    services: PaymentServices, bank: LinkGateway, client: Client
) -> None:
    token = over(services, bank, "expired")
    assert "tel:" not in client().get(f"/receipt/{token}").text
    page = client(phone="+442079460000").get(f"/receipt/{token}").text
    assert page.count('href="tel:+442079460000"') == 2, "once in each language"
    assert page == client(phone="+442079460000").get("/pay/never").text


def test_a_card_that_the_gateway_does_not_name_is_left_out(
    services: PaymentServices, client: Client, paid: str
) -> None:
    path = f"/receipt/{token_of(services, paid)}"
    with services.engine.begin() as tx:
        tx.execute(sa.update(schema.attempt).values(brand="eftpos_au"))
    assert ("Card", "ending in 4242") in _facts(client().get(path).text)
    with services.engine.begin() as tx:
        tx.execute(sa.update(schema.attempt).values(brand=None, last_four=None))
    assert "Card" not in dict(_facts(client().get(path).text))


def test_what_is_not_paid_has_no_date_and_no_card(
    services: PaymentServices, client: Client, opened: str
) -> None:
    for path in ("pay/{}?left", "receipt/{}", "receipt/{}?done"):
        page = client().get("/" + path.format(token_of(services, opened))).text
        assert [name for name, _ in _facts(page)] == ["Amount", "Bill", "Payment reference"]


MOMENT = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "language", "country", "said"),
    [
        ("Europe/Madrid", "es", "ES", "2 de julio de 2026, 0:30 (Madrid)"),
        ("America/Argentina/Buenos_Aires", "es", "AR", "1 de julio de 2026, 7:30 p. m. (Buenos Aires)"),
        ("Europe/Madrid", "en", "ES", "July 2, 2026, 12:30 AM (Madrid)"),
        ("Europe/London", "en", "GB", "1 July 2026, 23:30 (London)"),
        ("America/New_York", "en", "US", "July 1, 2026, 6:30 PM (New York)"),
        ("America/New_York", "es", "US", "1 de julio de 2026, 6:30 p.m. (Nueva York)"),
        ("Atlantic/Canary", "es", "ES", "1 de julio de 2026, 23:30 (Canarias)"),
        ("UTC", "es", "", "1 de julio de 2026, 22:30 (UTC)"),
    ],
)
def test_a_moment_is_written_with_its_place(zone: str, language: str, country: str, said: str) -> None:
    assert date_written(MOMENT, ZoneInfo(zone), language, country) == said
