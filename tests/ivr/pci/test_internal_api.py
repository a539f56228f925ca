"""What the web process may ask of the PCI process, and what it may not."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from gateways.secret import Secret
from ivr.pci import entry_lifecycle, entry_store
from ivr.platform.card_entry_outcome import CardEntryOutcome
from tests.support.card_entry import (
    AUTHORIZE,
    CALL_SID,
    ENTRY_ID,
    PCI_URL,
    RETURN_URL,
    VISA,
    CardEntryHarness,
    both_engines,
)

ENTRIES = "/pci/internal/entries"
COLLECT = f"{ENTRIES}/{ENTRY_ID}/collect"
ENDED = f"/pci/internal/calls/{CALL_SID}/ended"


@both_engines
def test_the_same_entry_asked_again_is_the_same(harness: CardEntryHarness) -> None:
    first, again = harness.open(), harness.open()
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json == again.json == {"id": ENTRY_ID, "url": f"{PCI_URL}/pci/e/{ENTRY_ID}/t/0"}


@pytest.mark.parametrize(
    "change",
    [{"language": "es"}, {"return_url": f"{RETURN_URL}?x=1"}, {"call_sid": "CA1"}, {"postal_code": True}],
)
def test_another_entry_under_the_same_id_is_refused(
    harness: CardEntryHarness, change: dict[str, Any]
) -> None:
    harness.open()
    assert harness.open(**change).status_code == 409


@both_engines
def test_an_entry_asked_again_keeps_what_was_keyed(harness: CardEntryHarness) -> None:
    caller = harness.caller().key(VISA)
    assert harness.open().status_code == 200
    caller.key("0831").key("123")
    assert harness.collected()["outcome"] == "collected"


@pytest.mark.parametrize("target", [ENTRIES, COLLECT, ENDED])
def test_a_request_that_is_not_ours_is_refused(harness: CardEntryHarness, target: str) -> None:
    harness.open()
    now = harness.clock.now()
    forged: list[dict[str, Any]] = [
        {"secret": Secret("another-secret-of-more-than-32-characters")},
        {"now": now - timedelta(seconds=61)},
        {"now": now + timedelta(seconds=61)},
        {"headers": {"X-Paybycall-Nonce": "another"}},
        {"headers": {"X-Paybycall-Signature": "é"}},
        {"headers": {"X-Paybycall-Timestamp": "²"}},
    ]
    for changes in forged:
        answer = harness.ask(target, {"claimant": "x"}, **changes)
        assert answer.status_code == 403, changes
        assert answer.mimetype == "application/problem+json"
    assert harness.client.post(target, data=b"{}").status_code == 403


@pytest.mark.parametrize("target", [ENTRIES, COLLECT, ENDED])
def test_a_copy_of_a_request_is_refused_in_every_process(harness: CardEntryHarness, target: str) -> None:
    harness.caller(entry_id="entry.call_1.9")
    other = harness.second_process()
    document = {"claimant": "x"}
    first = harness.ask(target, document, nonce="once")
    assert first.status_code != 403
    assert harness.ask(target, document, nonce="once").status_code == 403
    assert other.ask(target, document, nonce="once").status_code == 403


@pytest.mark.parametrize(
    "change",
    [
        {"id": "a/b"},
        {"id": ""},
        {"id": "x" * 101},
        {"id": None},
        {"call_sid": 7},
        {"call_sid": "CA\0"},
        {"account_sid": "AC-of-somebody-else"},
        {"language": "fr"},
        {"language": ["en"]},
        {"return_url": "https://evil.example.com/voice"},
        {"return_url": "https://pay.example.com.evil.example.com/"},
        {"return_url": None},
        {"postal_code": "no"},
        {"authorize": []},
        {"authorize": {"key": "k", "amount_minor": 0, "currency": "EUR", "description": ""}},
        {"authorize": {"key": "k", "amount_minor": True, "currency": "EUR", "description": ""}},
        {"authorize": {"key": "k", "amount_minor": 1.5, "currency": "EUR", "description": ""}},
        {"authorize": {"key": "k", "amount_minor": 1, "currency": "euro", "description": ""}},
        {"authorize": {"key": "k", "amount_minor": 1, "currency": "EUR"}},
    ],
)
def test_an_entry_that_makes_no_sense_is_refused_with_a_sentence(
    harness: CardEntryHarness, change: dict[str, Any]
) -> None:
    answer = harness.open(**change)
    assert answer.status_code == 400
    assert answer.mimetype == "application/problem+json"
    assert answer.json["detail"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"\xff"])
def test_a_body_that_is_no_json_object_is_refused_and_not_repeated(
    harness: CardEntryHarness, body: bytes
) -> None:
    answer = harness.ask(ENTRIES, None, body=body)
    assert answer.status_code == 400
    assert "text" not in answer.json["detail"]


@both_engines
def test_only_the_first_claimant_collects_as_often_as_it_asks(harness: CardEntryHarness) -> None:
    harness.caller().card()
    first = harness.collect(claimant="call_1.4")
    again = harness.collect(claimant="call_1.4")
    assert first.json == again.json
    assert first.json["token"] == "tok_1"
    other = harness.collect(claimant="call_1.5")
    assert other.status_code == 409
    assert "tok_1" not in other.text


@both_engines
def test_an_open_entry_gives_the_url_of_its_question(harness: CardEntryHarness) -> None:
    caller = harness.caller().key(VISA)
    answer = harness.collect(claimant="call_1.4").json
    assert answer["outcome"] == "open"
    assert answer["token"] is None
    assert caller.follow(answer["url"]).words.startswith("Now its expiry")
    caller.key("0831").key("123")
    assert harness.collect(claimant="call_1.5").json["outcome"] == "collected"


def test_an_unknown_entry_is_not_found(harness: CardEntryHarness) -> None:
    assert harness.collect("entry.nobody.1").status_code == 404


@both_engines
def test_a_hang_up_wipes_and_ends(harness: CardEntryHarness) -> None:
    harness.caller().key(VISA)
    assert harness.hang_up().status_code == 204
    assert harness.hang_up().status_code == 204
    with harness.engine.connect() as connection:
        row = connection.execute(sa.text("SELECT * FROM card_entry")).mappings().one()
    assert row["status"] == "finished"
    assert [name for name in row if (name.startswith("sealed") or name == "wrapped_key") and row[name]] == []
    assert harness.collected()["outcome"] == "ended"


def test_a_hang_up_of_another_call_ends_nothing(harness: CardEntryHarness) -> None:
    harness.caller().key(VISA)
    assert harness.hang_up("CA1").status_code == 204
    assert harness.collected()["outcome"] == "open"


def test_a_hang_up_wipes_a_token_that_nobody_collected(harness: CardEntryHarness) -> None:
    harness.caller().card()
    harness.hang_up()
    answer = harness.collected()
    assert (answer["outcome"], answer["token"]) == ("ended", None)


@both_engines
def test_a_new_entry_wipes_what_the_call_left_open(harness: CardEntryHarness) -> None:
    harness.caller().key(VISA)
    second = harness.caller(entry_id="entry.call_1.8")
    assert harness.collected()["outcome"] == "ended"
    second.card()
    assert harness.collected("entry.call_1.8")["outcome"] == "collected"


def test_what_has_ended_does_not_end_once_more(harness: CardEntryHarness) -> None:
    harness.caller().card()
    with harness.engine.begin() as tx:
        entry = entry_store.lock(tx, ENTRY_ID)
        assert entry is not None
        with pytest.raises(ValueError, match="finished already"):
            entry_lifecycle.give_up(tx, entry, CardEntryOutcome.ENDED, harness.clock.now())
    assert harness.collected()["outcome"] == "collected"


@pytest.mark.parametrize(
    ("authorize", "outcome"), [(None, "unavailable"), (AUTHORIZE, "authorization_unknown")]
)
def test_a_result_whose_key_is_gone_is_lost_and_says_so(
    harness: CardEntryHarness, authorize: dict[str, Any] | None, outcome: str
) -> None:
    """The amount that the issuer holds has to be looked up."""
    harness.caller(authorize=authorize).card()
    harness.clock.advance(901)
    answer = harness.collected()
    assert (answer["outcome"], answer["token"], answer["authorization"]) == (outcome, None, None)


@both_engines
def test_two_callers_at_once_do_not_meet(harness: CardEntryHarness) -> None:
    one = harness.caller()
    harness.open("entry.call_2.3", call_sid="CA2")
    assert harness.post(harness.turn_url(0, "entry.call_2.3"), call_sid="CA2").status_code == 200
    assert harness.post(harness.turn_url(1, "entry.call_2.3")).status_code == 403
    one.card()
    assert harness.collected("entry.call_2.3")["outcome"] == "open"
