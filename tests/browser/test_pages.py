"""Every page that a payer or a developer sees, in every state: axe-core finds nothing, nothing sticks out at
phone width, at 200 % or with text twice as large, and the keyboard alone can pay.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from selenium.webdriver.common.keys import Keys

from gateways.capability import CardEntry
from ivr.web.payer_pages.view import words
from tests.browser.conftest import Open, charge_of
from tests.support.browser import BIG_TEXT, DESKTOP, NARROW, PHONE, ZOOMED, Browser
from tests.support.link_gateway import LinkGateway
from tests.support.link_pages import HOUR_S, token_of
from tests.support.payment_services import PaymentServices
from tests.support.sandbox_bank import running_bank
from tests.support.sandbox_harness import SandboxHarness

LANGUAGES = ("en", "es")


@dataclass
class World:
    """What the states of pages are made in."""

    browser: Browser
    services: PaymentServices
    our_pages: str
    open_page: Open

    def link(self, language: str) -> str:
        """An attempt whose link is open, made in a call."""
        self.services.language = language
        attempt_id = self.services.linked(call_id=self.services.begin_call())
        self.services.run_due()
        return attempt_id

    def go(self, path: str, attempt_id: str = "") -> None:
        token = token_of(self.services, attempt_id) if attempt_id else ""
        self.browser.go(self.our_pages + path.format(token))


@pytest.fixture
def world(browser: Browser, services: PaymentServices, our_pages: str, open_page: Open) -> World:
    return World(browser, services, our_pages, open_page)


def no_fault(browser: Browser) -> None:
    """Of the page that is shown."""
    found = {}
    browser.show_on(PHONE)
    found["a phone"] = browser.faults()
    browser.show_on(DESKTOP, dark=True)
    found["a desktop in the dark"] = browser.faults()
    for screen in (PHONE, NARROW, DESKTOP, ZOOMED, BIG_TEXT):
        browser.show_on(screen)
        found[f"too wide on {screen}"] = browser.too_wide()
    assert not {where: faults for where, faults in found.items() if faults}


def _left(world: World, language: str) -> None:
    world.go("/pay/{}?left=1", world.link(language))


def _open(world: World, language: str) -> None:
    world.go("/receipt/{}", world.link(language))


def _confirming(world: World, language: str) -> None:
    world.go("/receipt/{}?done=1", world.link(language))


def _paid(world: World, language: str, *refunds_minor: int) -> None:
    attempt_id = world.link(language)
    bank = world.services.bank
    assert isinstance(bank, LinkGateway)
    bank.pay(attempt_id)
    world.services.pass_time(2 * HOUR_S)
    for amount_minor in refunds_minor:
        with world.services.engine.begin() as tx:
            world.services.payments.refunds.ask(tx, attempt_id, amount_minor, asked_by="finance")
        world.services.run_due()
    world.go("/receipt/{}", attempt_id)


def _refunded_in_part(world: World, language: str) -> None:
    _paid(world, language, 1_000)


def _refunded(world: World, language: str) -> None:
    _paid(world, language, 1_000, 3_000)


OUR_STATES = (_left, _open, _confirming, _paid, _refunded_in_part, _refunded)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", OUR_STATES)
def test_a_payers_page(world: World, state: Callable[[World, str], None], language: str) -> None:
    state(world, language)
    assert world.browser.language == language
    no_fault(world.browser)


@pytest.mark.parametrize(
    ("path", "says"), [("/receipt/never", "over_title"), ("/broken/pay/x", "trouble_title")]
)
def test_a_page_that_knows_of_no_payment(world: World, path: str, says: str) -> None:
    world.go(path)
    assert words("en")[says] in world.browser.text
    no_fault(world.browser)


def test_a_receipt_prints_on_one_sheet_without_its_buttons(world: World) -> None:
    _paid(world, "es", 1_000)
    assert world.browser.sheets_printed() == 1
    _confirming(world, "es")
    world.browser.show_on(DESKTOP, dark=True, media="print")
    assert words("es")["again"] not in world.browser.text
    assert world.browser.faults("color-contrast") == []
    world.browser.show_on(DESKTOP)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_of_the_bank_in_each_state(
    browser: Browser, harness: SandboxHarness, open_page: Open, language: str
) -> None:
    url = open_page(language)
    browser.go(url)
    no_fault(browser)
    browser.click("0002")
    assert browser.title.startswith({"en": "Card declined", "es": "Tarjeta rechazada"}[language])
    no_fault(browser)
    browser.click("3155")
    no_fault(browser)
    browser.click("no")
    assert browser.title.startswith({"en": "Card declined", "es": "Tarjeta rechazada"}[language])
    assert harness.bank.pay_page(url).status_code == 303
    browser.go(url)
    assert browser.language == language
    no_fault(browser)


def test_the_banks_list_of_charges(browser: Browser, tmp_path: Path) -> None:
    with running_bank(tmp_path) as bank:
        browser.go(bank.url)
        assert "No charges yet" in browser.text
        no_fault(browser)
        harness = SandboxHarness(bank, CardEntry.TOKENIZE)
        for number in range(12):
            key = f"attempt_01jdxk8q2v7m3n5p{number:016d}"
            charge_of(harness, key, ("4242424242424242", "4000000000000002")[number % 2])
        browser.go(bank.url)
        assert "12 charges, newest first" in browser.text
        assert "generic_decline" in browser.text
        no_fault(browser)
        browser.go(f"{bank.url}/nothing")
        assert "Page not found" in browser.text
        no_fault(browser)


def test_the_keyboard_alone_pays(world: World) -> None:
    token = token_of(world.services, world.link("en"))
    back = f"{world.our_pages}/receipt/{token}?done=1"
    world.browser.show_on(DESKTOP)
    world.browser.go(world.open_page(done_url=back))
    for wanted in ("Visa 3155", "Yes, I approve it"):
        for _ in range(6):
            world.browser.press(Keys.TAB)
            assert world.browser.focus_is_seen
            if world.browser.focused.startswith(wanted):
                break
        assert world.browser.focused.startswith(wanted)
        world.browser.enter()
    assert world.browser.url == back
    assert words("en")["confirming"] in world.browser.text


def test_what_is_wrong_with_a_page_is_found(browser: Browser) -> None:
    """So that an empty list of faults means something."""
    bad = "<body bgcolor=white><p style='color:#ccc'>Hello<div style='width:2000px'>.</div><img src=x>"
    browser.go("data:text/html," + quote(bad))
    browser.show_on(PHONE)
    told = " ".join(browser.faults())
    assert all(rule in told for rule in ("html-has-lang", "color-contrast", "image-alt", "landmark-one-main"))
    assert browser.too_wide()
