"""A payer's page, made of words and facts: plain HTML, no script, nothing from elsewhere.

Everything that is shown is escaped; the style is the one inline part, allowed by its hash.
"""

import base64
import hashlib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

_FOLDER = Path(__file__).parent
_CSS = (_FOLDER / "page.css").read_text(encoding="utf-8")
_CSS_HASH = base64.b64encode(hashlib.sha256(_CSS.encode()).digest()).decode()
_PAGES = Environment(
    loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=False
)

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_CSS_HASH}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}
"""On every answer of these pages, the redirect included: the token is not passed on, kept or framed."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A sentence with a phone number in it: what comes before it, the number, its link, what comes after."""

    before: str
    phone: str
    href: str
    after: str


@dataclass(frozen=True, slots=True)
class View:
    """What one language says on a page."""

    language: str
    title: str
    texts: tuple[str, ...]
    facts: tuple[tuple[str, str], ...] = ()
    link: tuple[str, str] | None = None
    """Its words, and where it leads."""
    contact: Contact | None = None
    """Whom to call with questions."""


@cache
def words(language: str) -> dict[str, str]:
    """The words of that language."""
    with (_FOLDER / f"words.{language}.toml").open("rb") as file:
        return tomllib.load(file)


@cache
def languages() -> tuple[str, ...]:
    """The languages that have words; the first serves for every other."""
    return tuple(sorted(path.name.split(".")[1] for path in _FOLDER.glob("words.*.toml")))


def spoken(language: str) -> str:
    return language if language in languages() else languages()[0]


def page(views: Sequence[View], merchant: str) -> str:
    """The document."""
    css = Markup(_CSS)  # noqa: S704 - our own file, and the policy's hash is over these very bytes
    return _PAGES.get_template("page.html").render(views=views, merchant=merchant, css=css)
