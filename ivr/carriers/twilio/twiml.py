"""TwiML verbs as strings: what the carrier is told to say and do.

Every text and attribute is escaped here and nowhere else. Tests check each document that leaves against a
schema derived from the twilio library's own classes; building strings costs a thirtieth of `VoiceResponse`.
Source: twilio.com/docs/voice/twiml.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from ivr.carriers.twilio.signature import with_retry_overrides

DOCUMENT_BYTES_MAX = 64_000
"""Twilio refuses a longer document (error 11750)."""
PERSON_TIMEOUT_S = 25
"""How long a person's telephone rings."""
NOBODY_CAME = frozenset({"busy", "failed", "no-answer", "canceled"})
"""What DialCallStatus says where nobody answered."""

_UNSAYABLE = re.compile("[^\\t\\n\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")


_WITHOUT_SSML = ("Generative", "Chirp")
SLOW_RATE = "80%"


@dataclass(frozen=True, slots=True)
class Voice:
    """How a language sounds: `language` is a BCP 47 tag such as es-ES, `name` a voice of the carrier."""

    language: str
    name: str | None = None
    slow: bool = False

    @property
    def can_be_slowed(self) -> bool:
        """Whether the carrier slows it. Its own old voices and the generative ones take no SSML.
        Source: twilio.com/docs/voice/twiml/say/text-speech.
        """
        name = self.name or ""
        return name.startswith(("Polly.", "Google.")) and not any(kind in name for kind in _WITHOUT_SSML)


def _verb(name: str, attributes: dict[str, str | int | None], content: str = "") -> str:
    shown = "".join(
        f" {key}={quoteattr(_clean(str(value)))}" for key, value in attributes.items() if value is not None
    )
    return f"<{name}{shown}>{content}</{name}>" if content else f"<{name}{shown}/>"


def _clean(text: str) -> str:
    """Without what XML 1.0 cannot hold: control characters, half of a surrogate pair, U+FFFE, U+FFFF."""
    return _UNSAYABLE.sub("", text)


def _text(text: str) -> str:
    return escape(_clean(text))


def say(text: str, voice: Voice) -> str:
    words = _text(text)
    if voice.slow and voice.can_be_slowed:
        words = _verb("prosody", {"rate": SLOW_RATE}, words)
    return _verb("Say", {"voice": voice.name, "language": voice.language}, words)


def play(url: str) -> str:
    return _verb("Play", {}, _text(url))


def pause(length_s: int) -> str:
    return _verb("Pause", {"length": length_s})


def gather(
    content: str,
    *,
    action: str,
    num_digits: int,
    timeout_s: int,
    finish_on_key: str = "#",
    when_empty: bool = True,
) -> str:
    """Keys of the caller, posted to `action`. Silence is posted too, so no Gather falls into it, unless not
    `when_empty`: then the verbs after it follow.
    """
    attributes: dict[str, str | int | None] = {
        "input": "dtmf",
        "action": with_retry_overrides(action),
        "method": "POST",
        "numDigits": num_digits,
        "timeout": timeout_s,
        "finishOnKey": finish_on_key,
        "actionOnEmptyResult": "true" if when_empty else None,
    }
    return _verb("Gather", attributes, content)


def redirect(url: str) -> str:
    return _verb("Redirect", {"method": "POST"}, _text(with_retry_overrides(url)))


def dial(number: str, *, action: str, timeout_s: int, caller_id: str | None = None) -> str:
    attributes: dict[str, str | int | None] = {
        "action": with_retry_overrides(action),
        "method": "POST",
        "timeout": timeout_s,
        "callerId": caller_id,
    }
    return _verb("Dial", attributes, _verb("Number", {}, _text(number)))


def pay(content: str, *, action: str, status_callback: str, **attributes: str | int) -> str:
    """A card keyed into the carrier's own machine; what it answers is posted to `action`, and how far the
    caller is to `status_callback`.
    """
    urls = {"action": with_retry_overrides(action), "statusCallback": with_retry_overrides(status_callback)}
    return _verb("Pay", {**urls, **attributes}, content)


def prompt(
    content: str,
    *,
    step: str,
    card_type: str | None = None,
    attempt: str | None = None,
    error_type: str | None = None,
) -> str:
    """What a Pay says at one step; None where it says so at any card, attempt or error."""
    attributes: dict[str, str | int | None] = {
        "for": step,
        "cardType": card_type,
        "attempt": attempt,
        "errorType": error_type,
    }
    return _verb("Prompt", attributes, content)


def hangup() -> str:
    return "<Hangup/>"


def document(verbs: Iterable[str]) -> str:
    """The whole answer. Raises ValueError past the carrier's 64 kB: a prompt that long is a fault of ours."""
    text = '<?xml version="1.0" encoding="UTF-8"?><Response>' + "".join(verbs) + "</Response>"
    if len(text.encode()) > DOCUMENT_BYTES_MAX:
        raise ValueError("the TwiML document is past 64 kB")
    return text
