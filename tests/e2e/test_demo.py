"""The life of `make demo`: started, rung as anyone, a link paid at the bank, and ended by Ctrl-C."""

import re
import termios

import requests

from tests.support.demo_terminal import DemoRun, Terminal
from tests.support.http_phone_line import PATIENCE_S
from tests.support.server_checks import KEYED, card_traces

ASKS_FOR_APPROVAL = "4000002500003155"


def test_a_demo_from_its_start_to_ctrl_c(demo_run: DemoRun, terminal: Terminal) -> None:
    demo = demo_run.begin("demo", "--any-ports", stdin=terminal.slave, out=terminal.slave)
    terminal.sees("Texts appear here as they are sent.")
    _addresses_answer(terminal.screen)

    status, printed = demo_run.ring("call", "--from", "+34600000002", "--language", "es", AUTO="1")
    assert status == 0, printed
    assert "Ringing the demo that is running at http://127.0.0.1:" in printed
    assert "Ha pagado 120 euros." in printed
    terminal.sees("+-- text to +34600000002")

    for words, said in (
        (("demo", "--any-ports"), "A demo is running here already: ring it with `make call`"),
        (("call", "--language", "fr"), "The demo does not speak 'fr'; it speaks en,es."),
        (("call", "--language", "es", "--to", "+34910000000"), "Give --to or --language, not both"),
    ):
        status, printed = demo_run.ring(*words)
        assert (status != 0, said in printed, "Traceback" in printed) == (True, True, False), printed

    _a_link_is_paid(demo_run, terminal)

    terminal.types("\x03\x03")
    terminal.sees("The demo has ended. Its data stays in var/demo.")
    terminal.sees(".venv/bin/paybycall payment list")
    assert demo.wait(PATIENCE_S) == 0
    assert not card_traces(terminal.screen.partition("Texts appear here")[2])
    assert termios.tcgetattr(terminal.slave) == terminal.before
    assert demo_run.left_behind() == []


def _addresses_answer(screen: str) -> None:
    key = re.search(r"pbc_\S+", screen)
    assert key
    shown = {url for url in re.findall(r"http://127\.0\.0\.1:\d+/\S*", screen) if "..." not in url}
    assert len(shown) == 6
    for url in shown:
        answer = requests.get(url, headers={"Authorization": f"Bearer {key[0]}"}, timeout=PATIENCE_S)
        assert answer.status_code == 200, url


def _a_link_is_paid(demo_run: DemoRun, demo: Terminal) -> None:
    """A person keys a card that wants approval, and pays by the link on the bank's page."""
    phone = Terminal()
    try:
        ringing = demo_run.begin("call", "--from", "+34600000003", stdin=phone.slave, out=phone.slave)
        for question, keys in (
            ("pulse 1", "1"),
            ("Marque el número de la tarjeta.", ASKS_FOR_APPROVAL),
            ("fecha de caducidad", KEYED["expiry"]),
            ("tres números", KEYED["code"]),
            ("Otra tarjeta, 2.", "1"),
        ):
            phone.sees(question)
            phone.types(keys)
        phone.sees("The caller was texted a pay link:")
        while ringing.poll() is None:
            phone.look(0.1)
        assert ringing.returncode == 0, "whoever gets a link has not failed"
    finally:
        phone.close()
    demo.sees("+-- text to +34600000003")
    demo.sees("/pay/")
    demo.sees("+--")
    link = re.findall(r"http://127\.0\.0\.1:\d+/pay/[a-z0-9]+", demo.screen)[-1]
    payer = requests.Session()
    bank_request_of = payer.get(link, timeout=PATIENCE_S)
    assert bank_request_of.status_code == 200, bank_request_of.text
    paid = payer.post(bank_request_of.url, data={"card": "3155", "approved": "yes"}, timeout=PATIENCE_S)
    assert "/receipt/" in paid.url, paid.url
    demo.sees("+-- text to +34600000003")
