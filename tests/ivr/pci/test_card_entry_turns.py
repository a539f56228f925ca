"""Webhooks of a card entry that come twice, late, too early, from elsewhere, or at a bad moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from gateways.secret import Secret
from ivr.carriers.twilio.signature import compute
from ivr.pci import entry_store
from ivr.pci.key_directory import DirectoryKeys
from ivr.pci.keys import KeyGeneration, KeyGoneError, WrappedKey
from tests.support.card_entry import (
    ACCOUNT_SID,
    CALL_SID,
    CARRIER_TOKEN,
    ENTRY_ID,
    PCI_URL,
    RETURN_URL,
    VISA,
    WEB_URL,
    Caller,
    CardEntryHarness,
    HeldExecutor,
    both_engines,
)
from tests.support.time_and_ids import ManualClock
from tests.support.waiting import until_a_transaction_waits


def rows(harness: CardEntryHarness) -> Any:
    with harness.engine.connect() as connection:
        return connection.execute(sa.text("SELECT * FROM card_entry ORDER BY id")).all()


@both_engines
def test_every_webhook_twice_gets_the_same_answer_and_changes_nothing_twice(
    harness: CardEntryHarness,
) -> None:
    caller = harness.caller()
    for keys in (VISA, "0831", "123"):
        url = caller.gather.attrib["action"]
        caller.key(keys)
        before = rows(harness)
        again = harness.post(url, {"Digits": keys, "FinishedOnKey": ""})
        other = harness.post(url, {"Digits": "**"})
        assert again.text == other.text == caller.text
        assert rows(harness) == before
    assert len(harness.gateway.cards) == 1


@both_engines
def test_one_webhook_in_two_processes_at_once_is_taken_once(harness: CardEntryHarness) -> None:
    """The copy overtakes the first one between its look at the entry and its lock on it."""
    other = harness.second_process()
    caller = harness.caller()
    url = caller.gather.attrib["action"]
    overtaken: list[str] = []

    class Overtaking(DirectoryKeys):
        def get(self, generation_id: str) -> KeyGeneration:
            if not overtaken:
                overtaken.append("")
                overtaken.append(other.post(url, {"Digits": VISA}).text)
            return super().get(generation_id)

    caller.harness = harness.second_process(keys=Overtaking(harness.folder / "keys", harness.clock))
    caller.key(VISA)
    assert caller.text == overtaken[1]
    caller.harness = harness
    caller.key("0831").key("123")
    assert harness.gateway.cards[0].number.reveal() == VISA


@both_engines
def test_an_entry_opened_twice_in_the_same_moment_has_one_key(harness: CardEntryHarness) -> None:
    """A digit is keyed between the copy's look for the entry and its key: the first key stays."""
    callers: list[Caller] = []

    class Overtaken(DirectoryKeys):
        def keep(self, entry_id: str, wrapped: WrappedKey) -> None:
            callers.append(harness.caller().key(VISA))
            super().keep(entry_id, wrapped)

    other = harness.second_process(keys=Overtaken(harness.folder / "keys", harness.clock))
    assert other.open().status_code == 200
    callers[0].key("0831").key("123")
    assert harness.gateway.cards[0].number.reveal() == VISA
    assert harness.collected()["outcome"] == "collected"


@both_engines
def test_a_late_webhook_gets_its_own_answer_again(harness: CardEntryHarness) -> None:
    caller = harness.caller()
    first = caller.text
    caller.key(VISA).key("0831")
    assert harness.post(harness.turn_url(0)).text == first
    assert "Now its expiry" in harness.post(harness.turn_url(1), {"Digits": "1"}).text
    caller.key("123")
    assert harness.post(harness.turn_url(0)).text == first
    assert harness.collected()["outcome"] == "collected"


@both_engines
def test_a_webhook_of_a_future_turn_gets_the_current_question(harness: CardEntryHarness) -> None:
    caller = harness.caller().key(VISA)
    before = rows(harness)
    answer = harness.post(harness.turn_url(7), {"Digits": "0831"})
    assert f"{PCI_URL}/pci/e/{ENTRY_ID}/t/1#" in answer.text
    assert rows(harness) == before
    question = caller.text
    assert caller.follow(harness.turn_url(1)).text == question
    assert caller.key("0831").key("123").sent_to is not None


def test_a_future_webhook_before_the_first_is_sent_to_the_first(harness: CardEntryHarness) -> None:
    harness.open()
    assert f"/pci/e/{ENTRY_ID}/t/0#" in harness.post(harness.turn_url(3)).text


@pytest.mark.parametrize(
    "changes",
    [
        {"token": Secret("another-token")},
        {"headers": {}},
        {"headers": {"X-Twilio-Signature": "é"}},
        {"call_sid": "CA00000000000000000000000000000000"},
        {"account_sid": "AC00000000000000000000000000000000"},
    ],
)
def test_a_request_of_someone_else_is_refused_on_every_door(
    harness: CardEntryHarness, changes: dict[str, Any]
) -> None:
    caller = harness.caller().key(VISA)
    before = rows(harness)
    for url in (harness.turn_url(0), caller.gather.attrib["action"], harness.turn_url(9)):
        answer = harness.post(url, {"Digits": "0831"}, **changes)
        assert answer.status_code == 403
        assert "0831" not in answer.text
    if "call_sid" not in changes:
        assert harness.post(f"{PCI_URL}/pci/fallback", **changes).status_code == 403
    assert rows(harness) == before


def test_an_entry_that_does_not_exist_is_refused(harness: CardEntryHarness) -> None:
    assert harness.post(harness.turn_url(0, "entry.nobody.1")).status_code == 403


def test_a_call_sid_given_twice_is_refused(harness: CardEntryHarness) -> None:
    harness.caller()
    form = {"CallSid": ["CAother", CALL_SID], "AccountSid": [ACCOUNT_SID]}
    url = harness.turn_url(1)
    signature = compute(CARRIER_TOKEN, url, form)
    answer = harness.client.post(
        url.removeprefix(PCI_URL), data=form, headers={"X-Twilio-Signature": signature}
    )
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"{}", "application/json"), (b"Digits=%ff", "application/x-www-form-urlencoded"), (b"x" * 70_000, "")],
)
def test_a_body_that_is_no_form_is_refused_and_not_repeated(
    harness: CardEntryHarness, body: bytes, kind: str
) -> None:
    harness.open()
    answer = harness.client.post(f"/pci/e/{ENTRY_ID}/t/0", data=body, content_type=kind)
    assert answer.status_code == 400
    assert answer.mimetype == "application/problem+json"
    assert "%ff" not in answer.text


@both_engines
def test_after_an_unexpected_error_the_question_is_asked_again(
    harness: CardEntryHarness, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    caller = harness.caller(language="es").key(VISA)
    question = caller.text

    def fail(*_: Any, **__: Any) -> None:
        raise KeyError("0831")

    with monkeypatch.context() as patched:
        patched.setattr("ivr.pci.dialogue.hear", fail)
        caller.key("0831")
    assert caller.words == "Lo siento, ha habido un fallo por nuestra parte."
    assert caller.wait().text == question
    shown = capsys.readouterr()
    assert "KeyError" in shown.out + shown.err
    assert "0831" not in shown.out + shown.err
    caller.key("0831").key("123")
    assert harness.collected()["outcome"] == "collected"


@both_engines
def test_errors_that_go_on_end_the_entry_and_wipe_the_card(
    harness: CardEntryHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = harness.caller().key(VISA)

    def fail(*_: Any, **__: Any) -> None:
        raise KeyError

    monkeypatch.setattr("ivr.pci.dialogue.hear", fail)
    for _ in range(3):
        caller.key("0831").wait()
    caller.key("0831")
    assert caller.words == "I am sorry, something went wrong on our side."
    assert caller.sent_to == RETURN_URL
    assert harness.collected()["outcome"] == "unavailable"


def test_without_a_database_the_caller_goes_to_the_web_process(
    harness: CardEntryHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = harness.caller()

    def gone(*_: Any, **__: Any) -> None:
        raise OSError("disk is gone")

    monkeypatch.setattr("ivr.pci.entry_store.find", gone)
    monkeypatch.setattr("ivr.pci.entry_store.newest_of_call", gone)
    answer = harness.post(caller.gather.attrib["action"], {"Digits": VISA})
    assert answer.status_code == 200
    assert "I am sorry, something went wrong" in answer.text
    assert f"{WEB_URL}/voice/fallback" in answer.text
    assert VISA not in answer.text


class LostKeys:
    """Keys that are gone, as after a reboot of the machine."""

    def __init__(self, before: DirectoryKeys) -> None:
        self._before = before

    def current(self) -> KeyGeneration:
        return self._before.current()

    def get(self, generation_id: str) -> KeyGeneration:
        raise KeyGoneError(generation_id)

    def keep(self, entry_id: str, wrapped: WrappedKey) -> None:
        self._before.keep(entry_id, wrapped)

    def fetch(self, entry_id: str) -> WrappedKey:
        return self._before.fetch(entry_id)

    def forget(self, entry_id: str) -> None:
        self._before.forget(entry_id)

    def sweep(self) -> int:
        return 0


def test_a_key_that_is_gone_makes_the_entry_unavailable(harness: CardEntryHarness) -> None:
    caller = harness.caller().key(VISA)
    lost = harness.second_process(keys=LostKeys(DirectoryKeys(harness.folder / "keys", harness.clock)))
    caller.harness = lost
    caller.key("0831")
    assert caller.words == "I am sorry, something went wrong on our side."
    assert caller.sent_to == RETURN_URL
    assert harness.collected()["outcome"] == "unavailable"


@both_engines
def test_an_entry_past_its_life_is_unavailable(harness: CardEntryHarness) -> None:
    caller = harness.caller()
    harness.clock.advance(601)
    caller.key(VISA)
    assert caller.sent_to == RETURN_URL
    assert harness.collected()["outcome"] == "unavailable"


@both_engines
def test_any_process_can_take_the_next_turn(harness: CardEntryHarness) -> None:
    other = harness.second_process()
    caller = harness.caller()
    for number, keys in enumerate((VISA[:7], VISA[7:], "0831", "123")):
        caller.harness = (harness, other)[number % 2]
        caller.key(keys)
    assert harness.gateway.cards[0].number.reveal() == VISA


@both_engines
def test_the_fallback_brings_the_caller_back_to_the_question(harness: CardEntryHarness) -> None:
    caller = harness.caller().key(VISA)
    question = caller.text
    caller.follow(f"{PCI_URL}/pci/fallback", {"Digits": "0831", "ErrorCode": "11205"})
    assert caller.text == question
    assert "0831" not in caller.text
    caller.key("0831").key("123")
    assert harness.collected()["outcome"] == "collected"


def test_a_fallback_before_the_first_question_leads_to_it(harness: CardEntryHarness) -> None:
    harness.open()
    assert f"/pci/e/{ENTRY_ID}/t/0#" in harness.post(f"{PCI_URL}/pci/fallback").text


@both_engines
def test_a_call_that_keeps_falling_back_is_led_to_the_web_process(harness: CardEntryHarness) -> None:
    caller = harness.caller()
    answers = [harness.post(f"{PCI_URL}/pci/fallback").text for _ in range(12)]
    assert caller.text == answers[0] == answers[2]
    assert RETURN_URL in answers[3]
    assert f"{WEB_URL}/voice/fallback" in answers[8]
    assert answers[-1].endswith("<Hangup/></Response>")
    assert harness.collected()["outcome"] == "unavailable"


def test_the_fallback_goes_to_web_when_no_card_entry_is_open(harness: CardEntryHarness) -> None:
    assert f"{WEB_URL}/voice/fallback" in harness.post(f"{PCI_URL}/pci/fallback").text
    harness.caller().card()
    assert RETURN_URL in harness.post(f"{PCI_URL}/pci/fallback").text
    harness.collect()
    assert f"{WEB_URL}/voice/fallback" in harness.post(f"{PCI_URL}/pci/fallback").text


def test_a_turn_after_the_end_is_sent_back(harness: CardEntryHarness) -> None:
    caller = harness.caller().key("**")
    assert caller.follow(harness.turn_url(2)).sent_to == RETURN_URL
    assert caller.follow(harness.turn_url(2)).sent_to == RETURN_URL


def test_a_waiting_caller_is_polled_each_second_and_spoken_to(
    pci_engine: sa.Engine, clock: ManualClock, tmp_path: Path
) -> None:
    held = HeldExecutor()
    harness = CardEntryHarness(pci_engine, clock, tmp_path, executor=held)
    caller = harness.caller().card()
    silent_s, longest_s = 0, 0
    for _ in range(15):
        clock.advance(1)
        caller.wait()
        silent_s = 0 if caller.words else silent_s + 1
        longest_s = max(longest_s, silent_s)
        assert caller.document.find("Pause").attrib["length"] == "1"
        assert caller.sent_to.startswith(PCI_URL)
    assert longest_s <= 6
    held.run()
    assert caller.wait().sent_to == RETURN_URL


@pytest.mark.parametrize("pci_kind", ["postgres"])
@pytest.mark.parametrize("who", ["the next turn", "web, which collects", "the hang-up"])
def test_who_comes_while_a_turn_is_taken_waits_for_its_end(harness: CardEntryHarness, who: str) -> None:
    """And sees what became of the entry, instead of what it read before."""
    caller = harness.caller()
    acts: dict[str, Callable[[], TestResponse]] = {
        "the next turn": lambda: harness.post(caller.gather.attrib["action"], {"Digits": VISA}),
        "web, which collects": harness.collect,
        "the hang-up": harness.hang_up,
    }
    with ThreadPoolExecutor(1) as pool:
        with harness.engine.begin() as tx:
            entry = entry_store.lock(tx, ENTRY_ID)
            assert entry is not None
            second = pool.submit(acts[who])
            until_a_transaction_waits(harness.engine)
            kept = "<Response><Hangup/></Response>"
            entry_store.keep_turn(tx, ENTRY_ID, entry.turn, kept, {"mistakes": 2})
        answer = second.result(30)
    if who == "the next turn":
        assert answer.text == kept
    if who == "web, which collects":
        assert answer.json["url"] == harness.turn_url(entry.turn)
    [row] = rows(harness)
    assert (row.turn, row.mistakes) == (entry.turn + 1, 2)
