"""A process of the last release meets calls of this one, and neither drops a caller."""

import copy
from unittest.mock import patch

import flask
import pytest

from flows.pay_bill.flow import flow as pay_bill
from ivr.simulators.phone.events import Reason
from ivr.simulators.phone.transport import Form, HttpAnswer
from ivr.web.carrier_webhooks import wiring
from tests.support.payer import WAY, is_paid, pay
from tests.support.phone import (
    WEB,
    call_settings,
)
from tests.support.server import Server
from tests.support.silence_limit import SilenceLimit

SID = call_settings().call_sid
PAID = "Thank you. You have paid 49 euros and 90 cents."


def _without(server: Server, step: str) -> flask.Flask:
    """A web process of the last release, which does not know this step yet."""
    older = copy.copy(pay_bill)
    older.steps = {name: one for name, one in pay_bill.steps.items() if name != step}
    with patch.object(wiring.build, "__defaults__", (older,)):
        return server.another_web()


class Rolling:
    """A load balancer before two releases: the old one serves until it has said `times` that it cannot."""

    def __init__(self, server: Server, old: flask.Flask, times: int) -> None:
        self._server, self._old, self._times = server, old, times
        self.waits = 0

    def post(self, url: str, form: Form, headers: dict[str, str]) -> HttpAnswer:
        from tests.support.phone import WsgiTransport

        if url.startswith(WEB) and self.waits < self._times:
            answer = WsgiTransport({WEB: self._old}).post(url, form, headers)
            self.waits += b"waits=" in answer.body
            return answer
        return self._server.transport.post(url, form, headers)


@pytest.mark.slow
def test_a_process_without_the_step_redirects_the_carrier(server: Server) -> None:
    server.add_bill()
    transport = Rolling(server, _without(server, "confirm"), times=3)
    ended, lines, _ = pay(server, WAY["tokenize"], transport=transport)
    assert ended.faults == ()
    assert PAID in lines[-2]
    assert transport.waits >= 3
    assert is_paid(server, SID)


@pytest.mark.slow
def test_a_step_that_no_process_knows_ends_kindly(server: Server) -> None:
    server.add_bill()
    server.expected |= {"step_unknown_for_too_long"}
    ended, lines, _ = pay(
        server,
        WAY["tokenize"][:4],
        transport=Rolling(server, _without(server, "confirm"), times=99),
        listener=SilenceLimit(server.clock),
    )
    assert ended.reason is Reason.SERVER
    assert lines[-2] == "< Please call again later. Goodbye."
