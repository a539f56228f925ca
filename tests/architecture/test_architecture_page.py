"""docs/architecture.md shows the graph of attempts as it stands, and names every package."""

from pathlib import Path

from ivr.payments.attempts.states import draw

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/architecture.md").read_text()


def test_the_picture_is_the_graph() -> None:
    assert draw().strip() in PAGE


def test_every_package_is_named() -> None:
    packages = {path.parent.name for path in (ROOT / "ivr").glob("*/__init__.py")}
    leaves = {path.stem for path in (ROOT / "ivr").glob("*.py")} - {"__init__"}
    missing = {
        name
        for name in packages | leaves
        if f"`{name}`" not in PAGE and f"ivr.{name}" not in PAGE and f"`{name}." not in PAGE
    }
    assert missing == set()
