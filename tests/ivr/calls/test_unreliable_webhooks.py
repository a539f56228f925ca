"""A call whose webhooks come twice, late or not at all, and whose processes die."""

import itertools
import threading
from collections.abc import Callable, Mapping
from typing import Any
from unittest.mock import patch

import pytest
import sqlalchemy as sa

from ivr.calls.remote_calls import RemoteCalls
from ivr.calls.turns import INTENT_LEASE_S, REMOTE_CALL_WAIT_S_MAX
from ivr.platform.database.engine import reading
from ivr.simulators.phone.events import Faulted, PhoneEvent, Reason
from ivr.simulators.phone.transport import Form, HttpAnswer, NotConnectedError
from ivr.simulators.phone.webhooks import CallSettings
from tests.support import schema
from tests.support.carrier_by_hand import Carrier, turn_after
from tests.support.payer import WAY, books, call_sid, is_paid, pay
from tests.support.phone import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    CALLER,
    WEB,
    Trouble,
    TroubledTransport,
    call_settings,
    every,
)
from tests.support.server import AMOUNT_MINOR, ENGLISH, Server
from tests.support.time_and_ids import SequentialIds

pytestmark = pytest.mark.slow

Start = Callable[..., Server]
SID = call_settings().call_sid
PAID = "Thank you. You have paid 49 euros and 90 cents."
LOST, NONE = Trouble.LOST_ANSWER, Trouble.NONE
SORRY = "< I am sorry, something went wrong on our side. One moment, please."


# Twice, late, lost ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("card_entry", ["tokenize", "authorize"])
@pytest.mark.parametrize("trouble", [Trouble.TWICE, Trouble.COPY_LATE])
def test_every_webhook_twice_or_late_changes_nothing(
    start_server: Start, trouble: Trouble, card_entry: str
) -> None:
    server = start_server(SANDBOX_CARD_ENTRY=card_entry)
    server.add_bill()
    _, quiet, _ = pay(server, WAY[card_entry])
    server.reset()
    server.add_bill()
    transport = TroubledTransport(server.transport, every(trouble))
    ended, lines, _ = pay(server, WAY[card_entry], transport=transport)
    assert (ended.reason, ended.faults) == (Reason.SERVER, ())
    assert lines == quiet
    assert is_paid(server, SID)


def test_the_second_of_two_webhooks_gets_the_very_same_bytes(server: Server) -> None:
    server.add_bill()
    pay(server, WAY["tokenize"], transport=TroubledTransport(server.transport, every(Trouble.TWICE)))
    firsts, seconds = server.transport.posted[::2], server.transport.posted[1::2]
    assert [one.url for one in firsts] == [one.url for one in seconds]
    for first, second in zip(firsts, seconds, strict=True):
        assert first.answer.body == second.answer.body, first.url


@pytest.mark.parametrize("card_entry", ["tokenize", "authorize"])
def test_each_answer_lost_once(start_server: Start, card_entry: str) -> None:
    """The carrier asks the fallback, and the call goes on where it was."""
    server = start_server(SANDBOX_CARD_ENTRY=card_entry)
    server.expected |= {"carrier_fallback"}
    number = 0
    while True:
        number += 1
        reference = f"{30_000_000 + number}"
        phone = f"+3460000{number:04}"
        server.add_bill(reference, phone=phone)
        transport = TroubledTransport(server.transport, _lost_at(number))
        settings = call_settings(call_sid(number), from_number=phone, to_number="+442000000000")
        ended, lines, _ = pay(server, WAY[card_entry], settings=settings, transport=transport)
        server.pass_time(60)
        assert books(server, settings.call_sid, reference).paid_minor == AMOUNT_MINOR, (number, lines)
        assert ended.reason is Reason.SERVER
        if not transport.counts[Trouble.LOST_ANSWER]:
            break
    assert number > 8


def _lost_at(number: int) -> Callable[[int, str], Trouble]:
    return lambda count, url: (
        Trouble.LOST_ANSWER if count == number and not url.endswith("/status") else Trouble.NONE
    )


def test_keys_that_waited_while_an_answer_was_lost_agree_to_nothing(start_server: Start) -> None:
    """The question whether to keep the card is asked again behind the fallback: the second of two keys that
    spilled out of the code was pressed before it.
    """
    server = start_server(SAVED_CARDS="yes")
    server.expected |= {"carrier_fallback"}
    server.add_bill()
    losses = iter([LOST])
    transport = TroubledTransport(
        server.transport, lambda _, url: next(losses, NONE) if url == f"{WEB}/voice/call_1/t/4" else NONE
    )

    def wait_for_the_carrier(event: PhoneEvent) -> None:
        if isinstance(event, Faulted):
            server.pass_time(15)

    lines = ["1", "(visa)", "(expiry)", "(code)777", "1"]
    pay(server, lines, transport=transport, listener=wait_for_the_carrier)
    assert is_paid(server, SID)
    with reading(server.on.engine) as connection:
        assert connection.execute(sa.select(schema.saved_card.c.id)).all() == []


# While an errand is under way, or after its process died ----------------------------------------------------


def test_a_repeat_while_an_errand_is_under_way_waits(server: Server) -> None:
    """The web process asks PCI for an entry; meanwhile the carrier repeats the webhook."""
    server.add_bill()
    carrier = Carrier(server)
    carrier.post("/voice/incoming")
    repeats: list[str] = []

    def repeat(_path: str) -> None:
        if not repeats:
            repeats.append(carrier.post("/voice/call_1/t/1", Digits="1"))

    server.pci_connection.meanwhile = repeat
    answer = carrier.post("/voice/call_1/t/1", Digits="1")
    assert "/pci/e/entry.call_1.1/t/0" in answer
    assert '<Pause length="1"/><Redirect method="POST">/voice/call_1/t/1#' in repeats[0]
    assert carrier.post("/voice/call_1/t/1", Digits="1") == answer, "and then it gets the answer"


def test_a_waiting_caller_hears_a_word_every_nine_seconds_up_to_a_limit(server: Server) -> None:
    """The process that asks PCI hangs, and the carrier repeats the webhook as it is told to."""
    server.add_bill()
    server.expected |= {"turn_failed"}
    carrier = Carrier(server)
    carrier.post("/voice/incoming")
    repeats: list[str] = []

    def repeat(_path: str) -> None:
        while not repeats or "something went wrong" not in repeats[-1]:
            repeats.append(carrier.post("/voice/call_1/t/1", Digits="1"))
            server.pass_time(1)

    server.pci_connection.meanwhile = repeat
    with patch("ivr.calls.turns.INTENT_LEASE_S", 600):
        carrier.post("/voice/call_1/t/1", Digits="1")
    words = [number for number, one in enumerate(repeats) if "<Say" in one]
    assert words[0] == 0
    assert max(later - before for before, later in itertools.pairwise(words)) <= 9
    assert "One moment" in repeats[0]
    assert len(repeats) <= REMOTE_CALL_WAIT_S_MAX + 1
    assert all("<Pause" in one for one in repeats[:-1])


class Killed(BaseException):
    """A process that dies: nothing catches it."""


@pytest.mark.parametrize("nth", [1, 2])
def test_a_process_that_dies_in_an_errand_is_taken_over(server: Server, nth: int) -> None:
    """Between the intent and its answer: at the opening of the card entry, and at its collection."""
    server.add_bill()
    run, calls = RemoteCalls.make, []

    def dying(self: RemoteCalls, *asked: object) -> object:
        calls.append(asked)
        answer = run(self, *asked)
        if len(calls) == nth:
            raise Killed
        return answer

    class Respawning:
        """The server's next process, and the carrier's patience with the one that died."""

        def post(self, url: str, form: Form, headers: dict[str, str]) -> HttpAnswer:
            try:
                return server.transport.post(url, form, headers)
            except Killed:
                waiting = server.transport.post(url, form, headers)
                assert b"<Pause" in waiting.body
                server.pass_time(13)
                return server.transport.post(url, form, headers)

    with patch.object(RemoteCalls, "make", dying):
        ended, lines, _ = pay(server, WAY["tokenize"], transport=Respawning())
    assert ended.faults == ()
    assert PAID in lines[-2]
    assert is_paid(server, SID)
    assert "errand_taken_over" in [entry["event"] for entry in server.logs]


def test_who_lost_the_lease_of_an_errand_commits_nothing(server: Server) -> None:
    """A process hangs in its errand for longer than its lease, and the carrier's repeat takes it over. What
    the first one brings then is dropped: the second one's answer is the turn's.
    """
    server.add_bill()
    carrier = Carrier(server)
    carrier.post("/voice/incoming")
    run = RemoteCalls.make
    begun, go_on = ([threading.Event(), threading.Event()] for _ in range(2))
    count = iter(range(2))

    def hanging(self: RemoteCalls, *asked: Any) -> object:
        number = next(count)
        begun[number].set()
        assert go_on[number].wait(20)
        return run(self, *asked)

    answers: dict[int, str] = {}

    def post(number: int) -> threading.Thread:
        def posting() -> None:
            answers[number] = carrier.post("/voice/call_1/t/1", Digits="1")

        thread = threading.Thread(target=posting)
        thread.start()
        assert begun[number].wait(20)
        return thread

    with patch.object(RemoteCalls, "make", hanging):
        first = post(0)
        server.pass_time(INTENT_LEASE_S + 1)
        second = post(1)
        go_on[0].set()
        first.join(20)
        assert "<Pause" in answers[0], "the turn is still under way, by the other one"
        with reading(server.on.engine) as connection:
            kept = connection.execute(sa.select(schema.call.c.turn, schema.call.c.intent)).one()
        assert (kept.turn, kept.intent is None) == (1, False)
        go_on[1].set()
        second.join(20)
    assert "/pci/e/entry.call_1.1/t/0" in answers[1]
    assert carrier.post("/voice/call_1/t/1", Digits="1") == answers[1]


# Early and late ---------------------------------------------------------------------------------------------


def test_an_old_turn_gets_its_old_answer_and_a_future_one_the_current(server: Server) -> None:
    server.add_bill()
    carrier = Carrier(server)
    carrier.post("/voice/incoming")
    second = carrier.post("/voice/call_1/t/1", Digits="2")
    third = carrier.post("/voice/call_1/t/2", Digits="500")
    assert carrier.post("/voice/call_1/t/1", Digits="1") == second, "other keys change nothing"
    assert carrier.post("/voice/call_1/t/2", Digits="500") == third
    future = carrier.post("/voice/call_1/t/9", Digits="1")
    assert ">One moment, please.</Say>" in future
    assert '<Redirect method="POST">/voice/call_1/t/3?waits=1#' in future
    again = carrier.post("/voice/call_1/t/3?waits=1")
    assert "I did not hear" not in again, "silence there is none of the caller's"
    assert turn_after(again).startswith("/voice/call_1/t/4")
    carrier.post("/voice/status", CallStatus="completed")
    assert carrier.post("/voice/call_1/t/2", Digits="1") == third
    assert carrier.post("/voice/call_1/t/4", Digits="1").endswith("<Response><Hangup/></Response>")


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_one_webhook_four_times_at_once(start_server: Start, kind: str) -> None:
    """Turns with and without an errand: one answer, byte for byte, or a wait for it; one thing done."""
    server = start_server(kind)
    server.add_bill()
    carrier = Carrier(server)
    begun = _at_once(lambda: carrier.post("/voice/incoming"))
    assert len(set(begun)) == 1
    asked = _at_once(lambda: carrier.post(turn_after(begun[0]), Digits="2"))
    assert len(set(asked)) == 1
    keyed = _at_once(lambda: carrier.post(turn_after(asked[0]), Digits="49*90"))
    assert len(set(keyed)) == 1
    server.pass_time(10)
    opened = _at_once(lambda: carrier.post(turn_after(keyed[0]), Digits="1"))
    waits = [one for one in opened if "<Pause" in one]
    assert len(set(opened) - set(waits)) == 1
    with reading(server.on.engine) as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(schema.call)).scalar_one() == 1
    with reading(server.pci_parts.engine) as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM card_entry")).scalar_one() == 1


def _at_once(post: Callable[[], str]) -> list[str]:
    answers: list[str] = []
    gate = threading.Barrier(4)

    def posting() -> None:
        gate.wait(5)
        answers.append(post())

    threads = [threading.Thread(target=posting) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(answers) == 4
    return answers


# Nobody listens for a moment --------------------------------------------------------------------------------


class Refusing:
    """Each webhook meets nobody, or a proxy whose server is away, this many times before it arrives."""

    def __init__(self, server: Server, times: int, answer: HttpAnswer | None) -> None:
        self._server = server
        self._left = self._times = times
        self._answer = answer
        self.urls: set[str] = set()

    def post(self, url: str, form: Form, headers: Mapping[str, str]) -> HttpAnswer:
        self.urls.add(url)
        if self._left == 0:
            self._left = self._times
            return self._server.transport.post(url, form, headers)
        self._left -= 1
        if self._answer is None:
            raise NotConnectedError("the connection was refused")
        return self._answer


@pytest.mark.parametrize("card_entry", ["gather", "pay"])
@pytest.mark.parametrize("answer", [None, HttpAnswer(502)])
def test_each_webhook_meets_nobody_five_times(
    start_server: Start, card_entry: str, answer: HttpAnswer | None
) -> None:
    """At web and pci alike, the carrier asks again as our URLs ask it to, and the caller hears nothing of it:
    no fallback, no word more.
    """
    server = start_server("sqlite", CARD_ENTRY=card_entry)
    server.add_bill()
    _, quiet, _ = pay(server, WAY["tokenize"])
    server.reset()
    server.add_bill()
    transport = Refusing(server, 5, answer)
    settings = CallSettings.to_server(
        WEB,
        ids=SequentialIds(),
        account_sid=ACCOUNT_SID,
        auth_token=AUTH_TOKEN,
        from_number=CALLER,
        to_number=ENGLISH,
    )
    ended, lines, _ = pay(server, WAY["tokenize"], settings=settings, transport=transport)
    assert ended.faults == ()
    assert lines == quiet
    assert is_paid(server, settings.call_sid)
    assert not any("#" in url for url in transport.urls)
    assert any("/pci/e/" in url for url in transport.urls) is (card_entry == "gather")


# Where the server stands ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "base", ["https://pay.example:8443", "https://pay.example/phone", "https://pay.example:8443/a/b"]
)
def test_a_public_url_with_a_port_or_a_path(start_server: Start, base: str) -> None:
    cards = base.replace("pay.example", "cards.pay.example")
    server = start_server(PUBLIC_URL=base, PCI_PUBLIC_URL=cards)
    server.add_bill()
    settings = call_settings(
        to_number="+442000000000",
        incoming_url=f"{base}/voice/incoming",
        fallback_url=f"{base}/voice/fallback",
        status_url=f"{base}/voice/status",
    )
    ended, lines, _ = pay(server, WAY["tokenize"], settings=settings)
    assert ended.faults == ()
    assert PAID in lines[-2]
    assert is_paid(server, SID)
