"""One name, one thing: what `make figures` counts of the names of types stays none."""

from pathlib import Path

from tests.figures.source import duplicates, participles, product

ROOT = Path(__file__).parents[2]


def test_a_public_type_is_defined_once() -> None:
    assert duplicates(product(ROOT), "types") == {}


def test_no_type_is_named_by_a_verb_in_ing() -> None:
    assert participles(product(ROOT), "ing") == []
