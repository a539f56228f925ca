"""Everything the dialogue can say is there, in both languages, short, and each mistake sounds different."""

import re

import pytest

from flows.language import Prompts, Recordings
from ivr.carriers.twilio.twiml import Voice
from ivr.pci.dialogue import HINTS, SILENT
from ivr.pci.field_checks import Field, Mistake
from ivr.pci.speech import FOLDER, Speech
from tests.support.card_entry import CardEntryHarness

LANGUAGES = ("en", "es")
WORDS_MAX = 20
COMMON = ("ask", "go_on", "cleared", "cleared_go_on", SILENT, Mistake.TOO_SHORT, Mistake.TOO_LONG)
SPECIAL = {
    "number": (Mistake.UNKNOWN_BRAND, Mistake.CHECK_FAILED),
    "expiry": (Mistake.BAD_MONTH, Mistake.PAST, Mistake.TOO_FAR),
}
FIELDS = (*Field, "code_four")
KEYS = {f"{field}.{kind}" for field in FIELDS for kind in (*COMMON, *SPECIAL.get(str(field), ()))}
KEYS |= {"trouble", "wait.moment", "wait.still", *HINTS}
KEYS |= {"back.moment", "back.still", "back.person", "back.goodbye"}


@pytest.fixture(scope="module")
def prompts() -> Prompts:
    return Prompts.load(FOLDER, LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_prompt_is_there_and_none_is_spare(prompts: Prompts, language: str) -> None:
    assert prompts.keys(language) == KEYS


@pytest.mark.parametrize("language", LANGUAGES)
def test_prompts_are_short_and_hold_no_value(prompts: Prompts, language: str) -> None:
    for key in KEYS:
        template = prompts.find(language, key).template
        assert len(template.split()) <= WORDS_MAX, key
        assert not re.search(r"[0-9{}<>]", template), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_within_a_field_each_kind_sounds_different(prompts: Prompts, language: str) -> None:
    for field in FIELDS:
        said = [prompts.find(language, key).template for key in KEYS if key.startswith(f"{field}.")]
        assert len(set(said)) == len(said)


def test_the_card_of_a_caller_who_does_not_err_takes_few_words(prompts: Prompts) -> None:
    """At 150 words a minute: under fifteen seconds of speech, also in the longer language."""
    asked = ("number.ask", "expiry.ask", "code.ask", "wait.moment")
    for language in LANGUAGES:
        words = sum(len(prompts.find(language, key).template.split()) for key in asked)
        assert words / 150 * 60 < 15


def test_a_voice_and_a_recording_are_heard(harness: CardEntryHarness) -> None:
    speech = Speech(
        {"en": Voice("en-GB", "Polly.Amy")},
        Recordings({"es": {"number.ask": ("https://example.com/numero.mp3",)}}),
    )
    assert speech.say("number.ask", "en").startswith('<Say voice="Polly.Amy" language="en-GB">')
    assert speech.say("number.ask", "es") == "<Play>https://example.com/numero.mp3</Play>"
    assert speech.say("expiry.ask", "es").startswith('<Say language="es">')
