"""Links in calls: whoever hangs up, rings again, or pays while the line is still open."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from ivr.payments.links import store as links
from ivr.platform.database.engine import reading
from ivr.simulators.phone.events import PhoneEvent, Reason, Said
from tests.support import schema
from tests.support.payer import UNGUARDED, WAY, books, call_sid, pay
from tests.support.phone import call_settings
from tests.support.server import AMOUNT_MINOR, ENGLISH, REFERENCE, Server

Start = Callable[..., Server]
WANTED = tuple("(authentication)" if line == "(visa)" else line for line in WAY["tokenize"])
"""A caller whose bank wants their own approval."""
AGAIN = call_settings(call_sid(2), to_number=ENGLISH)


def _attempts(server: Server) -> list[tuple[str, str]]:
    """Method and state of each attempt, the eldest first."""
    attempts = schema.attempt.c
    with reading(server.on.engine) as connection:
        query = sa.select(attempts.method, attempts.state).order_by(attempts.reference)
        return [tuple(row) for row in connection.execute(query)]


def _texts(server: Server) -> list[tuple[str, str]]:
    texts = schema.confirmation.c
    with reading(server.on.engine) as connection:
        query = sa.select(texts.purpose, texts.state).order_by(texts.created_at, texts.id)
        return [tuple(row) for row in connection.execute(query)]


def test_hanging_up_at_every_moment(start_server: Start) -> None:
    """A link that was promised is texted, once; one that was not is never made; nothing stays held."""
    server = start_server(**UNGUARDED)
    linked: list[bool] = []
    count = 0
    while True:
        count += 1
        reference, phone = f"{20_000_000 + count}", f"+3460000{count:04}"
        server.add_bill(reference, phone=phone)
        server.bank.harm("none", "/links", delay_s=2.5)
        settings = call_settings(call_sid(count), from_number=phone, to_number=ENGLISH)
        ended, lines, _ = pay(server, WANTED, leaves_at=count, settings=settings)
        server.pass_time(90)
        found = books(server, call_sid(count), reference)
        promised = any("I am texting you a link" in line for line in lines)
        opened = "link_open" in found.states
        assert opened or not promised, "what was said is done"
        assert found.reserved_minor == (AMOUNT_MINOR if opened else 0)
        linked.append(opened)
        if ended.reason is not Reason.CALLER:
            break
    assert linked[0] is False
    assert linked[-1] is True
    assert linked == sorted(linked)
    assert len(server.link_texts()) == sum(linked), "one text a link"
    server.pass_time(4000)
    with reading(server.on.engine) as connection:
        held = connection.execute(sa.select(sa.func.sum(schema.bill.c.reserved_minor))).scalar()
    assert held == 0


def test_the_text_that_carries_the_link(server: Server) -> None:
    server.add_bill()
    pay(server, WANTED)
    server.pass_time(10)
    (text,) = server.link_texts()
    assert text.startswith("Demo Town Hall: payment link from your call: €49.90, bill 10203040: https://")
    assert text.endswith(" (expires in 60 min).")
    assert server.pay_by_link() == 303
    server.pass_time(10)
    assert _attempts(server) == [("card", "declined"), ("link", "approved")]
    assert _texts(server) == [("link", "sent"), ("receipt", "sent")]
    with reading(server.on.engine) as connection:
        receipt = connection.execute(
            sa.select(schema.confirmation.c.body).where(schema.confirmation.c.purpose == "receipt")
        ).scalar_one()
    assert receipt == (
        "Demo Town Hall: €49.90 received. Bill 10203040, card ending in 4242, payment ref. 10000002. "
        "Thank you."
    )


@pytest.mark.slow
def test_paid_before_the_call_has_ended(server: Server) -> None:
    """The payer is quick: the last words are still being said."""
    server.add_bill()

    def at(event: PhoneEvent) -> None:
        if isinstance(event, Said) and event.text.startswith("The link is on its way"):
            server.pass_time(2)
            assert server.pay_by_link() == 303

    ended, lines, _ = pay(server, WANTED, listener=at)
    assert ended.reason is Reason.SERVER
    assert lines[-2].startswith("< The link is on its way")
    server.pass_time(30)
    assert _attempts(server)[-1] == ("link", "approved")


@pytest.mark.slow
def test_who_paid_and_rings_before_we_know_hears_that_it_is_paid(server: Server) -> None:
    """The webhook was lost; whoever asks for the link to be closed makes us ask."""
    server.add_bill()
    pay(server, WANTED)
    server.pass_time(60)
    server.webhooks_are_lost = True
    assert server.pay_by_link() == 303
    _, lines, _ = pay(server, ["1"], settings=AGAIN)
    assert lines[-3:-1] == [
        "< I am cancelling the link. One moment, please.",
        "< This bill is already paid. Thank you, and goodbye.",
    ]
    assert _attempts(server) == [("card", "declined"), ("link", "approved")]


@pytest.mark.slow
def test_paid_while_another_link_is_asked_for(server: Server) -> None:
    """The old link is paid in the very moment in which it is to be replaced."""
    server.add_bill()
    pay(server, WANTED)
    server.pass_time(60)
    page = server.page_of_link()

    def at(event: PhoneEvent) -> None:
        if isinstance(event, Said) and event.text == "I am cancelling the link. One moment, please.":
            assert server.bank.pay_page(page).status_code in {303, 410}

    _, lines, _ = pay(server, ["2"], settings=AGAIN, listener=at)
    server.pass_time(60)
    attempts = _attempts(server)
    assert sum(state == "approved" for _, state in attempts) <= 1
    if ("link", "approved") in attempts:
        assert lines[-2] == "< This bill is already paid. Thank you, and goodbye."
        assert len(server.link_texts()) == 1
    else:
        assert attempts[-1] == ("link", "link_open")


LEAVES = [*WANTED, "(hang up while waiting)"]


@pytest.mark.slow
def test_who_leaves_before_the_bank_has_answered_is_sent_the_link(server: Server) -> None:
    """They were promised a word, and it is one that they can do something with; in their language."""
    server.add_bill()
    pay(server, ["2", *LEAVES], settings=call_settings())
    server.pass_time(10)
    (text,) = server.link_texts()
    assert text.startswith(
        "Demo Town Hall: pago no completado. Autorice 49,90 €, factura 10203040, en https://"
    )
    assert _texts(server) == [("link", "sent")]
    _, lines, _ = pay(server, [], settings=call_settings(call_sid(2)))
    assert "Tiene un enlace nuestro para pagar 49 euros y 90 céntimos." in lines[1]
    assert server.pay_by_link() == 303
    server.pass_time(10)
    assert _attempts(server) == [("card", "declined"), ("link", "approved")]
    assert _texts(server) == [("link", "sent"), ("receipt", "sent")]


@pytest.mark.slow
def test_a_caller_without_a_possible_link_hears_that_nothing_was_charged(server: Server) -> None:
    server.add_bill()
    server.bank.harm("drop_before", "/links", times=99)
    server.bank.harm("drop_before", "/link-lookups", times=9)
    server.expected |= {"link_unknown", "still_unknown"}
    pay(server, LEAVES)
    server.pass_time(600)
    assert server.link_texts() == []
    assert _attempts(server) == [("card", "declined"), ("link", "fenced")]
    assert _texts(server) == [("receipt", "sent")]
    with reading(server.on.engine) as connection:
        (body,) = connection.execute(sa.select(schema.confirmation.c.body)).scalars()
    assert "nothing was charged. To pay, call us again." in body


@pytest.mark.parametrize(
    ("verstat", "links_a_day", "texts"),
    [("TN-Validation-Failed-A", 10, []), ("", 0, [("receipt", "sent")])],
)
def test_no_link_goes_to_a_forged_number_nor_to_one_that_had_enough(
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    verstat: str,
    links_a_day: int,
    texts: list[tuple[str, str]],
) -> None:
    monkeypatch.setattr(links, "LINKS_A_DAY_MAX", links_a_day)
    server.add_bill()
    reference = [REFERENCE] if verstat else []
    settings = call_settings(to_number=ENGLISH, extra={"StirVerstat": verstat})
    pay(server, [*reference, *LEAVES], settings=settings)
    server.pass_time(10)
    assert _attempts(server) == [("card", "declined")]
    assert _texts(server) == texts


@pytest.mark.slow
def test_hanging_up_while_a_link_is_closed(server: Server) -> None:
    """It is closed all the same, and the bill is free."""
    server.add_bill()
    pay(server, WANTED)
    server.pass_time(60)
    server.bank.harm("none", "/link-lookups", delay_s=5)
    pay(server, ["1", "(hang up while waiting)"], settings=AGAIN)
    server.pass_time(30)
    assert _attempts(server)[-1] == ("link", "fenced")
    assert books(server, AGAIN.call_sid, REFERENCE).reserved_minor == 0


@pytest.mark.slow
def test_a_part_is_linked_and_the_rest_is_paid_by_card(server: Server) -> None:
    server.add_bill()
    pay(server, ["2", "20#", "1", *WANTED[1:]])
    server.pass_time(60)
    _, lines, _ = pay(server, ["3", *WAY["tokenize"]], settings=AGAIN)
    assert lines[1] == (
        "< You have a link from us, to pay 20 euros. To pay that by card now instead, press 1."
        " Another link, 2. To pay the rest, 29 euros and 90 cents, 3."
    )
    assert (
        "< There is 29 euros and 90 cents to pay. To pay it, press 1. Another amount, 2. Another bill, 3."
        in lines
    )
    assert server.pay_by_link() == 303
    server.pass_time(60)
    assert _attempts(server) == [("card", "declined"), ("link", "approved"), ("card", "approved")]
    assert books(server, AGAIN.call_sid, REFERENCE).paid_minor == AMOUNT_MINOR


@pytest.mark.slow
def test_a_gateway_without_links_is_as_before(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    inner = server.on.gateway._gateway
    monkeypatch.setattr(inner, "capabilities", replace(inner.capabilities, links=False))
    server.add_bill()
    web = server.another_web()
    apps = {origin: web if app is server.web else app for origin, app in server.transport.apps.items()}
    monkeypatch.setattr(server.transport, "apps", apps)
    _, lines, _ = pay(server, WANTED)
    assert lines[-4].endswith(
        "and I cannot text a link to this phone. You were not charged. Please use another card."
    )
    assert lines[-3] == "< Please enter your card number."
    assert _attempts(server) == [("card", "declined")]


@pytest.mark.slow
def test_finance_finds_call_bill_and_payment_at_the_bank(server: Server) -> None:
    server.add_bill()
    pay(server, WANTED)
    server.pass_time(10)
    server.pay_by_link()
    server.pass_time(10)
    rows = server.bank.rows("SELECT description, metadata FROM movement WHERE state = 'approved'")
    assert [row["description"] for row in rows] == ["Bill 10203040, payment 10000002"]
    assert '"channel": "link"' in rows[0]["metadata"]
    assert '"call": "call_1"' in rows[0]["metadata"]
