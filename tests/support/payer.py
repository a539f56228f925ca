"""Somebody who pays the usual bill, for tests in which something happens on the way; and what came of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa

from ivr.platform.database.engine import reading
from ivr.simulators.phone.engine import Call
from ivr.simulators.phone.events import DialStatus, Ended, KeysAsked, PhoneEvent
from ivr.simulators.phone.keys import HANG_UP, CallerHangUp
from ivr.simulators.phone.pay import PayHabits
from ivr.simulators.phone.transport import Transport
from ivr.simulators.phone.webhooks import CallSettings
from tests.support import schema
from tests.support.carrier_pay import carriers_habits
from tests.support.phone import REACTION_S, call_settings
from tests.support.script import ScriptedCaller, Transcript, read_line
from tests.support.server import AMOUNT_MINOR, ENGLISH, REFERENCE, Server
from tests.support.server_checks import NAMES

CARD = ("(visa)", "(expiry)", "(code)")
WAY = {"tokenize": ("1", *CARD, "1"), "authorize": ("1", "1", *CARD), "pay": ("1", *CARD, "1")}
"""The caller's lines from hello to paid, by how the gateway takes cards."""
UNGUARDED = {
    "PCI_CARD_DECLINES_MAX": "999",
    "PCI_CARD_TRIES_MAX": "999",
    "PCI_BIN_DECLINES_MAX": "999",
    "CARD_BREAKER_CHARGES_MIN": "999",
}
"""One card is declined to, or left by, many callers, which would be card testing."""


def call_sid(number: int) -> str:
    return f"CA{number:032x}"


class LeavingCaller(ScriptedCaller):
    """Hangs up at the n-th chance to do something, counted from 1; 0: never. `chances` counts them."""

    def __init__(
        self, lines: Sequence[str], leaves_at: int, did: Callable[[str], None] = lambda _: None
    ) -> None:
        super().__init__([read_line(line, NAMES) for line in lines], did)
        self._leaves_at = leaves_at
        self._last: PhoneEvent | None = None
        self.chances = 0

    def keys(self, asked: KeysAsked, heard: Sequence[str]) -> str | CallerHangUp | None:
        return HANG_UP if self._leaves() else super().keys(asked, heard)

    def meanwhile(self, event: PhoneEvent) -> str | CallerHangUp:
        if event is not self._last and self._leaves():
            return HANG_UP
        self._last = event
        return super().meanwhile(event)

    def _leaves(self) -> bool:
        self.chances += 1
        return self.chances == self._leaves_at


def pay(
    server: Server,
    lines: Sequence[str],
    *,
    leaves_at: int = 0,
    transport: Transport | None = None,
    settings: CallSettings | None = None,
    person: DialStatus = DialStatus.COMPLETED,
    listener: Callable[[PhoneEvent], None] = lambda _: None,
    habits: PayHabits | None = None,
) -> tuple[Ended, list[str], LeavingCaller]:
    """A call of the usual caller: how it ended, its transcript, and who called."""
    transcript = Transcript()
    caller = LeavingCaller(lines, leaves_at, transcript.keyed)

    def hear(event: PhoneEvent) -> None:
        transcript(event)
        listener(event)

    call = Call(
        replace(settings or call_settings(to_number=ENGLISH), reaction_s=REACTION_S),
        caller=caller,
        transport=transport or server.transport,
        clock=server.clock,
        listener=hear,
        person=lambda _: person,
        habits=habits or carriers_habits(server),
    )
    return call.run(), transcript.lines, caller


@dataclass(frozen=True)
class Books:
    """What stands in the books of one call."""

    call_status: str
    states: list[str]
    confirmed: bool
    """The caller said yes to this payment: it goes on without them."""
    paid_minor: int
    reserved_minor: int
    texts: int


def books(server: Server, sid: str, reference: str) -> Books:
    with reading(server.on.engine) as connection:
        call = connection.execute(sa.select(schema.call).where(schema.call.c.call_sid == sid)).one()
        bill = connection.execute(sa.select(schema.bill).where(schema.bill.c.reference == reference)).one()
        attempts = connection.execute(
            sa.select(schema.attempt)
            .where(schema.attempt.c.call_id == call.id)
            .order_by(schema.attempt.c.reference)
        ).all()
        texts = connection.execute(
            sa.select(sa.func.count())
            .select_from(schema.confirmation.join(schema.attempt))
            .where(schema.attempt.c.call_id == call.id, schema.confirmation.c.state == "sent")
        ).scalar_one()
    return Books(
        call.status,
        [one.state for one in attempts],
        any(one.charge_asked_at is not None for one in attempts),
        bill.paid_minor,
        bill.reserved_minor,
        texts,
    )


def is_paid(server: Server, sid: str) -> bool:
    """Whether the usual bill is paid by this call, once and in full, with one text; two minutes later."""
    server.pass_time(120)
    found = books(server, sid, REFERENCE)
    return (found.paid_minor, found.texts, found.states[-1:]) == (AMOUNT_MINOR, 1, ["approved"])
