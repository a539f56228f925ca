"""The pieces of a turn against the library's own, in one process: how many times faster ours are."""

import timeit
from collections.abc import Callable

from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import Gather, VoiceResponse

from gateways.secret import Secret
from ivr.carriers.twilio import signature, twiml

URL = "https://pay.example.org/voice/call_1/t/3"
FORM = {f"Field{number}": f"value {number}" for number in range(28)}
LISTS = {name: [value] for name, value in FORM.items()}
TOKEN = "12345"
ROUNDS = 2000


def _theirs_signature() -> object:
    return RequestValidator(TOKEN).compute_signature(URL, FORM)


def _ours_signature() -> object:
    return signature.compute(Secret(TOKEN), URL, LISTS)


def _theirs_twiml() -> object:
    response = VoiceResponse()
    gather = Gather(
        input="dtmf", action="/t/4", method="POST", num_digits=1, timeout=6, action_on_empty_result=True
    )
    gather.say("To pay, press 1.", voice="Polly.Amy", language="en-GB")
    response.append(gather)
    return str(response)


def _ours_twiml() -> object:
    said = twiml.say("To pay, press 1.", twiml.Voice("en-GB", "Polly.Amy"))
    return twiml.document([twiml.gather(said, action="/t/4", num_digits=1, timeout_s=6)])


def _best_us(run: Callable[[], object]) -> float:
    return min(timeit.repeat(run, number=ROUNDS, repeat=5)) / ROUNDS * 1e6


def measure() -> list[tuple[str, float, float]]:
    """Name, the library's microseconds, ours."""
    if _theirs_signature() != _ours_signature():
        raise AssertionError("the two signatures differ: nothing was compared")
    return [
        ("signature of 28 fields", _best_us(_theirs_signature), _best_us(_ours_signature)),
        ("one Gather as TwiML", _best_us(_theirs_twiml), _best_us(_ours_twiml)),
    ]
