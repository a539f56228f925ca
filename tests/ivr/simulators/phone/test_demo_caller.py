"""The caller of `make call AUTO=1` pays by what is asked for, in whatever words and order of menus."""

import io

import pytest

from ivr.simulators.phone.demo import ASKED_MAX, DemoCaller
from ivr.simulators.phone.events import Reason
from ivr.simulators.phone.terminal import run_script
from tests.support.phone import PCI, WEB, WsgiTransport, call_settings
from tests.support.time_and_ids import ManualClock
from tests.support.twiml_server import TinyServer

FIRST = "/voice/incoming"


def gather(action: str, digits: int | None, text: str = "?") -> str:
    limit = f' numDigits="{digits}"' if digits else ""
    say = f'<Say language="es-ES">{text}</Say>'
    return f'<Gather action="{action}"{limit} actionOnEmptyResult="true">{say}</Gather>'


def chain(base: str, *steps: tuple[str, int | None], then: str) -> dict[str, str]:
    """Pages that ask one thing each and lead to the next; the first is the first path."""
    paths = [path for path, _ in steps]
    return {
        path: gather(following, digits)
        for (path, digits), following in zip(steps, [*paths[1:], then], strict=True)
    }


def rung(web: TinyServer, pci: TinyServer, clock: ManualClock, caller: DemoCaller | None = None) -> tuple:
    out = io.StringIO()
    both = WsgiTransport({WEB: web.app, PCI: pci.app})
    ended = run_script(
        call_settings(),
        caller or DemoCaller.with_test_card("12345678", clock),
        out,
        clock=clock,
        transport=both,
    )
    keyed = [each.field("Digits") for each in both.posted if each.field("Digits") is not None]
    return ended, keyed, out.getvalue()


def test_a_payment_from_hello_to_paid(clock: ManualClock) -> None:
    web = TinyServer(
        {
            **chain(WEB, (FIRST, 1), ("/ref", 8), ("/all", 1), then="/to-pci"),
            "/to-pci": f"<Redirect>{PCI}/pci/e/number</Redirect>",
            "/confirm": gather("/wait", 1, "¿Pagar?"),
            "/wait": '<Pause length="1"/><Pause length="1"/><Say language="es-ES">Pagado.</Say><Hangup/>',
        }
    )
    pci = TinyServer(
        {
            **chain(PCI, ("/pci/e/number", 16), ("/pci/e/expiry", 4), ("/pci/e/code", 3), then="/pci/e/done"),
            "/pci/e/done": f"<Redirect>{WEB}/confirm</Redirect>",
        },
        base=PCI,
    )
    ended, keyed, printed = rung(web, pci, clock)
    assert ended.reason is Reason.SERVER
    assert keyed == ["1", "12345678", "1", "4242424242424242", "1128", "123", "1"]
    assert printed.splitlines() == [
        "Ringing +34910000000.",
        "  es ?",
        "   > 1",
        "  es ?",
        "   > 12345678",
        "  es ?",
        "   > 1",
        "  es ?",
        "   > ••••••••••••••••",
        "  es ?",
        "   > ••••",
        "  es ?",
        "   > •••",
        "  es ¿Pagar?",
        "   > 1",
        "     ...",
        "  es Pagado.",
        "     (the server hung up)",
    ]
    assert not ended.faults


@pytest.mark.parametrize(
    ("number_digits", "keyed_in_pci"),
    [
        ((16, 4, 3), ["4242424242424242", "1128", "123"]),
        ((19, 4, 3), ["4242424242424242", "1128", "123"]),
        ((None, 4, 4), ["4242424242424242", "1128", "123"]),
        ((16, 4, 3, 5), ["4242424242424242", "1128", "123", "28001"]),
        ((16, 4, 3, 16, 4, 3), ["4242424242424242", "1128", "123"] * 2),
        ((16, 3, 4), ["4242424242424242", "123", "28001"]),
    ],
)
def test_the_card_in_whatever_shape_it_is_asked_for(
    clock: ManualClock, number_digits: tuple[int | None, ...], keyed_in_pci: list[str]
) -> None:
    """The last row is a flow that asks for no expiry: the caller keys wrong, and does not break down."""
    web = TinyServer({FIRST: f"<Redirect>{PCI}/pci/0</Redirect>"})
    steps = [(f"/pci/{count}", digits) for count, digits in enumerate(number_digits)]
    pci = TinyServer({**chain(PCI, *steps, then="/pci/end"), "/pci/end": "<Hangup/>"}, base=PCI)
    _, keyed, _ = rung(web, pci, clock)
    expected = [keys[: digits or 99] for keys, digits in zip(keyed_in_pci, number_digits, strict=True)]
    assert keyed == expected


def test_a_server_that_goes_round_in_circles_is_left(clock: ManualClock) -> None:
    web = TinyServer({FIRST: gather(FIRST, 8)})
    ended, keyed, _ = rung(web, web, clock)
    assert ended.reason is Reason.CALLER
    assert len(keyed) == ASKED_MAX


def test_its_card_is_in_no_repr(clock: ManualClock) -> None:
    assert "4242" not in repr(DemoCaller.with_test_card("12345678", clock))
