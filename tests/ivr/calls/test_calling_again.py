"""Who rings again, or goes back: what is open, what is under way, and what was said before still holds."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from ivr.payments.links.store import count_since
from ivr.platform.database.engine import reading
from ivr.simulators.phone.webhooks import CallSettings
from tests.support import schema
from tests.support.payer import WAY, books, call_sid, pay
from tests.support.phone import CALLED, CALLER, call_settings
from tests.support.server import ENGLISH, REFERENCE, Server

pytestmark = pytest.mark.slow

Start = Callable[..., Server]
WANTED = ["(authentication)" if line == "(visa)" else line for line in WAY["tokenize"]]
"""A caller whose bank wants their own approval, and who is sent a link."""
AGAIN = call_settings(call_sid(2), to_number=ENGLISH)
OTHER = "20304050"
OFFER = "< There is 49 euros and 90 cents to pay. To pay it, press 1. Another amount, 2. Another bill, 3."
ASK = "< Enter the 8 digits of your bill's reference."
LINK = (
    "< You have a link from us, to pay 49 euros and 90 cents. To pay by card now instead, press 1."
    " Another link, 2. Another bill, 3."
)


def _linked(server: Server) -> None:
    server.add_bill()
    pay(server, WANTED)
    server.pass_time(60)


# Back -------------------------------------------------------------------------------------------------------


def test_star_behind_another_bill_leads_back_to_ones_own(server: Server) -> None:
    server.add_bill()
    _, lines, _ = pay(server, ["3", "*", *WAY["tokenize"]], settings=AGAIN)
    assert lines[1:6] == [OFFER, "> 3", ASK, "> *", OFFER]
    assert books(server, AGAIN.call_sid, REFERENCE).paid_minor == 4990


def test_star_behind_another_bill_leads_back_to_the_link(server: Server) -> None:
    _linked(server)
    _, lines, _ = pay(server, ["3", "*"], settings=AGAIN)
    assert lines[1:6] == [LINK, "> 3", ASK, "> *", LINK]


def test_star_does_not_lead_behind_a_link_that_was_closed(server: Server) -> None:
    _linked(server)
    _, lines, _ = pay(server, ["1", "(visa)", "(expiry)", "(code)", "*", "1"], settings=AGAIN)
    confirm = "< Visa ending in 4 2 4 2. To pay 49 euros and 90 cents, press 1. Another card, 2."
    assert lines.count(confirm) == 2
    assert books(server, AGAIN.call_sid, REFERENCE).paid_minor == 4990


def test_another_bill_found_carries_no_link_of_the_first(server: Server) -> None:
    _linked(server)
    server.add_bill("20304050", phone=None, billed_minor=700, minimum_minor=700)
    _, lines, _ = pay(server, ["3", "20304050", "0"], settings=AGAIN)
    assert lines[-3] == "< There is 7 euros to pay. To pay it, press 1. Another bill, 2."


@pytest.mark.parametrize("to", [ENGLISH, "+34911111111"])
def test_where_nobody_can_be_rung_the_link_is_offered_again(server: Server, to: str) -> None:
    _linked(server)
    _, lines, _ = pay(server, ["0"], settings=call_settings(call_sid(2), to_number=to))
    assert lines[1] == lines[-3]
    assert " 49 euros " in lines[-3]


# What is under way ------------------------------------------------------------------------------------------


def test_the_reference_that_a_payer_noted_leads_to_what_they_paid(server: Server) -> None:
    server.add_bill()
    _, said, _ = pay(server, WAY["tokenize"])
    assert "Your reference is 1 0 0 0, 0 0 0 1." in said[-2]
    _, lines, _ = pay(server, ["10000001"], settings=AGAIN)
    assert lines[-2] == "< This bill is already paid. Thank you, and goodbye."


def test_who_was_promised_an_answer_hears_that_it_is_under_way(server: Server) -> None:
    """By their number at once, and by the reference that they noted; another bill can be paid."""
    server.add_bill()
    server.bank.harm("drop_before", "/charges", times=99)
    server.bank.harm("drop_before", "/lookups", times=99)
    server.expected |= {"attempt_still_unknown"}
    _, said, _ = pay(server, WAY["tokenize"])
    assert said[-2].startswith("< The bank has not answered yet, so please do not pay again.")
    _, lines, _ = pay(server, ["10000001"], settings=AGAIN)
    assert lines[1:4] == [
        "< A payment of your bill is under way, so please do not pay it again. You can pay another bill.",
        ASK,
        "> 10000001",
    ]
    assert lines[4].startswith("< A payment of this bill is under way")


def test_a_link_that_was_never_texted_is_not_offered(server: Server) -> None:
    server.add_bill()
    server.bank.harm("drop_before", "/links", times=99)
    server.bank.harm("drop_before", "/link-lookups", times=99)
    pay(server, WANTED)
    assert server.link_texts() == []
    _, lines, _ = pay(server, [], settings=AGAIN)
    assert lines[1].startswith("< A payment of your bill is under way")


# Whoever shows a number -------------------------------------------------------------------------------------


def forged(count: int, *, to_number: str = ENGLISH) -> CallSettings:
    """A call that shows the usual caller's number, and the carrier knows that it is not theirs."""
    extra = {"StirVerstat": "TN-Validation-Failed-A"}
    return call_settings(call_sid(count), to_number=to_number, extra=extra)


def test_a_number_that_the_carrier_calls_forged_hears_of_no_link(server: Server) -> None:
    _linked(server)
    _, lines, _ = pay(server, ["1"], settings=forged(2))
    assert not any("link" in line for line in lines)
    assert len(server.link_texts()) == 1
    assert server.pay_by_link() == 303


def test_whoever_forges_a_number_does_not_hear_what_its_owner_owes(server: Server) -> None:
    server.add_bill()
    _, lines, _ = pay(server, ["(hang up)"], settings=forged(1))
    assert lines[1] == ASK


def test_whoever_forges_a_number_has_nothing_texted_to_its_owner(server: Server) -> None:
    """They note the reference, as a withheld caller does; and what they keyed is not the owner's language."""
    server.add_bill()
    _, lines, _ = pay(server, ["2", REFERENCE, *WAY["tokenize"]], settings=forged(1, to_number=CALLED))
    assert lines[-2].startswith(
        "< Gracias. Ha pagado 49 euros y 90 céntimos. Tome papel y lápiz, por favor. Su referencia es"
    )
    server.pass_time(60)
    with reading(server.on.engine) as tx:
        assert tx.execute(sa.select(schema.confirmation.c.recipient)).scalars().all() == [None]
    _, lines, _ = pay(server, [], settings=call_settings(call_sid(2), to_number=CALLED))
    assert "< Español, pulse 2." in lines


def test_who_hangs_up_behind_a_forged_number_is_not_texted_either(server: Server) -> None:
    server.add_bill()
    server.bank.harm("none", "/charges", delay_s=5)
    pay(server, [REFERENCE, *WAY["tokenize"], "(hang up while waiting)"], settings=forged(1))
    server.pass_time(60)
    with reading(server.on.engine) as tx:
        assert tx.execute(sa.select(schema.confirmation.c.recipient)).scalars().all() == [None]
    assert books(server, call_sid(1), REFERENCE).paid_minor == 4990


def test_whoever_forges_a_number_uses_up_no_guess_of_its_owner(start_server: Start) -> None:
    server = start_server(GUESSES_MAX="2", GUESSES_MAX_WITHHELD="3")
    server.add_bill(phone=None)
    for count in range(1, 3):
        pay(server, ["99999991", "99999992", "(hang up)"], settings=forged(count))
    _, lines, _ = pay(server, [REFERENCE], settings=forged(3))
    assert "< I can look up no more references today." in lines
    _, lines, _ = pay(server, [REFERENCE], settings=call_settings(call_sid(4), to_number=ENGLISH))
    assert OFFER in lines


def test_nobody_has_a_number_texted_without_end(server: Server) -> None:
    """The first link takes a card that wants approval; each further call takes one key."""
    _linked(server)
    server.expected |= {"links_capped"}
    for count in range(3, 18):
        pay(server, ["2"], settings=call_settings(call_sid(count), to_number=ENGLISH))
        server.pass_time(30)
    assert len(server.link_texts()) == 10
    with reading(server.on.engine) as tx:
        assert count_since(tx, CALLER, server.clock.now().replace(hour=0)) == 10


# Cards ------------------------------------------------------------------------------------------------------


def test_the_second_of_two_presses_pays_with_no_saved_card(start_server: Start) -> None:
    server = start_server(SAVED_CARDS="yes")
    server.add_bill()
    pay(server, ["2", "10#", "1", "(visa)", "(expiry)", "(code)", "7"])
    server.pass_time(60)
    _, lines, _ = pay(server, ["11"], settings=AGAIN)
    saved = "with it, press 1. Another card, 2. To delete this card, 9."
    assert lines[-3].endswith(saved)
    assert books(server, AGAIN.call_sid, REFERENCE).paid_minor == 1000


def test_no_card_is_asked_for_that_would_not_be_taken(start_server: Start) -> None:
    server = start_server(CARD_DECLINES_MAX_CALLER="1")
    server.expected |= {"card_refused"}
    server.add_bill()
    _, lines, _ = pay(server, ["1", "(declined)", "(expiry)", "(code)", "1"])
    assert lines[-3] == (
        "< The bank did not accept this card, and I can take no more cards today. You were not charged."
    )


def test_no_saved_card_is_offered_for_an_amount_the_gateway_refuses(start_server: Start) -> None:
    server = start_server(SAVED_CARDS="yes")
    server.expected |= {"amount_not_taken"}
    server.add_bill()
    pay(server, ["1", "(visa)", "(expiry)", "(code)", "7"])
    server.pass_time(60)
    most_minor = server.on.gateway.capabilities.maximum_amounts["EUR"]
    for more_minor, is_offered in ((0, True), (1, False)):
        billed_minor = most_minor + more_minor
        server.add_bill(OTHER, billed_minor=billed_minor, minimum_minor=billed_minor)
        _, lines, _ = pay(server, ["1"], settings=call_settings(call_sid(2 + more_minor), to_number=ENGLISH))
        assert any("Your Visa ending in" in line for line in lines) is is_offered, lines
        assert any("cannot be paid by phone" in line for line in lines) is not is_offered, lines


def test_nor_is_a_saved_card_offered_then(start_server: Start) -> None:
    server = start_server(CARD_DECLINES_MAX_CALLER="1", SAVED_CARDS="yes")
    server.expected |= {"card_refused"}
    server.add_bill()
    pay(server, ["2", "10#", "1", "(visa)", "(expiry)", "(code)", "7"])
    server.pass_time(60)
    pay(server, ["1", "2", "(declined)", "(expiry)", "(code)", "1"], settings=AGAIN)
    _, lines, _ = pay(server, ["1"], settings=call_settings(call_sid(3), to_number=ENGLISH))
    assert not any("ending in" in line for line in lines)
