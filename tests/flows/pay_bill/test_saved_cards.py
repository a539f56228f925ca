"""Saved cards through the whole server: who is never offered one, what a hang-up and a replay leave, what
leaks.
"""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from ivr.platform.database.engine import reading
from ivr.simulators.phone.events import PhoneEvent, Reason, Said
from ivr.simulators.phone.webhooks import CallSettings
from tests.support import schema
from tests.support.merchant_server import merchant_server
from tests.support.payer import CARD, UNGUARDED, books, call_sid, pay
from tests.support.phone import Trouble, TroubledTransport, call_settings
from tests.support.server import AMOUNT_MINOR, ENGLISH, REFERENCE, Server

Start = Callable[..., Server]
KEEP = ("1", *CARD, "7")
"""From hello to paid, with the card kept."""
OFFER = "< Your Visa ending in 4 2 4 2. To pay 49 euros and 90 cents with it, press 1."
ASKS_TO_KEEP = "keep this card"
OTHER = "20304050"


@pytest.fixture
def server(start_server: Start) -> Server:
    return start_server(SAVED_CARDS="yes")


def _ring(server: Server, lines: tuple[str, ...], number: int, **more: Any) -> list[str]:
    settings = call_settings(call_sid(number), to_number=ENGLISH, **more)
    return pay(server, lines, settings=settings)[1]


def _kept(server: Server) -> None:
    """The usual caller has paid the first bill and has a card kept; another bill is open."""
    server.add_bill()
    _ring(server, KEEP, 1)
    server.pass_time(60)
    assert [card.state for card in _cards(server)] == ["kept"]
    server.add_bill(OTHER)


def _rows(server: Server, query: Any) -> list[Any]:
    with reading(server.on.engine) as connection:
        return list(connection.execute(query).all())


def _cards(server: Server) -> list[Any]:
    return _rows(server, sa.select(schema.saved_card).order_by(schema.saved_card.c.id))


def _kept_at_the_bank(server: Server) -> int:
    return len(server.bank.rows("SELECT * FROM kept_card WHERE holder IS NOT NULL AND forgotten = 0"))


# Who is offered one ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_verified_or_unchecked_caller_is_offered_the_card(server: Server) -> None:
    _kept(server)
    for number, verstat in enumerate(("TN-Validation-Passed-A", "No-TN-Validation", None), start=2):
        fields = {} if verstat is None else {"StirVerstat": verstat}
        lines = _ring(server, ("1", "(hang up)"), number, extra=fields)
        assert lines[-3].startswith(OFFER)


@pytest.mark.slow
@pytest.mark.parametrize(
    "verstat", ["TN-Validation-Failed", "TN-Validation-Failed-C", "tn-validation-failed-a"]
)
def test_a_forged_number_hears_nothing_of_cards(server: Server, verstat: str) -> None:
    """Neither is the owner's card offered, nor can a stranger's be kept under the owner's name."""
    _kept(server)
    lines = _ring(server, (OTHER, "1", *CARD, "1"), 2, extra={"StirVerstat": verstat})
    assert "with it" not in "".join(lines)
    assert ASKS_TO_KEEP not in "".join(lines)
    assert lines[-2].startswith("< Thank you. You have paid 49 euros and 90 cents.")


@pytest.mark.slow
def test_a_withheld_caller_is_nobody_in_every_form(server: Server) -> None:
    """Whoever rings behind a word of the carrier's: no card is kept for them, and none is offered."""
    forms = ("+17378742833", "+12562533", "+18656696", "266696687", "Restricted", "sip:anonymous@x.invalid")
    for number, form in enumerate(forms, start=1):
        server.add_bill(reference := f"3000000{number}", phone=None)
        lines = _ring(server, (reference, "1", *CARD, "1"), number, from_number=form)
        assert "with it" not in "".join(lines), form
        assert ASKS_TO_KEEP not in "".join(lines), form
        assert books(server, call_sid(number), reference).paid_minor == AMOUNT_MINOR
    server.pass_time(60)
    assert _cards(server) == _rows(server, sa.select(schema.customer)) == []
    assert _rows(server, sa.select(schema.call.c.from_number).distinct()) == [(None,)]
    assert _rows(server, sa.select(schema.confirmation.c.recipient).distinct()) == [(None,)]


@pytest.mark.slow
def test_one_person_in_both_forms_of_a_number(server: Server) -> None:
    """Known by the one, texted at the form that they ring from."""
    mobile, bare = "+5491123456781", "+541123456781"
    server.add_bill(phone=mobile)
    _ring(server, KEEP, 1, from_number=mobile)
    server.pass_time(60)
    server.add_bill(OTHER, phone=mobile)
    lines = _ring(server, ("1", "(hang up)"), 2, from_number=bare)
    assert lines[-3].startswith(OFFER)
    assert _rows(server, sa.select(schema.customer.c.phone)) == [(bare,)]
    assert _rows(server, sa.select(schema.confirmation.c.recipient)) == [(mobile,)]


def test_a_newly_known_withheld_number_during_a_call(server: Server) -> None:
    """Its caller was asked already whether the card be kept: they pay, and nobody's card is kept."""
    server.add_bill()

    def migrate(event: PhoneEvent) -> None:
        if isinstance(event, Said) and ASKS_TO_KEEP in event.text:
            with server.on.engine.begin() as tx:
                tx.execute(sa.update(schema.call).values(from_number=None))

    settings = call_settings(call_sid(1), to_number=ENGLISH)
    server.expected |= {"card_of_nobody_not_kept"}
    pay(server, KEEP, settings=settings, listener=migrate)
    server.pass_time(60)
    assert books(server, call_sid(1), REFERENCE).paid_minor == AMOUNT_MINOR
    assert _cards(server) == []


@pytest.mark.slow
def test_another_number_is_not_offered_the_card(server: Server) -> None:
    _kept(server)
    lines = _ring(server, (OTHER, "1", *CARD, "(hang up)"), 2, from_number="+34600999888")
    assert "with it" not in "".join(lines)


@pytest.mark.slow
def test_an_expired_card_is_not_offered(server: Server) -> None:
    _kept(server)
    now = server.clock.now()
    with server.on.engine.begin() as tx:
        tx.execute(sa.update(schema.saved_card).values(expiry_month=now.month, expiry_year=now.year))
    assert _ring(server, ("1", "(hang up)"), 2)[-3].startswith(OFFER)
    with server.on.engine.begin() as tx:
        tx.execute(sa.update(schema.saved_card).values(expiry_year=now.year - 1))
    assert _ring(server, ("1", "(hang up)"), 3)[-3] == "< Please enter your card number."


@pytest.mark.slow
def test_with_saved_cards_off_nothing_is_said_or_asked_of_them(start_server: Start) -> None:
    """Also of a card that was kept while they were on; and a call makes not one step more than before."""
    server = start_server()
    server.add_bill()
    lines = _ring(server, ("1", *CARD, "1"), 1)
    assert ASKS_TO_KEEP not in "".join(lines)
    left = _rows(server, sa.select(schema.timeline.c.facts).where(schema.timeline.c.kind == "step.left"))
    assert {one.facts["step"] for one in left} <= {"find_callers_bill", "take_card", "charge"}


@pytest.mark.slow
def test_deleted_in_another_call_while_it_is_offered(server: Server) -> None:
    """The card is looked at once more before it is charged."""
    _kept(server)
    [card] = _cards(server)

    def delete(event: PhoneEvent) -> None:
        if isinstance(event, Said) and "ending in" in event.text:
            with server.on.engine.begin() as tx:
                server.on.payments.saved_cards.forget(tx, card.id, by="api: a test")

    settings = call_settings(call_sid(2), to_number=ENGLISH)
    _, lines, _ = pay(server, ("1", "1"), settings=settings, listener=delete)
    assert "could not be sent, and you were not charged" in lines[-2]
    assert books(server, call_sid(2), OTHER).states == []


# Whatever happens on the way ------------------------------------------------------------------------------


def _settings(count: int) -> CallSettings:
    return call_settings(call_sid(count), from_number=f"+3460000{count:04}", to_number=ENGLISH)


def _bill(server: Server, count: int) -> str:
    reference = f"{20_000_000 + count}"
    server.add_bill(reference, phone=f"+3460000{count:04}")
    return reference


def _gone_at(number: int) -> Callable[[int, str], Trouble]:
    return lambda count, url: (
        Trouble.CALLER_GONE if count == number and not url.endswith("/status") else Trouble.NONE
    )


@pytest.mark.slow
@pytest.mark.parametrize("how", ["in a pause", "in a webhook"])
def test_hanging_up_saves_only_a_card_that_paid(start_server: Callable[..., Server], how: str) -> None:
    fates = []
    server = start_server(SAVED_CARDS="yes", **UNGUARDED)
    for count in range(1, 60):
        reference = _bill(server, count)
        if how == "in a pause":
            ended, _, _ = pay(server, KEEP, leaves_at=count, settings=_settings(count))
            over = ended.reason is not Reason.CALLER
        else:
            transport = TroubledTransport(server.transport, _gone_at(count))
            pay(server, KEEP, settings=_settings(count), transport=transport)
            over = not transport.counts[Trouble.CALLER_GONE]
        server.pass_time(90)
        found = books(server, call_sid(count), reference)
        assert found.reserved_minor == 0
        cards = [one for one in _cards(server) if one.attempt_id and one.call_id == _call_id(server, count)]
        paid = found.paid_minor == AMOUNT_MINOR
        assert [one.state for one in cards] == (["kept"] if paid else [])
        fates.append(paid)
        if over:
            break
    assert (fates[0], fates[-1]) == (False, True)
    assert fates == sorted(fates), "once confirmed, paid and kept; never the other way round"
    assert _kept_at_the_bank(server) == sum(fates)


def _call_id(server: Server, count: int) -> str:
    [row] = _rows(server, sa.select(schema.call.c.id).where(schema.call.c.call_sid == call_sid(count)))
    return str(row.id)


@pytest.mark.slow
def test_hanging_up_anywhere_while_a_saved_card_pays(server: Server) -> None:
    """The same caller rings again and again: charged only by the call in which they said so."""
    _kept(server)
    for count in range(2, 40):
        ended, _, _ = pay(
            server,
            ("1", "1"),
            leaves_at=count - 1,
            settings=call_settings(call_sid(count), to_number=ENGLISH),
        )
        server.pass_time(90)
        found = books(server, call_sid(count), OTHER)
        assert (found.paid_minor == AMOUNT_MINOR) == found.confirmed
        if found.confirmed or ended.reason is not Reason.CALLER:
            break
    assert found.paid_minor == AMOUNT_MINOR
    assert [card.state for card in _cards(server)] == ["kept"]


@pytest.mark.slow
@pytest.mark.parametrize("lines", [KEEP, ("1", "9", "1", "(hang up)")], ids=["kept", "deleted"])
def test_webhooks_that_come_twice_keep_and_delete_once(server: Server, lines: tuple[str, ...]) -> None:
    if lines is KEEP:
        server.add_bill()
    else:
        _kept(server)
    transport = TroubledTransport(server.transport, lambda *_: Trouble.TWICE)
    settings = call_settings(call_sid(2), to_number=ENGLISH)
    pay(server, lines, settings=settings, transport=transport)
    server.pass_time(120)
    [card] = _cards(server)
    kinds = [row.kind for row in _rows(server, sa.select(schema.timeline.c.kind))]
    assert card.state == ("kept" if lines is KEEP else "forgotten")
    assert (kinds.count("card.kept"), kinds.count("card.forgotten")) == (1, int(lines is not KEEP))
    assert _kept_at_the_bank(server) == int(lines is KEEP)


@pytest.mark.slow
@pytest.mark.parametrize("harm", ["drop_before", "drop_after", "error_after", "garbage_after"])
def test_what_gets_lost_at_the_bank_is_asked_again(server: Server, harm: str) -> None:
    server.add_bill()
    server.bank.harm(harm, "/saved-cards")
    lines = _ring(server, KEEP, 1)
    assert lines[-2].startswith("< Thank you"), "the payer never waits for it"
    server.pass_time(120)
    assert [card.state for card in _cards(server)] == ["kept"]
    server.add_bill(OTHER)
    server.bank.harm(harm, "/saved-cards/forgotten")
    _ring(server, ("1", "9", "1", "(hang up)"), 2)
    server.pass_time(120)
    assert [(card.state, card.token) for card in _cards(server)] == [("forgotten", None)]
    assert _kept_at_the_bank(server) == 0


# Where its token may be ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_no_token_in_anything_that_is_told_or_sent(start_server: Start) -> None:
    """Timeline, texts, the merchant's webhooks, the carrier's answers, addresses and logs."""
    with merchant_server() as merchant:
        server = start_server(
            SAVED_CARDS="yes", OUTCOME_URL=merchant.url, MERCHANT_SECRET="7d3e91c05af24b68c1d09e7f3a5b8246"
        )
        _kept(server)
        _ring(server, ("1", "1"), 2)
        server.pass_time(120)
        told = repr([posted.body for posted in merchant.posted])
    [card] = _cards(server)
    assert card.token is not None
    assert "payment.approved" in told
    for secret in (card.token, card.gateway_customer_id):
        assert secret not in told
        assert secret not in repr(server.logs)
        assert secret not in repr([(each.url, each.answer.body) for each in server.transport.posted])
        for table in (
            schema.timeline,
            schema.call_turn,
            schema.outcome,
            schema.confirmation,
            schema.attempt_move,
        ):
            assert secret not in repr(_rows(server, sa.select(table)))
    assert [row.token for row in _rows(server, sa.select(schema.attempt.c.token))] == [None, None]
    sessions = _rows(server, sa.select(schema.call.c.session))
    assert card.token not in repr(sessions)
