"""Each wait is a pair of files of one name: what it is, and what a call does there."""

import ast
from pathlib import Path

import pytest

import flows.language.waits
import ivr.calls.waits
from flows.language import WAITS, QuestionWait
from ivr.calls.wait_handler import QuestionHandler
from ivr.calls.waits import HANDLERS

ROOT = Path(__file__).parents[4]
WAIT_FILES = sorted(path.stem for path in Path(flows.language.waits.__file__).parent.glob("[!_]*.py"))
HANDLER_FILES = sorted(path.stem for path in Path(ivr.calls.waits.__file__).parent.glob("[!_]*.py"))
NAMES = {wait.__name__ for wait in WAITS}


def _module(of: object) -> str:
    return str(of.__module__).rpartition(".")[2]


def test_each_wait_has_a_handler_and_each_handler_a_wait() -> None:
    assert WAIT_FILES == HANDLER_FILES


def test_every_file_is_on_the_list_of_waits() -> None:
    assert sorted(map(_module, WAITS)) == WAIT_FILES


def test_a_handler_stands_in_the_file_of_its_waits_name() -> None:
    assert sorted((_module(wait), _module(handler)) for wait, handler in HANDLERS.items()) == [
        (name, name) for name in WAIT_FILES
    ]


def test_a_question_has_the_handler_of_a_question() -> None:
    asking = {wait for wait, handler in HANDLERS.items() if issubclass(handler, QuestionHandler)}
    assert asking == {wait for wait in WAITS if issubclass(wait, QuestionWait)}


@pytest.mark.parametrize("folder", ["flows/language", "ivr"])
def test_no_other_file_names_a_wait(folder: str) -> None:
    """Flows return waits; everything else asks the wait, or its handler."""
    for path in (ROOT / folder).rglob("*.py"):
        if path.parent.name == "waits" or path.is_relative_to(ROOT / "ivr" / "simulators"):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("flows")
            for alias in node.names
        }
        assert not imported & NAMES, path
