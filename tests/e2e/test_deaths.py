"""kill -9 at the worst moments of a call: the call goes on, and the money is where the caller was told."""

from collections.abc import Callable, Iterator

import pytest

from ivr.simulators.phone.events import Event, KeysAsked, Paused, Reason
from tests.support.deployed_server import House, authorizing, on_postgres
from tests.support.http_phone_line import PATIENCE_S, Line, Rung
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


def paid_once(house: House, reference: str, rung: Rung) -> None:
    """The caller was told so, the bank took it once; the books are the fixture's to check."""
    assert rung.ended.reason is Reason.SERVER, rung.words
    assert PAID in rung.words
    assert [charge["amount_minor"] for charge in house.charges(reference)] == [
        house.attempts(reference)[-1].amount_minor
    ]


def is_poll(event: Event) -> bool:
    return isinstance(event, Paused)


def test_web_dies_during_a_poll(house: House) -> None:
    reference = house.add_bill(4971)
    once = Once(
        lambda event: is_poll(event) and house.state(reference) == "claimed", lambda: house.anew("web")
    )
    rung = house.ring(reference, listener=once)
    assert once.done
    assert rung.ended.faults == ()
    paid_once(house, reference, rung)


def test_webs_workers_die_and_their_parent_starts_new_ones(house: House) -> None:
    house.expected = {"worker_died"}
    reference = house.add_bill()
    once = Once(is_poll, lambda: house.kill_children("web"))
    rung = house.ring(reference, listener=once)
    assert once.done
    paid_once(house, reference, rung)
    assert house.popen("web").poll() is None


@pytest.fixture
def thawed(house: House) -> Iterator[None]:
    """Whatever becomes of the test, nobody stays frozen."""
    yield
    house.thaw("pci")


@on_postgres
def test_web_dies_between_an_intent_and_its_answer(house: House, thawed: None) -> None:
    """The PCI process is slow, web dies while it waits, and another web takes the errand over."""
    house.expected = {"carrier_fallback"}
    reference = house.add_bill()
    house.freeze("pci")
    line = Line()
    call = house.ringing(reference, line=line)
    eventually(house.errand_is_under_way, timeout_s=PATIENCE_S, what="an intent")
    line.passable.clear()
    house.kill("web")
    house.thaw("pci")
    house.start("web")
    line.passable.set()
    rung = call.result()
    assert len(rung.ended.faults) == 1
    assert "errand_taken_over" in house.log("web")
    paid_once(house, reference, rung)


def test_pci_dies_while_digits_are_half_keyed(house: House) -> None:
    """The number is in, the expiry is not: a new process goes on with the keys of the directory."""
    reference = house.add_bill()
    once = Once(
        lambda event: isinstance(event, KeysAsked) and event.private and event.wanted == 4,
        lambda: house.anew("pci"),
    )
    rung = house.ring(reference, listener=once)
    assert once.done
    assert rung.ended.faults == ()
    assert sum("enter your card number" in said for said in rung.said) == 1
    paid_once(house, reference, rung)


@on_postgres
def test_pci_dies_while_it_tokenizes(house: House) -> None:
    """The one that is started anew takes the lease over when it ends, and asks under the same key."""
    reference = house.add_bill()
    house.harm("none", "/tokens", delay_s=3)
    once = Once(
        lambda event: is_poll(event) and house.entry_states()[-1] == "sending", lambda: house.anew("pci")
    )
    rung = house.ring(reference, listener=once)
    assert once.done
    paid_once(house, reference, rung)


@authorizing
def test_pci_dies_while_it_authorizes(house: House) -> None:
    """The amount is held once, whoever asked for it, and captured once."""
    reference = house.add_bill()
    house.harm("none", "/authorizations", delay_s=3)
    once = Once(
        lambda event: is_poll(event) and house.entry_states()[-1] == "sending", lambda: house.anew("pci")
    )
    rung = house.ring(reference, listener=once)
    assert once.done
    paid_once(house, reference, rung)
    assert [row["kind"] for row in house.bank_rows("SELECT kind FROM movement")] == ["authorization"]


def test_the_worker_dies_before_it_claims(house: House) -> None:
    reference = house.add_bill()
    house.kill("worker")
    call = house.ringing(reference)
    eventually(
        lambda: any(one.charge_asked_at for one in house.attempts(reference)),
        timeout_s=PATIENCE_S,
        what="a charge to be asked for",
    )
    house.start("worker")
    paid_once(house, reference, call.result())


@on_postgres
def test_the_worker_dies_while_the_bank_thinks(house: House) -> None:
    """Nobody knows then: it is looked up, and never charged again."""
    reference = house.add_bill(4971)
    call = house.ringing(reference)
    house.until_the_bank_thinks(reference)
    house.anew("worker")
    paid_once(house, reference, call.result())
    [attempt] = house.attempts(reference)
    assert [row["key"] for row in house.bank_rows("SELECT key FROM movement")].count(attempt.id) == 1


def test_the_bank_dies_while_it_thinks(house: House) -> None:
    """It took nothing, and says so when it is asked: the caller is told that, or that nobody knows yet."""
    reference = house.add_bill(4971)
    call = house.ringing(reference)
    house.until_the_bank_thinks(reference)
    house.anew("sandbox")
    rung = call.result()
    assert PAID not in rung.words
    assert house.charges(reference) == []
    assert "you were not charged" in rung.words or "has not answered yet" in rung.words, rung.words


def test_everything_dies_at_once(house: House) -> None:
    reference = house.add_bill(4971)
    house.expected = {"carrier_fallback"}
    line = Line()
    call = house.ringing(reference, line=line)
    house.until_the_bank_thinks(reference)
    line.passable.clear()
    house.anew("web", "pci", "worker")
    line.passable.set()
    paid_once(house, reference, call.result())
