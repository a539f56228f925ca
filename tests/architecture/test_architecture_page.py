"""docs/architecture.md shows the graph of attempts as it stands, and names every package."""

from pathlib import Path

from ivr.payments.attempts.states import FINAL, GRAPH, State

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/architecture.md").read_text()


def draw() -> str:
    """The graph as a Mermaid state diagram: states by their stored word, edges by the name of their event."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.RESERVED}"]
    lines += [f"    {start} --> {end}: {event.name.lower()}" for (start, event), end in GRAPH.items()]
    lines += [f"    {state} --> [*]" for state in State if state in FINAL]
    return "\n".join(lines) + "\n"


def test_the_picture_is_the_graph() -> None:
    picture = draw()
    assert picture.strip() in PAGE
    for (begin, event), end in GRAPH.items():
        assert f"    {begin} --> {end}: {event.name.lower()}\n" in picture
    assert all(f"    {state} --> [*]\n" in picture for state in FINAL)


def test_every_package_is_named() -> None:
    packages = {path.parent.name for path in (ROOT / "ivr").glob("*/__init__.py")}
    leaves = {path.stem for path in (ROOT / "ivr").glob("*.py")} - {"__init__"}
    missing = {
        name
        for name in packages | leaves
        if f"`{name}`" not in PAGE and f"ivr.{name}" not in PAGE and f"`{name}." not in PAGE
    }
    assert missing == set()
