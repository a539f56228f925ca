"""The carrier's troubles, as tests of the server bring them: repeats, late copies, lost answers."""

from collections.abc import Callable

from ivr.simulators.phone.events import Reason
from tests.support.phone import PCI, WEB, Trouble, TroubledTransport, WsgiTransport, every, only, ring
from tests.support.time_and_ids import ManualClock
from tests.support.twiml_server import TinyServer


def pages() -> TinyServer:
    return TinyServer(
        {
            "/voice/incoming": '<Gather action="/one" numDigits="1"/><Hangup/>',
            "/one": "<Redirect>/two</Redirect>",
            "/two": "<Hangup/>",
            "/voice/fallback": "<Hangup/>",
        }
    )


def test_everything_twice(clock: ManualClock) -> None:
    server = pages()
    troubled = TroubledTransport(server.transport, every(Trouble.TWICE))
    ended, _ = ring(troubled, clock, ["1"])
    assert ended.reason is Reason.SERVER
    assert server.paths == [
        path for path in ("/voice/incoming", "/one", "/two", "/voice/status") for _ in "12"
    ]
    tokens = [each.headers["I-Twilio-Idempotency-Token"] for each in server.transport.posted]
    assert tokens[0] == tokens[1] != tokens[2], "a repeat is the same request"


def test_copies_that_come_late_come_behind_the_next_webhook(clock: ManualClock) -> None:
    server = pages()
    ended, _ = ring(TroubledTransport(server.transport, every(Trouble.COPY_LATE)), clock, ["1"])
    assert not ended.faults
    assert server.paths == [
        "/voice/incoming",
        "/one",
        "/voice/incoming",
        "/two",
        "/one",
        "/voice/status",
        "/two",
    ]


def test_a_lost_answer_leads_to_the_fallback(clock: ManualClock) -> None:
    server = pages()
    ended, _ = ring(TroubledTransport(server.transport, only(2, Trouble.LOST_ANSWER)), clock, ["1"])
    assert [fault.code for fault in ended.faults] == [11205]
    assert server.paths == ["/voice/incoming", "/one", "/voice/fallback", "/voice/status"]


def test_a_caller_who_is_gone_while_the_server_thinks(clock: ManualClock) -> None:
    server = pages()
    ended, _ = ring(TroubledTransport(server.transport, only(2, Trouble.CALLER_GONE)), clock, ["1"])
    assert ended.reason is Reason.CALLER
    assert not ended.faults
    assert server.paths == ["/voice/incoming", "/one", "/voice/status"]


def test_each_origin_has_its_own_app(clock: ManualClock) -> None:
    web = TinyServer({"/voice/incoming": f"<Redirect>{PCI}/pci/entries/1</Redirect>", "/back": "<Hangup/>"})
    pci = TinyServer({"/pci/entries/1": f"<Redirect>{WEB}/back</Redirect>"}, base=PCI)
    both = WsgiTransport({WEB: web.app, PCI: pci.app})
    ended, _ = ring(both, clock)
    assert not ended.faults
    assert both.webhooks == ["/voice/incoming", "/pci/entries/1", "/back", "/voice/status"]


def test_an_app_sees_what_it_sees_behind_the_server() -> None:
    seen: dict[str, object] = {}

    def app(environ: dict[str, object], start_response: Callable[..., object]) -> list[bytes]:
        seen.update(environ)
        start_response("200 OK", [])
        return [b""]

    WsgiTransport({WEB: app}).post(
        f"{WEB}/voice/a%2Fb%C3%A9?n=Jos%C3%A9&t=%7E", {}, {"X-Twilio-Signature": "s"}
    )
    assert seen["PATH_INFO"] == "/voice/a/b\u00c3\u00a9"
    assert seen["QUERY_STRING"] == "n=Jos%C3%A9&t=%7E"
    assert seen["HTTP_X_TWILIO_SIGNATURE"] == "s"
    assert seen["HTTP_HOST"] == "pay.example"
    assert not {"RAW_URI", "REQUEST_URI"} & seen.keys()
