"""The carrier's fallback while the web process is away: words, a pause, and an end; no loop in silence."""

import re
from collections.abc import Callable

import pytest

from ivr.pci.fallback import ROUNDS_MAX, ReturnToWeb
from tests.support.card_entry import PCI_URL, WEB_URL, CardEntryHarness
from tests.support.time_and_ids import ManualClock

PERSON = "+34910000099"
FALLBACK = f"{PCI_URL}/pci/fallback"
TO_WEB = f'<Redirect method="POST">{WEB_URL}/voice/fallback#'


def said(answer: str) -> list[str]:
    return re.findall("<Say[^>]*>(.*?)</Say>", answer)


def nothing(_harness: CardEntryHarness) -> None:
    """No card entry was opened: the call is between two questions of the web process."""


def finished(harness: CardEntryHarness) -> None:
    """The card is keyed, and the web process does not fetch its result."""
    harness.caller().card()


def collected(harness: CardEntryHarness) -> None:
    harness.caller().card()
    harness.collect()


def without_a_database(harness: CardEntryHarness) -> None:
    harness.engine.dispose()
    object.__setattr__(harness.pci_parts.conversation, "engine", None)


@pytest.mark.parametrize("before", [nothing, finished, collected, without_a_database])
def test_a_call_whose_web_process_stays_away_hears_so_and_ends(
    harness: CardEntryHarness, before: Callable[[CardEntryHarness], None]
) -> None:
    before(harness)
    answers = [harness.post(FALLBACK).text for _ in range(ROUNDS_MAX + 1)]
    for nth, answer in enumerate(answers[:-1]):
        assert said(answer), answer
        assert answer.count("<Redirect") == 1
        assert ("<Pause" in answer) is (nth > 0)
    assert "Please call again later. Goodbye." in answers[-1]
    assert answers[-1].endswith("<Hangup/></Response>")
    assert "<Redirect" not in answers[-1]


def return_to_web(harness: CardEntryHarness, clock: ManualClock, person_number: str) -> ReturnToWeb:
    return ReturnToWeb(
        speech=harness.pci_parts.speech,
        clock=clock,
        base_url=PCI_URL,
        web_url=WEB_URL,
        person_number=person_number,
    )


def test_a_person_is_rung_where_there_is_one(harness: CardEntryHarness, clock: ManualClock) -> None:
    back = return_to_web(harness, clock, PERSON)
    last = [back.document("CA1", "es") for _ in range(ROUNDS_MAX + 1)][-1]
    assert said(last) == ["Le paso con una persona."]
    assert PERSON in last
    assert f'action="{FALLBACK}#' in last


@pytest.mark.parametrize(("dialled", "goodbye"), [("completed", False), ("busy", True), ("no-answer", True)])
def test_behind_the_person_the_call_ends(harness: CardEntryHarness, dialled: str, goodbye: bool) -> None:
    answer = harness.post(FALLBACK, {"DialCallStatus": dialled}).text
    assert ("Goodbye" in answer) is goodbye
    assert answer.endswith("<Hangup/></Response>")


def test_each_call_has_its_own_count_and_an_outage_is_forgotten(
    harness: CardEntryHarness, clock: ManualClock
) -> None:
    back = return_to_web(harness, clock, "")
    first = back.document("CA1", "en")
    assert said(first) == ["One moment, please."]
    assert TO_WEB in first
    assert back.document("CA2", "en") == first
    assert back.document("CA1", "en") != first
    clock.advance(121)
    assert back.document("CA1", "en") == first
