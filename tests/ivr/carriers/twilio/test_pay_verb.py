"""The carrier's `<Pay>` as we write it: as the twilio library would, in our words, one for each case."""

import itertools
import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from twilio.twiml.voice_response import VoiceResponse

from flows.language import Prompts, Recordings
from ivr.carriers.twilio import twiml
from ivr.carriers.twilio.pay.verb import FOLDER, PayVerb, pay_prompts
from ivr.carriers.twilio.twiml import Voice
from ivr.platform.settings.pay_verb import PaySettings
from ivr.simulators.phone.pay_verb import ERRORS, PayStep, SimulatedPay
from ivr.simulators.phone.schema import validate
from ivr.simulators.phone.verbs import parse

LANGUAGES = ("en", "es")
WORDS_MAX = 22
STEPS = {
    "number": (PayStep.NUMBER, None),
    "expiry": (PayStep.EXPIRY, None),
    "code": (PayStep.CODE, "visa mastercard"),
    "code_four": (PayStep.CODE, "amex"),
    "postal_code": (PayStep.POSTAL_CODE, None),
}
ERROR_OF = {
    "number": {
        "silent": "timeout",
        "wrong": "invalid-card-number",
        "card_type": "invalid-card-type",
        "trouble": "internal-error",
    },
    "expiry": {
        "silent": "timeout",
        "wrong": "invalid-date invalid-card-number",
        "trouble": "internal-error",
    },
    "code": {
        "silent": "timeout",
        "wrong": "invalid-security-code invalid-card-number",
        "trouble": "internal-error",
    },
    "postal_code": {
        "silent": "timeout",
        "wrong": "invalid-postal-code invalid-card-number",
        "trouble": "internal-error",
    },
}
ERROR_OF["code_four"] = ERROR_OF["code"]
VOICES = {"en": Voice("en-GB", "Polly.Amy"), "es": Voice("es-ES")}


def options(**changed: Any) -> PaySettings:
    return PaySettings(
        **{
            "connector": "Stripe_1",
            "language": {"en": "en-GB", "es": "es-MX"},
            "card_types": ("visa", "mastercard", "amex"),
            "timeout_s": 8,
            "max_attempts": 2,
            **changed,
        }
    )


def verb(recordings: Recordings | None = None, *, postal_code: bool = True, **changed: Any) -> PayVerb:
    return PayVerb(options(**changed), pay_prompts(LANGUAGES), VOICES, recordings, postal_code)


def rendered(language: str, **changed: Any) -> str:
    return verb(**changed).render(language, action="/voice/c/t/2?a=1&b=2", status_callback="/voice/c/pay/1")


@pytest.fixture(scope="module")
def prompts() -> Prompts:
    return Prompts.load(FOLDER, LANGUAGES)


def _canonical(document: str) -> str:
    text: str = ET.canonicalize(document)
    return text


def _theirs(language: str, prompts: Prompts, *, postal_code: bool) -> str:
    """The same verb, built by the twilio library."""
    response = VoiceResponse()
    attributes: dict[str, Any] = {"min_postal_code_length": 2} if postal_code else {}
    pay = response.pay(
        input="dtmf",
        action="/voice/c/t/2?a=1&b=2#rc=5&rp=ct,rt,5xx",
        status_callback="/voice/c/pay/1#rc=5&rp=ct,rt,5xx",
        timeout=8,
        max_attempts=2,
        security_code=True,
        postal_code=postal_code,
        payment_connector="Stripe_1",
        payment_method="credit-card",
        token_type="payment-method",
        valid_card_types="visa mastercard amex",
        language={"en": "en-GB", "es": "es-MX"}[language],
        **attributes,
    )

    def say(*keys: str, **where: Any) -> None:
        text = " ".join(prompts.find(language, f"pay.{key}").template for key in keys)
        voice = VOICES[language]
        named = {"voice": voice.name} if voice.name else {}
        pay.prompt(**where).say(text, language=voice.language, **named)

    for name, (step, cards) in STEPS.items():
        if name == "postal_code" and not postal_code:
            continue
        where: dict[str, Any] = {"for_": str(step), **({"card_type": cards} if cards else {})}
        say(f"{name}.ask", **where)
        for key, error in ERROR_OF[name].items():
            say(f"{name}.{key}", "star", "hang_up", **where, attempt="1 2", error_type=error)
            say(f"{name}.{key}", **where, attempt="3 4 5 6 7 8 9 10", error_type=error)
    say("processing", for_="payment-processing")
    return str(response)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("postal_code", [True, False])
def test_it_is_what_the_twilio_library_would_have_written(
    language: str, postal_code: bool, prompts: Prompts
) -> None:
    ours = twiml.document([rendered(language, postal_code=postal_code)])
    assert _canonical(ours) == _canonical(_theirs(language, prompts, postal_code=postal_code))
    assert validate(ours) == []
    assert len(ours) < twiml.DOCUMENT_BYTES_MAX / 4


def test_nothing_is_charged_by_the_carrier() -> None:
    """A token, and a PaymentMethod at that; an amount would make a charge of it, behind our books."""
    pay = ET.fromstring(rendered("en"))  # noqa: S314 - our own
    assert "chargeAmount" not in pay.attrib
    assert pay.attrib["tokenType"] == "payment-method"
    assert "currency" not in pay.attrib


def test_what_the_merchant_sets_is_escaped() -> None:
    shown = rendered("en", connector='"><Hangup/>')
    assert validate(twiml.document([shown])) == []
    assert "<Hangup/>" not in shown


@pytest.mark.parametrize(
    "types", [("visa",), ("amex",), ("visa", "amex"), ("visa", "maestro", "diners-club", "jcb")]
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_exactly_one_prompt_fits_whatever_happens(types: tuple[str, ...], language: str) -> None:
    """Which of two a carrier would say is not documented, and of none it speaks its own English."""
    [pay] = parse(twiml.document([rendered(language, card_types=types)]))
    assert isinstance(pay, SimulatedPay)
    for step, kind, attempt, error in itertools.product(
        (PayStep.NUMBER, PayStep.EXPIRY, PayStep.CODE, PayStep.POSTAL_CODE),
        types,
        range(1, 11),
        (None, *ERRORS),
    ):
        known = None if step is PayStep.NUMBER else kind
        fitting = [each for each in pay.prompts if each.fits(step, known, attempt, error)]
        of_errors = [each for each in fitting if each.errors]
        assert len(fitting) - len(of_errors) == 1, (step, kind, attempt, error)
        assert len(of_errors) <= 1, (step, kind, attempt, error)
    assert len([each for each in pay.prompts if each.step == PayStep.PROCESSING]) == 1


MISTAKES = {
    PayStep.NUMBER: {"timeout", "invalid-card-number", "invalid-card-type", "internal-error"},
    PayStep.EXPIRY: {"timeout", "invalid-card-number", "invalid-date", "internal-error"},
    PayStep.CODE: {"timeout", "invalid-card-number", "invalid-security-code", "internal-error"},
    PayStep.POSTAL_CODE: {"timeout", "invalid-card-number", "invalid-postal-code", "internal-error"},
}
"""What can happen at each step. input-matching-failed is of bank accounts."""


@pytest.mark.parametrize("step", MISTAKES)
def test_every_mistake_has_words_of_its_own(step: PayStep) -> None:
    [pay] = parse(twiml.document([rendered("es")]))
    assert isinstance(pay, SimulatedPay)
    assert {error for each in pay.prompts if each.step == step for error in each.errors} == MISTAKES[step]


# The words --------------------------------------------------------------------------------------------------

KEYS = {f"pay.{name}.{key}" for name in STEPS for key in ("ask", *ERROR_OF[name])}
KEYS |= {"pay.star", "pay.hang_up", "pay.processing"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_prompt_is_there_and_none_is_spare(prompts: Prompts, language: str) -> None:
    assert prompts.keys(language) == KEYS


@pytest.mark.parametrize("language", LANGUAGES)
def test_prompts_are_short_hold_no_value_and_differ(prompts: Prompts, language: str) -> None:
    for key in KEYS:
        template = prompts.find(language, key).template
        assert len(template.split()) <= WORDS_MAX, key
        assert not re.search(r"[0-9{}<>]", template), key
    for name in STEPS:
        said = [prompts.find(language, key).template for key in KEYS if key.startswith(f"pay.{name}.")]
        assert len(set(said)) == len(said)


def test_a_recording_is_played_in_its_place() -> None:
    recordings = Recordings({"en": {"pay.number.ask": ("https://cdn.example/n.mp3?a=1&b=2",)}})
    shown = verb(recordings).render("en", action="/a", status_callback="/s")
    assert (
        '<Prompt for="payment-card-number"><Play>https://cdn.example/n.mp3?a=1&amp;b=2</Play></Prompt>'
        in shown
    )
    later = Recordings({"en": {"pay.star": ("https://cdn.example/star.mp3",)}})
    shown = verb(later).render("en", action="/a", status_callback="/s")
    assert "</Say><Play>https://cdn.example/star.mp3</Play><Say" in shown
    assert validate(twiml.document([shown])) == []
