"""The card on its way to the gateway: once, in time, by someone who lives, and told for what it is."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gateways.capability import UnsupportedError
from gateways.contract import CardAuthorized, Declined, Tokenized, Unavailable, Unknown
from gateways.declines import Decline
from gateways.secret import Secret
from ivr.pci.key_directory import DirectoryKeys
from tests.support.card_entry import (
    AUTHORIZE,
    ENTRY_ID,
    RETURN_URL,
    Caller,
    CardEntryHarness,
    HeldExecutor,
    both_engines,
)
from tests.support.time_and_ids import ManualClock


@pytest.fixture
def held(pci_engine: sa.Engine, clock: ManualClock, tmp_path: Path) -> CardEntryHarness:
    """A process whose pool waits for the test."""
    return CardEntryHarness(pci_engine, clock, tmp_path, executor=HeldExecutor())


def run(harness: CardEntryHarness) -> None:
    assert isinstance(harness.executor, HeldExecutor)
    harness.executor.run()


def test_a_decline_is_a_decline_with_the_last_four(harness: CardEntryHarness) -> None:
    harness.gateway.token_answer = Declined(Decline.INSUFFICIENT_FUNDS, "insufficient_funds")
    assert harness.caller().card().wait().sent_to == RETURN_URL
    answer = harness.collected()
    assert (answer["outcome"], answer["decline"]) == ("declined", "insufficient_funds")
    assert (answer["brand"], answer["last_four"], answer["token"]) == ("visa", "4242", None)


@pytest.mark.parametrize(
    "answer", [Unavailable("down"), RuntimeError("a bug: 4242424242424242"), UnsupportedError("no tokens")]
)
def test_a_gateway_that_fails_is_unavailable(harness: CardEntryHarness, answer: Any) -> None:
    harness.gateway.token_answer = answer
    assert harness.caller().card().wait().sent_to == RETURN_URL
    assert harness.collected()["outcome"] == "unavailable"


@pytest.mark.parametrize("authorize", [None, AUTHORIZE])
def test_an_unprocessed_request_is_sent_again_under_the_same_key(
    held: CardEntryHarness, authorize: Any
) -> None:
    """Three times, while the caller waits; each try is of the same card under the same key."""
    held.caller(authorize=authorize).card()
    gateway, began = held.gateway, held.clock.now()
    good = (gateway.token_answer, gateway.hold_answer)
    gateway.token_answer = Unavailable("too many requests", retry_same_key=True)
    gateway.hold_answer = Unknown("too many requests", retry_same_key=True)
    asked_after_s: list[float] = []

    def meanwhile() -> None:
        asked_after_s.append((held.clock.now() - began).total_seconds())
        if len(asked_after_s) == 4:
            gateway.token_answer, gateway.hold_answer = good

    gateway.meanwhile = meanwhile
    run(held)
    assert asked_after_s == [0, 1, 3, 7]
    assert len({str(one) for one in gateway.asked}) == 1
    assert len({one.number.reveal() for one in gateway.cards}) == 1
    assert held.collected()["outcome"] == "collected"


@pytest.mark.parametrize(
    ("authorize", "over", "ended"),
    [(None, "unavailable", "ended"), (AUTHORIZE, "authorization_unknown", "authorization_unknown")],
)
def test_nobody_asks_again_for_who_waits_no_more(
    held: CardEntryHarness, authorize: Any, over: str, ended: str
) -> None:
    """The last try begins within the caller's patience, and none once they have hung up."""
    gateway = held.gateway
    gateway.token_answer = Unavailable("too many requests", retry_same_key=True)
    gateway.hold_answer = Unknown("too many requests", retry_same_key=True)
    held.caller(authorize=authorize).card()
    gateway.meanwhile = lambda: held.clock.advance(9)
    run(held)
    assert len(gateway.asked) == 2
    assert held.collected()["outcome"] == over

    gateway.asked.clear()
    held.caller(id="entry.call_1.7", authorize=authorize).card()
    gateway.meanwhile = lambda: held.hang_up() and None
    run(held)
    assert len(gateway.asked) == 1
    assert held.collected("entry.call_1.7")["outcome"] == ended


def test_an_authorization(harness: CardEntryHarness) -> None:
    assert harness.caller(authorize=AUTHORIZE).card().wait().sent_to == RETURN_URL
    assert harness.gateway.asked == [{**AUTHORIZE, "metadata": {}}]
    answer = harness.collected()
    assert (answer["outcome"], answer["authorization"], answer["token"]) == ("collected", "auth_1", None)


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        (Declined(Decline.GENERIC, "no"), "declined"),
        (Unknown("no answer"), "authorization_unknown"),
        (RuntimeError("a bug"), "authorization_unknown"),
        (UnsupportedError("no such thing, and nothing was sent"), "unavailable"),
    ],
)
def test_an_authorization_is_told_for_what_it_is(harness: CardEntryHarness, found: Any, outcome: str) -> None:
    harness.gateway.hold_answer = found
    assert harness.caller(authorize=AUTHORIZE).card().wait().sent_to == RETURN_URL
    assert harness.collected()["outcome"] == outcome


def test_after_twenty_seconds_nobody_waits_any_more(held: CardEntryHarness) -> None:
    caller = held.caller().card()
    held.clock.advance(19)
    assert caller.wait().sent_to != RETURN_URL
    held.clock.advance(1)
    assert caller.wait().sent_to == RETURN_URL
    assert held.collected()["outcome"] == "unavailable"
    run(held)
    assert held.gateway.cards == []  # it is too late to send it


@both_engines
@pytest.mark.parametrize(
    ("authorize", "outcome"), [(None, "unavailable"), (AUTHORIZE, "authorization_unknown")]
)
def test_an_answer_that_comes_after_the_wait_changes_nothing(
    held: CardEntryHarness, authorize: Any, outcome: str
) -> None:
    caller = held.caller(authorize=authorize).card()

    def poll_until_the_end() -> None:
        held.clock.advance(20)
        assert caller.wait().sent_to == RETURN_URL

    held.gateway.meanwhile = poll_until_the_end
    run(held)
    assert len(held.gateway.cards) == 1
    answer = held.collected()
    assert (answer["outcome"], answer["token"], answer["authorization"]) == (outcome, None, None)


def test_an_authorization_that_nobody_began_is_certain(held: CardEntryHarness) -> None:
    caller = held.caller(authorize=AUTHORIZE).card()
    held.clock.advance(20)
    assert caller.wait().sent_to == RETURN_URL
    assert held.collected()["outcome"] == "unavailable"


@both_engines
@pytest.mark.parametrize(("authorize", "outcome"), [(None, "ended"), (AUTHORIZE, "authorization_unknown")])
def test_a_hang_up_while_the_card_is_on_its_way(held: CardEntryHarness, authorize: Any, outcome: str) -> None:
    held.caller(authorize=authorize).card()
    held.gateway.meanwhile = lambda: held.hang_up() and None
    run(held)
    answer = held.collected()
    assert (answer["outcome"], answer["token"], answer["authorization"]) == (outcome, None, None)


def test_an_authorization_survives_a_hang_up_until_it_is_voided(harness: CardEntryHarness) -> None:
    harness.caller(authorize=AUTHORIZE).card()
    harness.hang_up()
    assert harness.collected()["authorization"] == "auth_1"


class Died(BaseException):
    """The process is gone in the middle of the request."""


def die(harness: CardEntryHarness, caller: Caller) -> None:
    def fall() -> None:
        raise Died

    harness.gateway.meanwhile = fall
    with pytest.raises(Died):
        run(harness)
    harness.gateway.meanwhile = lambda: None


@both_engines
def test_a_dead_processs_card_is_taken_over_under_the_same_key(held: CardEntryHarness) -> None:
    keys = DirectoryKeys(held.folder / "keys", held.clock)  # all that the two share is the directory
    other = held.second_process(executor=HeldExecutor(), keys=keys)
    caller = held.caller().card()
    die(held, caller)
    caller.harness = other
    held.clock.advance(4)
    caller.wait()
    run(other)
    assert len(held.gateway.cards) == 1  # its lease is not over yet
    held.clock.advance(2)
    caller.wait()
    run(other)
    assert caller.wait().sent_to == RETURN_URL
    assert [asked["key"] for asked in held.gateway.asked] == [f"{ENTRY_ID}:card"] * 2
    assert held.collected()["token"] == "tok_1"


@pytest.mark.slow
@both_engines
def test_two_processes_that_took_the_same_card_on_ask_once(held: CardEntryHarness) -> None:
    other = held.second_process(executor=HeldExecutor())
    caller = held.caller().card()
    caller.harness = other
    caller.wait()
    held.gateway.meanwhile = lambda: run(other)
    run(held)
    assert len(held.gateway.cards) == 1
    assert held.collected()["outcome"] == "collected"


def test_a_card_that_waited_too_long_in_the_pool_is_not_sent(held: CardEntryHarness) -> None:
    held.caller().card()
    held.clock.advance(20)
    run(held)
    assert held.gateway.cards == []


@both_engines
def test_a_living_process_keeps_its_lease(held: CardEntryHarness) -> None:
    other = held.second_process(executor=HeldExecutor())
    caller = held.caller().card()

    def slow() -> None:
        caller.harness = other
        for _ in range(12):
            held.clock.advance(1)
            held.pci_parts.submission.renew()
            caller.wait()
            run(other)

    held.gateway.meanwhile = slow
    run(held)
    assert len(held.gateway.cards) == 1
    assert caller.wait().sent_to == RETURN_URL
    assert held.collected()["outcome"] == "collected"


@both_engines
def test_a_final_answer_of_a_process_declared_dead_is_accepted(held: CardEntryHarness) -> None:
    other = held.second_process(executor=HeldExecutor())
    caller = held.caller(authorize=AUTHORIZE).card()

    def stall() -> None:
        held.gateway.meanwhile = lambda: None
        held.gateway.hold_answer = Unknown("seen this key before")
        held.clock.advance(6)
        caller.harness = other
        caller.wait()
        assert isinstance(other.executor, HeldExecutor)
        assert len(other.executor.waiting) == 1
        held.gateway.hold_answer = CardAuthorized("auth_1")

    held.gateway.meanwhile = stall
    run(held)
    held.gateway.hold_answer = Unknown("seen this key before")
    run(other)
    answer = held.collected()
    assert (answer["outcome"], answer["authorization"]) == ("collected", "auth_1")


@pytest.mark.slow
@both_engines
def test_an_uncertain_answer_counts_only_from_the_lease_holder(held: CardEntryHarness) -> None:
    other = held.second_process(executor=HeldExecutor())
    caller = held.caller().card()

    def lose_the_lease() -> None:
        """The other process claims the card and asks; while it asks, the first one gives up."""
        held.clock.advance(6)
        caller.harness = other
        caller.wait()
        held.gateway.meanwhile = lambda: None
        held.gateway.token_answer = Unavailable("the line broke")
        with held.engine.begin() as tx:
            tx.execute(sa.text("UPDATE card_entry SET lease_owner = 'pci_other', claims = 2"))

    held.gateway.meanwhile = lose_the_lease
    run(held)
    assert held.collected()["outcome"] == "open"
    held.gateway.token_answer = Tokenized(Secret("tok_2"))
    run(other)
    assert held.collected()["token"] == "tok_2"


@pytest.mark.parametrize(
    ("authorize", "outcome"), [(None, "unavailable"), (AUTHORIZE, "authorization_unknown")]
)
def test_a_card_whose_key_is_gone_at_the_take_over(
    held: CardEntryHarness, authorize: Any, outcome: str
) -> None:
    caller = held.caller(authorize=authorize).card()
    die(held, caller)
    shutil.rmtree(held.folder / "keys")
    other = held.second_process(executor=HeldExecutor())
    held.clock.advance(6)
    caller.harness = other
    caller.wait()
    run(other)
    assert len(held.gateway.cards) == 1
    assert caller.wait().sent_to == RETURN_URL
    assert held.collected()["outcome"] == outcome


def test_a_poll_does_not_send_a_card_twice(held: CardEntryHarness) -> None:
    caller = held.caller().card()
    for _ in range(5):
        caller.wait()
    assert isinstance(held.executor, HeldExecutor)
    assert len(held.executor.waiting) == 1


@both_engines
def test_a_full_process_leaves_cards_to_the_next_poll(held: CardEntryHarness) -> None:
    object.__setattr__(held.pci_parts.submission, "capacity", 1)
    held.caller().card()
    held.open("entry.call_2.3", call_sid="CA2")
    for turn, keys in enumerate(("", "4242424242424242", "0831", "123")):
        held.post(held.turn_url(turn, "entry.call_2.3"), {"Digits": keys}, call_sid="CA2")
    run(held)
    assert len(held.gateway.cards) == 1
    held.post(held.turn_url(4, "entry.call_2.3"), call_sid="CA2")
    run(held)
    assert len(held.gateway.cards) == 2


@both_engines
def test_no_transaction_is_open_while_the_gateway_is_asked(held: CardEntryHarness) -> None:
    """On SQLite an open write transaction would lock this one out."""
    held.caller().card()

    def write() -> None:
        with held.engine.begin() as tx:
            tx.execute(sa.text("UPDATE card_entry SET fallbacks = fallbacks"))

    held.gateway.meanwhile = write
    run(held)
    assert held.collected()["outcome"] == "collected"
