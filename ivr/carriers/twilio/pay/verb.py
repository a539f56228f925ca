"""The carrier's `<Pay>` with our own words in it: a pure function from a language to the verb.

Which of several fitting Prompts a carrier takes is not documented, so for each step, kind of card, attempt
and error exactly one of ours fits. A token is wanted and nothing is charged: `chargeAmount` stays away.
Source: twilio.com/docs/voice/twiml/pay and .../pay/prompt.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from flows.language import Prompts, Recorded, Recordings, Say, SpokenWords, speak
from ivr.carriers.twilio import twiml
from ivr.carriers.twilio.twiml import Voice
from ivr.platform.settings.pay_verb import PaySettings

FOLDER = Path(__file__).parent
POSTAL_CODE_DIGITS_MIN = 2
"""What a keypad can say of codes with letters in them: their digits."""

FOUR_DIGITS = "amex"
_FIRST, _LATER = "1 2", "3 4 5 6 7 8 9 10"
"""Attempts: the first mistake tells the keys that help, be it the tries or the mistakes that are counted."""
_HINTS = ("pay.star", "pay.hang_up")
_SIZE = "invalid-card-number"
"""Said of the wrong number of digits in any field, not only in the number's."""
_NUMBER = {"silent": "timeout", "wrong": _SIZE, "card_type": "invalid-card-type", "trouble": "internal-error"}
_EXPIRY = {"silent": "timeout", "wrong": f"invalid-date {_SIZE}", "trouble": "internal-error"}
_CODE = {"silent": "timeout", "wrong": f"invalid-security-code {_SIZE}", "trouble": "internal-error"}
_POSTAL_CODE = {"silent": "timeout", "wrong": f"invalid-postal-code {_SIZE}", "trouble": "internal-error"}
"""Our prompt -> the errors after which it is said. input-matching-failed is of bank accounts alone."""


def pay_prompts(languages: Sequence[str]) -> Prompts:
    return Prompts.load(FOLDER, languages)


@dataclass(frozen=True, slots=True)
class PayVerb:
    """Knows the prompts, the recordings and the voices; holds no state of a call."""

    options: PaySettings
    prompts: Prompts
    voices: Mapping[str, Voice]
    recordings: Recordings | None
    postal_code: bool
    """Whether the caller keys it, too."""

    def slowed(self) -> "PayVerb":
        """The same, spoken slowly."""
        voices = {language: replace(voice, slow=True) for language, voice in self.voices.items()}
        return replace(self, voices=voices)

    def render(self, language: str, *, action: str, status_callback: str) -> str:
        """The verb; its answer goes to `action`, its progress to `status_callback`."""
        options = self.options
        attributes: dict[str, str | int] = {
            "input": "dtmf",
            "timeout": options.timeout_s,
            "maxAttempts": options.max_attempts,
            "securityCode": "true",
            "postalCode": "true" if self.postal_code else "false",
            "paymentConnector": options.connector,
            "paymentMethod": "credit-card",
            "tokenType": "payment-method",
            "validCardTypes": " ".join(options.card_types),
            "language": options.language[language],
        }
        if self.postal_code:
            attributes["minPostalCodeLength"] = POSTAL_CODE_DIGITS_MIN
        prompts = "".join(self._every_prompt(language))
        return twiml.pay(prompts, action=action, status_callback=status_callback, **attributes)

    def _every_prompt(self, language: str) -> Iterator[str]:
        three = " ".join(each for each in self.options.card_types if each != FOUR_DIGITS)
        yield from self._step(language, "payment-card-number", "number", _NUMBER)
        yield from self._step(language, "expiration-date", "expiry", _EXPIRY)
        if three:
            yield from self._step(language, "security-code", "code", _CODE, three)
        if FOUR_DIGITS in self.options.card_types:
            yield from self._step(language, "security-code", "code_four", _CODE, FOUR_DIGITS)
        if self.postal_code:
            yield from self._step(language, "postal-code", "postal_code", _POSTAL_CODE)
        yield twiml.prompt(self._say("pay.processing", language=language), step="payment-processing")

    def _step(
        self, language: str, step: str, prompts: str, errors: Mapping[str, str], cards: str | None = None
    ) -> Iterator[str]:
        yield twiml.prompt(self._say(f"pay.{prompts}.ask", language=language), step=step, card_type=cards)
        for key, error in errors.items():
            for attempt, hints in ((_FIRST, _HINTS), (_LATER, ())):
                said = self._say(f"pay.{prompts}.{key}", *hints, language=language)
                yield twiml.prompt(said, step=step, card_type=cards, attempt=attempt, error_type=error)

    def _say(self, *keys: str, language: str) -> str:
        """One Say as long as nothing is recorded: that a Prompt may hold several is not documented."""
        parts = [part for key in keys for part in speak(Say(key), language, self.prompts, self.recordings)]
        texts = [part.text for part in parts if isinstance(part, SpokenWords)]
        if len(texts) == len(parts):
            return twiml.say(" ".join(texts), self.voices[language])
        return "".join(
            twiml.play(part.url)
            if isinstance(part, Recorded)
            else twiml.say(part.text, self.voices[language])
            for part in parts
        )
