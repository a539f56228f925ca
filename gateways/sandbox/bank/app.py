"""The bank's JSON protocol over HTTP, as the README of the sandbox has it.

Every verb goes through `_answer`: a fault strikes before or after the work, a refusal becomes 409, a
malformed body 400. No body is ever logged; a broken line is broken at the socket, as a real one would be.
"""

import socket
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, jsonify, render_template, request
from werkzeug.exceptions import BadRequest, NotFound, UnsupportedMediaType
from werkzeug.routing import RequestRedirect

from gateways.sandbox.bank import checkout, connector, dashboard, fields
from gateways.sandbox.bank.dependencies import BankDependencies
from gateways.sandbox.bank.faults import NO_FAULT, BankFault, BankFaults, Harm, behaviour
from gateways.sandbox.bank.links import BankLinks
from gateways.sandbox.bank.movements import RefusedError
from gateways.sandbox.bank.operations import BankResponse, Operation, Operations
from gateways.sandbox.bank.processor import Processor
from gateways.sandbox.bank.server import CONNECTION

NAME = "paybycall sandbox bank"
_BODY_BYTES_MAX = 64_000
_ASK_THE_ISSUER = frozenset({"/charges", "/authorizations", "/refunds"})
"""The verbs in which the amount decides what goes wrong."""
_REFUSALS = {
    Harm.ERROR_BEFORE: (HTTPStatus.INTERNAL_SERVER_ERROR, "bank_failed"),
    Harm.NOT_PROCESSED: (HTTPStatus.TOO_MANY_REQUESTS, "not_processed"),
}
"""Nothing is done, and the bank answers so."""


def create_app(dependencies: BankDependencies) -> Flask:
    """The bank on one ledger, with what a killed process left behind put right."""
    app = Flask(__name__, static_folder=None, template_folder=".")
    app.before_request(_refuse_redirect)
    app.config["MAX_CONTENT_LENGTH"] = _BODY_BYTES_MAX
    processor = Processor(dependencies)
    processor.recover()
    links = BankLinks(dependencies)
    faults = BankFaults()
    for path, verb in Operations(dependencies, processor, links).verbs.items():
        app.add_url_rule(path, f"ask {path}", _view(path, verb, faults), methods=["POST"])
    _install_control(app, faults)
    app.add_url_rule("/health", "health", lambda: jsonify(bank=NAME), methods=["GET"])
    dashboard.install(app, dependencies.ledger)
    checkout.install(app, links)
    app.register_error_handler(fields.MalformedError, _malformed)
    app.register_error_handler(NotFound, _not_found)
    return app


def _refuse_redirect() -> None:
    """The framework answers `//` by a redirect to the host that the sender names."""
    if isinstance(request.routing_exception, RequestRedirect):
        raise NotFound


def _view(path: str, verb: Operation, faults: BankFaults) -> Callable[[], Response]:
    def view() -> Response:
        if path == connector.PATH and not _is_connector():
            return _error(HTTPStatus.UNAUTHORIZED, "unauthorized")
        body = _body()
        return _answer(verb, body, faults.take(path) or _fault_of_amount(path, body))

    return view


def _answer(verb: Operation, body: Mapping[str, Any], fault: BankFault) -> Response:
    if fault.harm is Harm.DROP_BEFORE:
        return _broken_line()
    if fault.harm in _REFUSALS:
        return _error(*_REFUSALS[fault.harm])
    try:
        answer = verb(body, fault.delay_s)
    except RefusedError as refused:
        answer = BankResponse(HTTPStatus.CONFLICT, {"error": {"code": refused.code}})
    if fault.harm is Harm.DROP_AFTER:
        return _broken_line()
    if fault.harm is Harm.ERROR_AFTER:
        return _error(HTTPStatus.INTERNAL_SERVER_ERROR, "bank_failed")
    if fault.harm is Harm.GARBAGE_AFTER:
        return Response("<html><body>Welcome to the proxy</body></html>", mimetype="text/html")
    return _response(answer)


def _fault_of_amount(path: str, body: Mapping[str, Any]) -> BankFault:
    if path not in _ASK_THE_ISSUER:
        return NO_FAULT
    return behaviour(fields.whole(body, "amount_minor")).fault


def _install_control(app: Flask, faults: BankFaults) -> None:
    """`/control/faults`: what goes wrong with the next requests."""

    def add() -> Response:
        body = _body()
        try:
            harm = Harm(body.get("harm", Harm.NONE))
        except ValueError:
            raise fields.MalformedError(f"harm must be one of {', '.join(Harm)}") from None
        times = fields.whole(body, "times") if "times" in body else 1
        path = fields.optional_text(body, "path") or None
        faults.add(BankFault(harm, fields.seconds(body, "delay_s"), path, times))
        return Response(status=HTTPStatus.NO_CONTENT)

    def clear() -> Response:
        faults.clear()
        return Response(status=HTTPStatus.NO_CONTENT)

    app.add_url_rule("/control/faults", "add fault", add, methods=["POST"])
    app.add_url_rule("/control/faults", "clear faults", clear, methods=["DELETE"])


def _is_connector() -> bool:
    given = request.authorization
    return given is not None and connector.is_let_in(given.username, given.password)


def _body() -> Mapping[str, Any]:
    try:
        return fields.document(request.get_json())
    except (BadRequest, RecursionError, UnsupportedMediaType):
        raise fields.MalformedError("the body must be JSON, sent as application/json") from None


def _response(answer: BankResponse) -> Response:
    made = jsonify(answer.body)
    made.status_code = answer.status
    return made


def _error(status: HTTPStatus, code: str) -> Response:
    return _response(BankResponse(status, {"error": {"code": code}}))


def _not_found(_: NotFound) -> tuple[str, HTTPStatus]:
    return render_template("not_found.html"), HTTPStatus.NOT_FOUND


def _malformed(fault: fields.MalformedError) -> Response:
    body = {"error": {"code": "malformed", "message": str(fault)}}
    return _response(BankResponse(HTTPStatus.BAD_REQUEST, body))


def _broken_line() -> Response:
    """Breaks the connection; the response that is returned finds nobody to go to."""
    connection: socket.socket = request.environ[CONNECTION]
    connection.shutdown(socket.SHUT_RDWR)
    return Response(status=HTTPStatus.NO_CONTENT)
