"""A Flask app of a few pages, each one TwiML document: the phone's engine against the carrier's rules.

Every request's signature is checked by the twilio library itself, so that the engine's own signing is not
its only judge.
"""

from collections.abc import Callable

import flask
from twilio.request_validator import RequestValidator

from tests.support.phone import AUTH_TOKEN, WEB, WsgiTransport

Page = str | Callable[[dict[str, str]], str | flask.Response]


class TinyServer:
    """`pages` maps a path to the verbs inside its Response, or to a function of the form that gives them."""

    def __init__(self, pages: dict[str, Page], base: str = WEB) -> None:
        self.pages = pages
        self.app = flask.Flask("tiny")
        self.app.add_url_rule("/<path:path>", view_func=self._answer, methods=["POST"])
        self.transport = WsgiTransport({base: self.app})
        self._base = base

    def _answer(self, path: str) -> flask.Response:
        query = flask.request.query_string.decode()
        url = f"{self._base}/{path}" + (f"?{query}" if query else "")
        signature = flask.request.headers.get("X-Twilio-Signature", "")
        if not RequestValidator(AUTH_TOKEN.reveal()).validate(url, flask.request.form, signature):
            return flask.Response("not signed by the carrier", 403)
        page = self.pages.get(f"/{path}")
        if page is None:
            return flask.Response("", 404 if path != "voice/status" else 204)
        answer = page(flask.request.form.to_dict()) if callable(page) else page
        if isinstance(answer, flask.Response):
            return answer
        return flask.Response(f"<Response>{answer}</Response>", content_type="text/xml; charset=utf-8")

    @property
    def paths(self) -> list[str]:
        return self.transport.webhooks

    def forms(self, path: str) -> list[dict[str, str]]:
        """The forms posted to this path, in order."""
        return [
            {name: values[0] for name, values in each.form.items()}
            for each in self.transport.posted
            if each.path == path
        ]
