"""Whoever hangs up, at whatever moment: nothing stays reserved, no card is left, and no payment is in doubt.

What the caller had confirmed is charged once and texted; what they had not confirmed is never charged.
"""

from collections.abc import Callable

import pytest

from ivr.simulators.phone.events import Reason
from ivr.simulators.phone.webhooks import CallSettings
from tests.support.payer import UNGUARDED, WAY, books, call_sid, pay
from tests.support.phone import Trouble, TroubledTransport, call_settings
from tests.support.server import AMOUNT_MINOR, ENGLISH, Server
from tests.support.server_checks import card_data_left

pytestmark = pytest.mark.slow


def _phone(count: int) -> str:
    return f"+3460000{count:04}"


def _settings(count: int) -> CallSettings:
    return call_settings(call_sid(count), from_number=_phone(count), to_number=ENGLISH)


def _bill(server: Server, count: int) -> str:
    reference = f"{20_000_000 + count}"
    server.add_bill(reference, phone=_phone(count))
    return reference


def _all_is_well(server: Server, count: int, reference: str) -> str:
    """Asserts what must hold once time has passed; what became of the payment."""
    found = books(server, call_sid(count), reference)
    assert found.call_status == "ended"
    assert found.reserved_minor == 0
    if found.states and found.states[-1] == "approved":
        assert found.confirmed
        assert (found.paid_minor, found.texts) == (AMOUNT_MINOR, 1)
        return "paid"
    assert (found.paid_minor, found.texts, found.confirmed) == (0, 0, False)
    assert set(found.states) <= {"fenced", "voided", "abandoned"}
    return "not paid"


MODES = {
    "tokenize": UNGUARDED,
    "authorize": {"SANDBOX_CARD_ENTRY": "authorize"},
    "pay": {"CARD_ENTRY": "pay"},
}
"""How cards are taken, and the settings that make it so."""


@pytest.mark.parametrize("card_entry", MODES)
def test_hanging_up_at_every_moment(card_entry: str, start_server: Callable[..., Server]) -> None:
    """At each sentence, at each question, in each pause."""
    server = start_server(**MODES[card_entry])
    fates: list[str] = []
    references = []
    count = 0
    while True:
        count += 1
        references.append(_bill(server, count))
        if card_entry == "authorize":
            server.bank.harm("none", "/authorizations", delay_s=2.5)
        ended, _, caller = pay(server, WAY[card_entry], leaves_at=count, settings=_settings(count))
        if card_entry == "tokenize":
            assert not card_data_left(server), "wiped with the hang-up, not by the sweeper"
        server.pass_time(90)
        found = books(server, call_sid(count), references[-1])
        assert found.reserved_minor == 0, "free again at once, or as soon as the gateway is certain"
        if ended.reason is not Reason.CALLER:
            break
        assert caller.chances == count
    server.forget_cards()
    fates = [_all_is_well(server, at, reference) for at, reference in enumerate(references, start=1)]
    assert not card_data_left(server)
    assert fates[0] == "not paid"
    assert fates[-1] == "paid"
    assert fates == sorted(fates), "once confirmed, paid; never the other way round"


def _gone_at(number: int) -> Callable[[int, str], Trouble]:
    """At this webhook; the status callback itself comes when the call is over."""
    return lambda count, url: (
        Trouble.CALLER_GONE if count == number and not url.endswith("/status") else Trouble.NONE
    )


@pytest.mark.parametrize("card_entry", MODES)
def test_hanging_up_while_each_webhook_is_under_way(
    card_entry: str, start_server: Callable[..., Server]
) -> None:
    """The server's answer finds nobody any more."""
    server = start_server(**MODES[card_entry])
    references = []
    count = 0
    while True:
        count += 1
        references.append(_bill(server, count))
        transport = TroubledTransport(server.transport, _gone_at(count))
        pay(server, WAY[card_entry], settings=_settings(count), transport=transport)
        if not transport.counts[Trouble.CALLER_GONE]:
            break
    server.forget_cards()
    fates = [_all_is_well(server, at, reference) for at, reference in enumerate(references, start=1)]
    assert not card_data_left(server)
    assert (fates[0], fates[-1]) == ("not paid", "paid")
    assert fates == sorted(fates)


def test_a_hang_up_that_nobody_tells_us_of(server: Server) -> None:
    """The status callback is lost: hours later the worker ends the call, and PCI wiped long before."""
    server.add_bill()
    settings = call_settings(to_number=ENGLISH, status_url=None)
    pay(server, ["1", "(visa)", "(expiry)"], settings=settings)
    assert card_data_left(server)
    server.forget_cards()
    assert not card_data_left(server)
    assert books(server, settings.call_sid, "10203040").call_status == "active"
    server.pass_time(5 * 3600)
    assert books(server, settings.call_sid, "10203040").call_status == "ended"
