"""What payers read of an order, in the same words however often a gateway is asked under its key."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa

from flows.language import read_noun
from gateways.contract import Order
from gateways.stripe.intents import suffixed
from ivr.jobs.job_list import OPEN_LINK
from ivr.payments.attempts import store as attempt_store
from ivr.payments.attempts.order import legacy_words, order_of, words_of_order
from ivr.payments.attempts.states import State
from ivr.pci import tables as pci_schema
from ivr.platform.database.engine import reading
from ivr.platform.settings.line import PLAIN, Wording
from tests.support import schema
from tests.support.fake_gateway import Fate
from tests.support.link_gateway import LinkGateway
from tests.support.payer import WAY, pay
from tests.support.payment_services import PaymentServices
from tests.support.phone import call_settings
from tests.support.server import SPANISH, Server
from tests.support.time_and_ids import ManualClock

FINES = Wording("ES", {"es": read_noun("la multa", "es"), "en": read_noun("fine", "en")})
TAXES = Wording("ES", {"es": read_noun("el recibo", "es"), "en": read_noun("tax demand", "en")})


@pytest.mark.parametrize(
    ("language", "noun", "description", "statement", "suffix"),
    [
        ("en", None, "Bill 10203040, payment 50607080", "BILL 10203040", "B 10203040"),
        ("es", None, "Factura 10203040, pago 50607080", "FACTURA 10203040", "F 10203040"),
        ("xx", None, "Bill 10203040, payment 50607080", "BILL 10203040", "B 10203040"),
        ("en", "fine", "Fine 10203040, payment 50607080", "FINE 10203040", "F 10203040"),
        ("es", "la multa", "Multa 10203040, pago 50607080", "MULTA 10203040", "M 10203040"),
        (
            "es",
            "el recibo de año",
            "Recibo de año 10203040, pago 50607080",
            "RECIBO DE ANO 10203040",
            "R 10203040",
        ),
        ("en", "straße", "Straße 10203040, payment 50607080", "STRASSE 10203040", "S 10203040"),
        ("en", "счёт", "Счёт 10203040, payment 50607080", "BILL 10203040", "B 10203040"),
        ("es", "la счёт", "Счёт 10203040, pago 50607080", "FACTURA 10203040", "F 10203040"),
    ],
)
def test_the_words_of_a_new_order(
    language: str, noun: str | None, description: str, statement: str, suffix: str
) -> None:
    wording = Wording("", {language: read_noun(noun, language)}) if noun else PLAIN
    words = words_of_order(language, wording, bill="10203040", payment="50607080")
    assert (words.description, words.statement) == (description, statement)
    assert suffixed(Order("a-1", 1, "EUR", statement=words.statement, description="", metadata={})) == suffix


@pytest.mark.parametrize("language", ["en", "es", "xx"])
def test_the_words_of_the_last_release_are_as_it_wrote_them(language: str) -> None:
    words = legacy_words(language, bill="10203040", payment="50607080")
    described = {"es": "Factura 10203040, pago 50607080"}.get(language, "Bill 10203040, payment 50607080")
    assert (words.description, words.statement) == (described, "BILL 10203040")


Make = Callable[[PaymentServices], str]
WAYS = [PaymentServices.confirmed, PaymentServices.linked, PaymentServices.await_card]
"""Ways in which a gateway is asked: a card that was keyed, a link, a card that the PCI process authorizes."""


@pytest.fixture
def bank(clock: ManualClock) -> LinkGateway:
    return LinkGateway(clock)


@pytest.fixture
def services(engine: sa.Engine, clock: ManualClock, bank: LinkGateway) -> PaymentServices:
    return PaymentServices(engine, clock, bank=bank, wording=FINES, language="es")


def _order(services: PaymentServices, attempt_id: str) -> Order:
    with services.engine.begin() as tx:
        return order_of(tx, attempt_store.get(tx, attempt_id))


def _of_the_last_release(services: PaymentServices) -> None:
    with services.engine.begin() as tx:
        tx.execute(sa.update(schema.attempt).values(order_description=None, order_statement=None))


@pytest.mark.parametrize("make", WAYS)
def test_an_order_keeps_its_words_whoever_asks_again(services: PaymentServices, make: Make) -> None:
    attempt_id = make(services)
    attempt, asked = services.attempt(attempt_id), _order(services, attempt_id)
    assert asked.description == f"Multa {asked.metadata['bill']}, pago {attempt.reference}"
    assert asked.statement == f"MULTA {asked.metadata['bill']}"
    other = PaymentServices(
        services.engine, services.clock, services.ids, services.bank, wording=TAXES
    )  # another language and noun
    assert _order(other, attempt_id) == asked
    with services.engine.begin() as tx:
        made = other.attempts.make(
            tx,
            attempt_store.NewAttempt(
                attempt.made_for, attempt.bill_id, attempt.amount_minor, attempt.currency, "en"
            ),
        )
    assert made == attempt, "a repeat of the turn, in another process"
    _of_the_last_release(services)
    before = _order(other, attempt_id)
    assert before.description == f"Factura {asked.metadata['bill']}, pago {attempt.reference}"
    assert before.statement == f"BILL {asked.metadata['bill']}"
    assert replace(before, description=asked.description, statement=asked.statement) == asked


@pytest.mark.postgres
@pytest.mark.parametrize("before", [False, True], ids=["of this release", "of the last one"])
def test_a_link_is_asked_for_again_in_the_same_words(
    services: PaymentServices, bank: LinkGateway, *, before: bool
) -> None:
    bank.fates.append(Fate.LOST_REPLY)
    attempt_id = services.linked()
    if before:
        _of_the_last_release(services)
    services.run(next(one for one in services.work.waiting() if one.job == OPEN_LINK))
    assert services.state(attempt_id) is State.UNKNOWN
    other = PaymentServices(services.engine, services.clock, services.ids, bank, wording=TAXES)
    (opened,) = bank.asked
    assert opened.order.statement.startswith("BILL " if before else "MULTA ")
    looked_up = []
    lookup = bank.lookup_link
    bank.lookup_link = lambda link, **how: (looked_up.append(link), lookup(link, **how))[1]  # type: ignore[method-assign]
    other.pass_time(60)
    assert looked_up
    assert all(one == opened for one in looked_up)
    assert other.state(attempt_id) is State.LINK_OPEN


@pytest.mark.slow
def test_the_pci_process_authorizes_in_the_words_of_the_attempt(start_server: Callable[..., Server]) -> None:
    server = start_server(SANDBOX_CARD_ENTRY="authorize", BILL_NOUN="en=fine,es=la multa")
    server.add_bill()
    pay(server, WAY["authorize"], settings=call_settings(to_number=SPANISH))
    server.pass_time(60)
    with reading(server.pci_parts.engine) as connection:
        entry = pci_schema.card_entry.c
        (asked,) = connection.execute(sa.select(entry.authorize_description, entry.authorize_statement))
    with server.on.engine.begin() as tx:
        (attempt_id,) = tx.execute(sa.select(schema.attempt.c.id)).scalars()
        captured = order_of(tx, attempt_store.get(tx, attempt_id))
    assert tuple(asked) == (captured.description, captured.statement)
    assert tuple(asked) == ("Multa 10203040, pago 10000001", "MULTA 10203040")
