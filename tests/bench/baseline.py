"""What someone would write instead in an afternoon: Flask, the twilio library, a dict in memory.

The same eight webhooks as a payment call of ours, signatures checked, nothing kept and nothing guarded. It is
the yardstick of `make bench`, so it stays as plain as it is.
"""

import os

import flask
from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import Gather, VoiceResponse

STEPS = (
    "To pay, press 1.",
    "Please enter your card number.",
    "Now its expiry.",
    "Now the three digits on the back.",
    "To pay 49 euros and 90 cents, press 1.",
    "One moment.",
    "One moment.",
)


def app() -> flask.Flask:
    """The application, as granian loads it."""
    made = flask.Flask("baseline")
    validator = RequestValidator(os.environ["TWILIO_AUTH_TOKEN"])
    calls: dict[str, list[str]] = {}

    @made.post("/voice")
    def voice() -> flask.Response:
        signature = flask.request.headers.get("X-Twilio-Signature", "")
        if not validator.validate(flask.request.url, flask.request.form, signature):
            flask.abort(403)
        heard = calls.setdefault(flask.request.form["CallSid"], [])
        heard.append(flask.request.form.get("Digits", ""))
        response = VoiceResponse()
        if len(heard) > len(STEPS):
            response.say("Thank you. Goodbye.", language="en-GB")
            response.hangup()
            del calls[flask.request.form["CallSid"]]
        else:
            gather = Gather(input="dtmf", action="/voice", method="POST", num_digits=16, timeout=8)
            gather.say(STEPS[len(heard) - 1], language="en-GB")
            response.append(gather)
            response.redirect("/voice", method="POST")
        return flask.Response(str(response), content_type="text/xml")

    @made.get("/readyz")
    def ready() -> str:
        return "ok"

    return made
