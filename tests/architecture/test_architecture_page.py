"""docs/architecture.md has packages, a call and the graph of attempts as they are; `--update` draws them."""

import io
import re
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from ivr.payments.attempts.states import FINAL, GRAPH
from tests.figures import pictures

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/architecture.md"


def call() -> str:
    with redirect_stdout(io.StringIO()):  # the text that the caller gets
        return pictures.call()


PICTURES = (
    ("Packages", pictures.packages),
    ("A call", call),
    ("The life of an attempt", pictures.attempts),
)


@pytest.mark.parametrize(("heading", "picture"), PICTURES)
def test_a_picture_is_as_the_code_has_it(
    heading: str, picture: Callable[[], str], update_dialogues: bool
) -> None:
    before, there, rest = PAGE.read_text().partition(f"\n## {heading}\n")
    assert there
    drawn = re.sub(r"(?<=```mermaid\n).*?(?=```)", lambda _: picture(), rest, count=1, flags=re.DOTALL)
    if update_dialogues:
        PAGE.write_text(before + there + drawn)
    assert drawn == rest or update_dialogues, "pytest tests/architecture --update draws it anew"


def test_the_picture_of_attempts_is_the_graph() -> None:
    picture = pictures.attempts()
    for (begin, event), end in GRAPH.items():
        assert f"    {begin} --> {end}: {event.name.lower()}\n" in picture
    assert all(f"    {state} --> [*]\n" in picture for state in FINAL)


def test_every_package_is_named() -> None:
    page = PAGE.read_text()
    packages = {path.parent.name for path in (ROOT / "ivr").glob("*/__init__.py")}
    leaves = {path.stem for path in (ROOT / "ivr").glob("*.py")} - {"__init__"}
    missing = {
        name
        for name in packages | leaves
        if f"`{name}`" not in page and f"ivr.{name}" not in page and f"`{name}." not in page
    }
    assert missing == set()
