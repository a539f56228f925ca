"""A session holds what stands for a card from its entry to its charge, and not a turn longer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa

from ivr.platform.database.engine import reading
from ivr.simulators.phone.transport import Form, HttpAnswer, Transport
from tests.support import schema
from tests.support.payer import WAY, pay
from tests.support.server import Server

OF_THE_CARD = ("token", "expiry_month", "expiry_year", "entry_id", "card_entry_id")
MODES = {
    "tokenize": {},
    "authorize": {"SANDBOX_CARD_ENTRY": "authorize"},
    "pay": {"CARD_ENTRY": "pay"},
}


@dataclass
class Watching:
    """A carrier's line; behind each webhook stands what the session then holds."""

    server: Server
    inner: Transport
    sessions: list[dict[str, Any]] = field(default_factory=list)

    def post(self, url: str, form: Form, headers: Any) -> HttpAnswer:
        answer = self.inner.post(url, form, headers)
        with reading(self.server.on.engine) as connection:
            self.sessions += connection.execute(sa.select(schema.call.c.session)).scalars()
        return answer


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_what_stands_for_the_card_goes_when_its_charge_is_asked_for(
    start_server: Callable[..., Server], mode: str
) -> None:
    server = start_server(**MODES[mode])
    server.add_bill()
    watching = Watching(server, server.transport)
    pay(server, WAY[mode], transport=watching)
    charging = [one for one in watching.sessions if one.get("charging")]
    held = [one for one in watching.sessions if any(one.get(name) for name in OF_THE_CARD)]
    assert charging
    assert held
    for session in charging:
        assert [session[name] for name in OF_THE_CARD] == [None] * 5
    assert all(set(one) == {"step", "language"} for one in watching.sessions[-1:])
