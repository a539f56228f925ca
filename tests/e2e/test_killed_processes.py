"""kill -9 at the worst moments of a call: the call goes on, and the money is where the caller was told."""

from collections.abc import Callable, Iterator

import pytest

from ivr.simulators.phone.events import KeysAsked, Paused, PhoneEvent, Reason
from tests.support.deployed_server import DeployedServer, authorizing, on_postgres
from tests.support.http_phone_line import PATIENCE_S, HttpPhoneLine, PhoneCall
from tests.support.waiting import eventually

PAID = "You have paid"


class Once:
    """A listener, or what comes before a webhook: does something the first time its condition holds."""

    def __init__(self, condition: Callable[..., bool], act: Callable[[], None]) -> None:
        self._condition = condition
        self._act = act
        self.done = False

    def __call__(self, *what: object) -> None:
        if not self.done and self._condition(*what):
            self.done = True
            self._act()


def paid_once(server: DeployedServer, reference: str, rung: PhoneCall) -> None:
    """The caller was told so, the bank took it once; the books are the fixture's to check."""
    assert rung.ended.reason is Reason.SERVER, rung.words
    assert PAID in rung.words
    assert [charge["amount_minor"] for charge in server.charges(reference)] == [
        server.attempts(reference)[-1].amount_minor
    ]


def is_poll(event: PhoneEvent) -> bool:
    return isinstance(event, Paused)


def test_web_dies_during_a_poll(server: DeployedServer) -> None:
    reference = server.add_bill(4971)
    once = Once(
        lambda event: is_poll(event) and server.state(reference) == "claimed", lambda: server.anew("web")
    )
    rung = server.ring(reference, listener=once)
    assert once.done
    assert rung.ended.faults == ()
    paid_once(server, reference, rung)


def test_webs_workers_die_and_their_parent_starts_new_ones(server: DeployedServer) -> None:
    server.expected = {"worker_died"}
    reference = server.add_bill()
    once = Once(is_poll, lambda: server.kill_children("web"))
    rung = server.ring(reference, listener=once)
    assert once.done
    paid_once(server, reference, rung)
    assert server.popen("web").poll() is None


@pytest.fixture
def thawed(server: DeployedServer) -> Iterator[None]:
    """Whatever becomes of the test, nobody stays frozen."""
    yield
    server.thaw("pci")


@on_postgres
def test_web_dies_between_an_intent_and_its_answer(server: DeployedServer, thawed: None) -> None:
    """The PCI process is slow, web dies while it waits, and another web takes the errand over."""
    server.expected = {"carrier_fallback"}
    reference = server.add_bill()
    server.freeze("pci")
    line = HttpPhoneLine()
    call = server.ringing(reference, line=line)
    eventually(server.remote_call_is_under_way, timeout_s=PATIENCE_S, what="an intent")
    line.passable.clear()
    server.kill("web")
    server.thaw("pci")
    server.start("web")
    line.passable.set()
    rung = call.result()
    assert len(rung.ended.faults) == 1
    assert "errand_taken_over" in server.log("web")
    paid_once(server, reference, rung)


def test_pci_dies_while_digits_are_half_keyed(server: DeployedServer) -> None:
    """The number is in, the expiry is not: a new process goes on with the keys of the directory."""
    reference = server.add_bill()
    once = Once(
        lambda event: isinstance(event, KeysAsked) and event.private and event.wanted == 4,
        lambda: server.anew("pci"),
    )
    rung = server.ring(reference, listener=once)
    assert once.done
    assert rung.ended.faults == ()
    assert sum("enter your card number" in said for said in rung.said) == 1
    paid_once(server, reference, rung)


@on_postgres
def test_pci_dies_while_it_tokenizes(server: DeployedServer) -> None:
    """The one that is started anew takes the lease over when it ends, and asks under the same key."""
    reference = server.add_bill()
    server.harm("none", "/tokens", delay_s=3)
    once = Once(
        lambda event: is_poll(event) and server.entry_states()[-1] == "sending", lambda: server.anew("pci")
    )
    rung = server.ring(reference, listener=once)
    assert once.done
    paid_once(server, reference, rung)


@authorizing
def test_pci_dies_while_it_authorizes(server: DeployedServer) -> None:
    """The amount is held once, whoever asked for it, and captured once."""
    reference = server.add_bill()
    server.harm("none", "/authorizations", delay_s=3)
    once = Once(
        lambda event: is_poll(event) and server.entry_states()[-1] == "sending", lambda: server.anew("pci")
    )
    rung = server.ring(reference, listener=once)
    assert once.done
    paid_once(server, reference, rung)
    assert [row["kind"] for row in server.bank_rows("SELECT kind FROM movement")] == ["authorization"]


def test_the_worker_dies_before_it_claims(server: DeployedServer) -> None:
    reference = server.add_bill()
    server.kill("worker")
    call = server.ringing(reference)
    eventually(
        lambda: any(one.charge_asked_at for one in server.attempts(reference)),
        timeout_s=PATIENCE_S,
        what="a charge to be asked for",
    )
    server.start("worker")
    paid_once(server, reference, call.result())


@on_postgres
def test_the_worker_dies_while_the_bank_thinks(server: DeployedServer) -> None:
    """Nobody knows then: it is looked up, and never charged again."""
    reference = server.add_bill(4971)
    call = server.ringing(reference)
    server.until_bank_is_processing(reference)
    server.anew("worker")
    paid_once(server, reference, call.result())
    [attempt] = server.attempts(reference)
    assert [row["key"] for row in server.bank_rows("SELECT key FROM movement")].count(attempt.id) == 1


def test_the_bank_dies_while_it_thinks(server: DeployedServer) -> None:
    """It took nothing, and says so when it is asked: the caller is told that, or that nobody knows yet."""
    reference = server.add_bill(4971)
    call = server.ringing(reference)
    server.until_bank_is_processing(reference)
    server.anew("sandbox")
    rung = call.result()
    assert PAID not in rung.words
    assert server.charges(reference) == []
    assert "you were not charged" in rung.words or "has not answered yet" in rung.words, rung.words


def test_everything_dies_at_once(server: DeployedServer) -> None:
    reference = server.add_bill(4971)
    server.expected = {"carrier_fallback"}
    line = HttpPhoneLine()
    call = server.ringing(reference, line=line)
    server.until_bank_is_processing(reference)
    line.passable.clear()
    server.anew("web", "pci", "worker")
    line.passable.set()
    paid_once(server, reference, call.result())
