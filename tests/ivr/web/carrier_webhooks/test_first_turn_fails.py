"""A call whose very first turn fails, when nothing of it is kept yet: it begins anew, and is paid."""

from typing import Any
from unittest.mock import patch

import pytest

from ivr.calls.greeting import Greeting
from ivr.calls.turns import Turns
from ivr.simulators.phone.events import Reason
from tests.support.payer import WAY, books, pay
from tests.support.phone import call_settings
from tests.support.server import AMOUNT_MINOR, REFERENCE, Server

SORRY = "< I am sorry, something went wrong on our side. One moment, please."


class Failing:
    """A method that fails the first `times` times."""

    def __init__(self, method: Any, times: int) -> None:
        self._method, self._times = method, times

    def __get__(self, of: Any, _owner: Any) -> Any:
        def called(*asked: Any, **how: Any) -> Any:
            self._times -= 1
            if self._times >= 0:
                raise RuntimeError("planted")
            return self._method(of, *asked, **how)

        return called


@pytest.mark.slow
@pytest.mark.parametrize(("where", "name"), [(Greeting, "call"), (Turns, "begin")])
def test_it_begins_anew(server: Server, where: type, name: str) -> None:
    server.add_bill()
    server.expected |= {"turn_failed"}
    with patch.object(where, name, Failing(getattr(where, name), 2)):
        ended, lines, _ = pay(server, ["(silence)", "(silence)", *WAY["tokenize"]])
    assert (ended.reason, ended.faults) == (Reason.SERVER, ())
    assert lines.count(SORRY) == 2
    server.pass_time(60)
    assert books(server, call_settings().call_sid, REFERENCE).paid_minor == AMOUNT_MINOR, lines


def test_it_is_given_up_in_the_end(server: Server) -> None:
    server.add_bill()
    server.expected |= {"turn_failed"}
    with patch.object(Turns, "begin", Failing(Turns.begin, 99)):
        ended, lines, _ = pay(server, ["(silence)"] * 5)
    assert (ended.reason, ended.faults) == (Reason.SERVER, ())
    assert lines.count(SORRY) == 3
    assert lines[-2] == "< Please call again later. Goodbye."
