"""The carrier's webhooks of a call: `/voice/incoming`, `/voice/<call>/t/<n>`, `/voice/<call>/pay/<n>`,
`/voice/status`, `/voice/fallback`.

Every request is verified before anything else (403, 400). A verified one is never answered by an error: what
goes wrong is logged with the call's id, said kindly, and a person is offered.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import flask
import structlog

from flows.language import UnknownStepError
from gateways.secret import Secret
from ivr.calls.greeting import Greeting
from ivr.calls.hang_up import CallEnder
from ivr.calls.pay_progress import PayProgress
from ivr.calls.remote_calls import RemoteCalls
from ivr.calls.response import HangUp, SendTo
from ivr.calls.turn import CallInput
from ivr.calls.turns import ForeignCallError, Turns, UnknownCallError
from ivr.carriers.twilio import twiml
from ivr.carriers.twilio.pay import result as pay_form
from ivr.carriers.twilio.rendering import NAMED, TwimlRenderer
from ivr.carriers.twilio.signature import verify
from ivr.web.carrier_webhooks.carried_keys import CarriedKeys, after_apology
from ivr.web.carrier_webhooks.failed_turn import TROUBLES_MAX, UNKNOWN, FailedTurn

log = structlog.get_logger()
KEYS = "keys"
"""The sealed keys, in the query of the address after an apology."""
DEPLOY_WAITS_MAX = 20
DEPLOY_WORD_EVERY = 8
"""A second each: nobody listens longer to nothing."""
_CALL_SID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""As the database and the PCI process take it; the carrier's are CA and 32 digits."""
ENDED = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})


@dataclass(frozen=True, slots=True)
class CarrierAccount:
    """What a webhook is checked against."""

    public_url: str
    tokens: Sequence[Secret]
    account_sid: str


def answer(document: str) -> flask.Response:
    return flask.Response(document, content_type="text/xml; charset=utf-8")


@dataclass(frozen=True, slots=True)
class VoiceWebhooks:
    """The webhooks as a Flask blueprint."""

    carrier: CarrierAccount
    turns: Turns
    greeting: Greeting
    ender: CallEnder
    remote: RemoteCalls
    renderer: TwimlRenderer
    failed_turn: FailedTurn
    pay_progress: PayProgress
    carried_keys: CarriedKeys

    def blueprint(self) -> flask.Blueprint:
        routes = flask.Blueprint("voice", __name__)
        routes.post("/voice/incoming")(self.incoming)
        routes.post("/voice/status")(self.status)
        routes.post("/voice/fallback")(self.fallback)
        routes.post("/voice/<id:call_id>/t/<turn:number>")(self.turn)
        routes.post("/voice/<id:call_id>/pay/<turn:number>")(self.pay)
        routes.post("/voice/<id:call_id>/trouble/<turn:number>/<turn:times>")(self.trouble)
        routes.post("/voice/<id:call_id>/person")(self.person)
        return routes

    # The webhooks -----------------------------------------------------------------------------------------

    def incoming(self) -> flask.Response:
        form = self._verified()
        times = 1 + _whole(flask.request.args.get("troubles"))
        return self._spoken(lambda: self._begin(form), form["CallSid"], 0, times)

    def turn(self, call_id: str, number: int) -> flask.Response:
        form = self._verified()
        structlog.contextvars.bind_contextvars(call_id=call_id, turn=number)
        if form.get("Result") == pay_form.HUNG_UP:
            return self._hung_up(form["CallSid"], "completed")
        behind = pay_form.BEHIND_THE_VERB in flask.request.query_string.decode("latin-1").split("&")
        card = pay_form.card_of(form.get, behind_the_verb=behind)
        troubles = _whole(flask.request.args.get("troubles"))
        is_retry = bool(troubles or flask.request.args.get("waits"))
        digits = self._keys_before(call_id, number) if is_retry else form.get("Digits")
        given = CallInput(
            digits=digits,
            hashed="#" in {form.get("FinishedOnKey"), digits},
            named=flask.request.args.get(NAMED),
            dialled=form.get("DialCallStatus"),
            card=card,
            is_retry=is_retry,
        )
        return self._spoken(
            lambda: self.turns.take(call_id, number, form["CallSid"], given),
            call_id,
            number,
            troubles + 1,
            keys=digits,
        )

    def pay(self, call_id: str, number: int) -> flask.Response:
        """The carrier's word on how far the card is that it takes in this turn. Nobody hears the answer."""
        form = self._verified()
        structlog.contextvars.bind_contextvars(call_id=call_id, turn=number)
        progress = pay_form.progress_of(form.get)
        if progress is not None:
            self.pay_progress.note(call_id, number, form["CallSid"], progress)
        return flask.Response(status=204)

    def trouble(self, call_id: str, number: int, times: int) -> flask.Response:
        """After an apology."""
        form = self._verified()
        _name_call(call_id)
        pressed = form.get("Digits")
        if self.failed_turn.rings(pressed):
            return answer(self.failed_turn.person(call_id))
        keys = after_apology(self._keys_before(call_id, number), pressed)
        return answer(self.failed_turn.retry(call_id, number, times, self._query(call_id, number, keys)))

    def person(self, call_id: str) -> flask.Response:
        """After a person was rung because of a trouble."""
        form = self._verified()
        _name_call(call_id)
        return answer(self.failed_turn.person_left(call_id, form.get("DialCallStatus")))

    def status(self) -> flask.Response:
        """The carrier's word on how a call stands."""
        form = self._verified()
        call_sid = form["CallSid"]
        if form.get("CallStatus") in ENDED:
            self._end(call_sid, form.get("CallStatus") or "")
        return flask.Response(status=204)

    def fallback(self) -> flask.Response:
        """The carrier could not use our last answer, or got none. Whatever keys it repeats are not read."""
        form = self._verified()
        _name_call(self.turns.call_id_of(form["CallSid"]))
        log.error("carrier_fallback", error_code=form.get("ErrorCode"))
        if form.get("CallStatus") in ENDED:
            return answer(twiml.document([twiml.hangup()]))
        times = 1 + _whole(flask.request.args.get("troubles"))
        return self._spoken(lambda: self._rejoin(form), UNKNOWN, 0, times)

    # Behind them ------------------------------------------------------------------------------------------

    def _end(self, call_sid: str, reason: str) -> None:
        if self.ender.end_by_sid(call_sid, reason):
            log.info("call_ended", reason=reason)
        self.remote.say_goodbye(call_sid)

    def _hung_up(self, call_sid: str, reason: str) -> flask.Response:
        """The caller put the phone down while the carrier took a card: the end, as the status tells it."""
        self._end(call_sid, reason)
        return answer(twiml.document([twiml.hangup()]))

    def _begin(self, form: Mapping[str, str]) -> str:
        call = self.greeting.call(
            call_sid=form["CallSid"],
            account_sid=self.carrier.account_sid,
            from_field=form.get("From") or "",
            to_field=form.get("To") or "",
            verstat=form.get("StirVerstat"),
        )
        structlog.contextvars.bind_contextvars(call_id=call.row.id)
        return self.turns.begin(call)

    def _rejoin(self, form: Mapping[str, str]) -> str:
        try:
            rejoined = self.turns.rejoin(form["CallSid"], TROUBLES_MAX)
        except UnknownCallError:  # the very first webhook was lost: the caller has heard nothing yet
            return self._begin(form)
        if rejoined is None:
            return self.failed_turn.goodbye(UNKNOWN)
        if rejoined.url is None:
            verbs = self.renderer.server_prompt("host.goodbye", rejoined.language)
            return self.renderer.document(verbs, HangUp(), next_url="")
        verbs = self.renderer.server_prompt("host.rejoin", rejoined.language)
        return self.renderer.document(verbs, SendTo(rejoined.url), next_url=rejoined.url)

    def _keys_before(self, call_id: str, number: int) -> str | None:
        """What the caller had pressed when this turn failed."""
        return self.carried_keys.open(call_id, number, flask.request.args.get(KEYS, ""))

    def _query(self, call_id: str, number: int, keys: str | None) -> str:
        """What the retry of this turn needs: the keys, and what was named to the caller before them."""
        named, sealed = flask.request.args.get(NAMED), self.carried_keys.seal(call_id, number, keys or "")
        known = {} if named is None else {NAMED: named}  # an empty one proves that none was named yet
        return urlencode(known | ({KEYS: sealed} if sealed else {}))

    def _spoken(
        self, take: Callable[[], str], call_id: str, number: int, times: int, *, keys: str | None = None
    ) -> flask.Response:
        """The answer to a verified webhook, whatever happens."""
        try:
            return answer(take())
        except UnknownStepError:
            return self._deploying(call_id, number, self._query(call_id, number, keys))
        except ForeignCallError:
            flask.abort(403, "The address belongs to another call.")
        except UnknownCallError:
            log.warning("unknown_call")
            return answer(self.failed_turn.goodbye(call_id))
        except Exception:
            log.exception("turn_failed")
            query = self._query(call_id, number, keys)
            return answer(self.failed_turn.apology(call_id, number, times, query))

    def _deploying(self, call_id: str, number: int, query: str) -> flask.Response:
        """A deploy is rolling and this process is behind: come back in a second, to another one perhaps."""
        waits = 1 + _whole(flask.request.args.get("waits"))
        if waits > DEPLOY_WAITS_MAX:
            log.error("step_unknown_for_too_long")
            return answer(self.failed_turn.apology(call_id, number, TROUBLES_MAX + 1))
        word = self.failed_turn.one_moment(call_id) if waits % DEPLOY_WORD_EVERY == 0 else []
        url = f"{self.failed_turn.again(call_id, number)}?waits={waits}" + (f"&{query}" if query else "")
        return answer(twiml.document([*word, twiml.pause(1), twiml.redirect(url)]))

    def _verified(self) -> dict[str, str]:
        """The fields of the carrier's webhook, each by its first value; 403 or 400 where it is another's."""
        fields = verify(
            flask.request,
            public_url=self.carrier.public_url,
            tokens=self.carrier.tokens,
            account_sid=self.carrier.account_sid,
        )
        form = {name: values[0] for name, values in fields.items()}
        if not _CALL_SID.fullmatch(form.get("CallSid", "")):
            flask.abort(400, "The webhook has no CallSid.")
        structlog.contextvars.bind_contextvars(call_sid=form["CallSid"])
        return form


def _name_call(call_id: str | None) -> None:
    """In each log line of this request."""
    if call_id not in {None, UNKNOWN}:
        structlog.contextvars.bind_contextvars(call_id=call_id)


def _whole(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 3 else 0  # noqa: PLR2004
