"""A card tester against a running server: how many cards an issuer hears of, and what a caller hears."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from gateways.secret import Secret
from ivr.fraud import lockouts
from ivr.fraud.breaker import PROBES
from ivr.fraud.identity import PayerIdentity
from ivr.pci import tables as pci
from ivr.platform.database.engine import reading
from ivr.platform.ids import RandomIds
from ivr.platform.lockout import LockoutKind
from tests.support import schema
from tests.support.fraud_harness import FraudHarness, usual_limits
from tests.support.payer import call_sid, pay
from tests.support.phone import call_settings
from tests.support.server import ENGLISH, REFERENCE, Server
from tests.support.server_checks import NAMES
from tests.support.time_and_ids import ManualClock

pytestmark = pytest.mark.slow

Start = Callable[..., Server]
CARDS = 200
TOLD = "I cannot take cards at the moment. You were not charged."
HINTS = ("block", "lock", "limit", "too many", "suspicious", "your bank", "declin", "accept this card")
ONE_DECLINED = ("1", "(declined)", "(expiry)", "(code)", "1")


def test_a_tester_of_one_bill_reaches_an_issuer_ten_times(engine: sa.Engine, clock: ManualClock) -> None:
    """200 cards, each from another number and in a call of its own, one every twenty seconds."""
    at = FraudHarness(engine, clock, usual_limits())
    bill_id = at.bill()
    assert (
        sum(at.try_card(PayerIdentity(bill_id, at.call(), f"+34601{nth:06}")) for nth in range(CARDS)) == 10
    )


def test_a_tester_of_many_bills_reaches_an_issuer_28_times_in_the_first_hour(
    engine: sa.Engine, clock: ManualClock
) -> None:
    """Twenty until the breaker opens, and a few each time that it tries whether all is well again."""
    at = FraudHarness(engine, clock, usual_limits())
    bills = [at.bill(f"2030{nth:04}") for nth in range(CARDS)]
    reached = 0
    for nth, bill_id in enumerate(bills):
        reached += at.try_card(PayerIdentity(bill_id, at.call(), f"+34601{nth:06}"))
        at.clock.advance(17)
    assert clock.now().hour == 10
    assert reached == 20 + 2 * PROBES


def test_a_card_tester_is_stopped_and_learns_nothing(start_server: Start) -> None:
    server = start_server(CARD_DECLINES_MAX_BILL="4")
    server.add_bill(phone=None)
    heard: list[list[str]] = []
    for nth in range(5):
        settings = call_settings(call_sid=call_sid(nth), to_number=ENGLISH, from_number=f"+3460099900{nth}")
        two_cards = ("(declined)", "(expiry)", "(code)", "1", "(no_funds)", "(expiry)", "(code)", "1")
        lines = (REFERENCE, "1", *(two_cards if nth < 2 else ()))
        _, transcript, _ = pay(server, lines, settings=settings)
        heard.append(transcript)
        server.pass_time(60)
    asked = server.bank.rows("SELECT key FROM movement")
    assert len(asked) == 4
    for transcript in heard[2:]:
        assert f"< {TOLD}" in transcript
        words = " ".join(transcript).lower()
        assert not [hint for hint in HINTS if hint in words]
        assert "Please enter your card number." not in " ".join(transcript)


def words_after_the_offer(server: Server, lines: tuple[str, ...] = ("1",), **settings: str) -> list[str]:
    """What the caller hears once the amount is chosen."""
    given = call_settings(call_sid=call_sid(7), to_number=ENGLISH, **settings)
    _, transcript, _ = pay(server, lines, settings=given)
    told = [line for line in transcript if line.startswith("<")]
    return told[-2:]


def lockout(server: Server, kind: LockoutKind, subject: str) -> None:
    now = server.clock.now()
    with server.on.engine.begin() as tx:
        lockouts.begin(
            tx,
            kind,
            subject,
            number=1,
            now=now,
            until=now.replace(year=now.year + 1),
            why="a test",
            call_id=None,
            ids=RandomIds(),
        )


def test_whatever_the_cause_a_caller_hears_the_same(start_server: Start) -> None:
    """Of a caller, a bill, everybody, a card, and a PCI process that is down: the same words, no dead end."""
    wanted = [f"< {TOLD}", "< I am sorry that I could not help you this time. Goodbye."]
    for kind, subject in (
        (LockoutKind.CALLER, "+34600111222"),
        (LockoutKind.BILL, "bill_1"),
        (LockoutKind.BREAKER, "everybody"),
    ):
        server = start_server()
        server.expected.add("lockout_began")
        assert server.add_bill() == "bill_1"
        lockout(server, kind, subject)
        assert words_after_the_offer(server) == wanted, kind
    server = start_server()
    server.expected.add("lockout_began")
    server.add_bill()
    server.pci_connection.down = True
    assert words_after_the_offer(server) == wanted


def test_a_card_that_is_locked_out_is_told_the_same_and_never_sent(start_server: Start) -> None:
    server = start_server()
    server.add_bill()
    defences = server.pci_parts.velocity
    for nth in range(5):
        assert defences.admits(f"entry.{nth}", Secret(NAMES["visa"]))
        with server.pci_parts.engine.begin() as tx:
            defences.settle(tx, f"entry.{nth}", declined=True)
    told = words_after_the_offer(server, ("1", "(visa)", "(expiry)", "(code)"))
    assert told == [f"< {TOLD}", "< I am sorry that I could not help you this time. Goodbye."]
    assert server.bank.rows("SELECT * FROM token") == []


def test_a_limit_reached_after_card_entry_stops_the_charge(start_server: Start) -> None:
    """Another call of the same number is faster: nothing is sent, and the words are the same."""
    server = start_server()
    server.add_bill()

    def meanwhile(path: str) -> None:
        if path.endswith("/collect"):
            server.pci_connection.meanwhile = lambda _: None
            lockout(server, LockoutKind.CALLER, "+34600111222")

    server.pci_connection.meanwhile = meanwhile
    told = words_after_the_offer(server, ("1", "(visa)", "(expiry)", "(code)", "1"))
    assert told == [f"< {TOLD}", "< I am sorry that I could not help you this time. Goodbye."]
    assert server.bank.rows("SELECT * FROM movement") == []
    with reading(server.on.engine) as connection:
        assert connection.execute(sa.select(schema.attempt)).all() == []


def test_the_way_of_a_decline_from_the_worker_to_the_card(start_server: Start) -> None:
    """The token's decline comes back to the PCI process by its entry, which is then forgotten."""
    server = start_server()
    server.add_bill()
    pay(server, (*ONE_DECLINED, "(visa)", "(expiry)", "(code)", "1"))
    server.pass_time(60)
    with reading(server.pci_parts.engine) as connection:
        declines = connection.execute(
            sa.select(pci.card_tally.c.kind, pci.card_tally.c.declines, pci.card_tally.c.tries)
        ).all()
        assert connection.execute(sa.select(pci.card_watch)).all() == []
    assert sorted(tuple(row) for row in declines if row.declines) == [("bin", 1, 1), ("card", 1, 1)]
    assert len(declines) == 4


def test_a_report_waits_for_a_pci_process_that_is_down(start_server: Start) -> None:
    server = start_server()
    server.add_bill()
    server.pci_connection.meanwhile = lambda path: setattr(
        server.pci_connection, "down", path.endswith("/outcome")
    )
    pay(server, (*ONE_DECLINED, "(visa)", "(expiry)", "(code)", "1"))

    def watched() -> int:
        with reading(server.pci_parts.engine) as connection:
            return len(connection.execute(sa.select(pci.card_watch)).all())

    assert watched() == 2
    server.pci_connection.meanwhile = lambda _: None
    server.pci_connection.down = False
    server.pass_time(600)
    assert watched() == 0


@pytest.mark.parametrize(
    ("verstat", "name", "weight"),
    [
        ("TN-Validation-Failed-A", "unproven", 1),
        ("No-TN-Validation", "+34600111222", 2),
        ("TN-Validation-Passed-A", "+34600111222", 1),
    ],
)
def test_the_carriers_word_on_a_number_is_kept_and_heeded(
    start_server: Start, verstat: str, name: str, weight: int
) -> None:
    server = start_server()
    server.add_bill()
    settings = call_settings(to_number=ENGLISH, extra={"StirVerstat": verstat})
    reference = [REFERENCE] if name == "unproven" else []
    pay(server, (*reference, "1", "(visa)", "(expiry)", "(code)", "1"), settings=settings)
    with reading(server.on.engine) as connection:
        tried = connection.execute(sa.select(schema.card_try)).one()
        kept = connection.execute(sa.select(schema.call.c.stir_verstat)).scalar_one()
    assert (tried.state, tried.caller, tried.weight, kept) == ("approved", name, weight, verstat)
