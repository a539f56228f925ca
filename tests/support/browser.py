"""A real Chromium, headless, in which tests look at pages: axe-core's findings, sizes, keys, screenshots."""

import base64
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from selenium.common import WebDriverException
from selenium.webdriver import ActionChains, Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from tests.support.tools import node_file, tool

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--force-color-profile=srgb",
)
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_AXE = """
const done = arguments[arguments.length - 1];
axe.run({runOnly: arguments[0], resultTypes: ["violations", "incomplete"]}).then(found => done(
  [...found.violations, ...found.incomplete.filter(one => one.id == "color-contrast")].flatMap(
    one => one.nodes.map(node => one.id + ": " + node.target.join(" ") + ": " + node.failureSummary))
), fault => done([String(fault)]));
"""
_TOO_WIDE = """
const page = document.documentElement;
return page.scrollWidth > page.clientWidth ? [...document.querySelectorAll("body *")]
  .filter(one => one.getBoundingClientRect().right > page.clientWidth).map(one => one.outerHTML.slice(0, 80))
  : [];
"""


@dataclass(frozen=True)
class Screen:
    """A window, as wide as a page sees it, in CSS pixels."""

    width: int
    height: int = 900
    scale: float = 1
    text_percent: int = 100
    """The reader's own size of text."""


PHONE = Screen(360, 740, 2)
NARROW = Screen(320, 640)
"""What WCAG 1.4.10 asks for: a window of 1280 pixels at 400 %."""
DESKTOP = Screen(1280)
ZOOMED = Screen(640, 450, 2)
"""The same window at 200 %."""
BIG_TEXT = Screen(360, 740, 2, text_percent=200)


class Browser:
    """One browser for a whole session of tests."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver
        self._axe = node_file("axe-core/axe.min.js").read_text(encoding="utf-8")

    def go(self, url: str) -> None:
        self.driver.get(url)

    def show_on(self, screen: Screen, *, dark: bool = False, media: str = "") -> None:
        """From now on, also of the page that is shown."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {
                "width": screen.width,
                "height": screen.height,
                "deviceScaleFactor": screen.scale,
                "mobile": False,
            },
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": [scheme]})
        size = f"{screen.text_percent}%"
        self.driver.execute_script("document.documentElement.style.fontSize = arguments[0]", size)

    def faults(self, *rules: str) -> list[str]:
        """What axe-core finds, one line a fault; contrast that it cannot tell counts as one."""
        self.driver.execute_script(self._axe)
        run_only = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": RULES}
        return list(self.driver.execute_async_script(_AXE, run_only))

    def too_wide(self) -> list[str]:
        """What sticks out to the right, where the page has to be scrolled sideways."""
        return list(self.driver.execute_script(_TOO_WIDE))

    def press(self, *keys: str) -> None:
        ActionChains(self.driver).send_keys(*keys).perform()

    @property
    def focused(self) -> str:
        """The text of what has the focus."""
        return str(self.driver.switch_to.active_element.text)

    @property
    def focus_is_seen(self) -> bool:
        """Whether a sighted reader is shown where the focus is."""
        style = "const s = getComputedStyle(document.activeElement); return s.outlineStyle"
        return self.driver.execute_script(style) != "none"

    def click(self, value: str) -> None:
        """The button that has this value; the page that it leads to is there."""
        button = self.driver.find_element("css selector", f'button[value="{value}"]')
        self._led_on(button.click)

    def enter(self) -> None:
        """The Enter key, on what leads to another page; that is there."""
        self._led_on(lambda: self.press(Keys.ENTER))

    def _led_on(self, act: Callable[[], None]) -> None:
        self.driver.execute_script("window.wasBefore = true")
        act()
        arrived = "return !window.wasBefore && document.readyState == 'complete'"
        wait = WebDriverWait(self.driver, 20, 0.02, [WebDriverException])
        wait.until(lambda driver: driver.execute_script(arrived))

    @property
    def url(self) -> str:
        return str(self.driver.current_url)

    @property
    def title(self) -> str:
        return str(self.driver.title)

    @property
    def language(self) -> str:
        return str(self.driver.execute_script("return document.documentElement.lang"))

    @property
    def text(self) -> str:
        return str(self.driver.execute_script("return document.body.innerText"))

    def save_screenshot(self, path: Path) -> None:
        """The whole page, however long."""
        shot = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
        path.write_bytes(base64.b64decode(shot["data"]))

    def sheets_printed(self) -> int:
        """How many sheets of A4 the page takes."""
        size = {"paperWidth": 8.27, "paperHeight": 11.69}
        printed = base64.b64decode(self.driver.execute_cdp_cmd("Page.printToPDF", size)["data"])
        return len(re.findall(rb"/Type\s*/Page\b", printed))


@contextmanager
def running_browser(profile: Path) -> Iterator[Browser]:
    """A browser for the length of a block; skips the test where there is none."""
    options = ChromeOptions()
    options.binary_location = tool("chromium")
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    driver = Chrome(options, Service(tool("chromedriver", package="chromium-driver")))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
