"""`paybycall flow`: pictures and checks."""

from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner

import flows
from flows.language import draw
from flows.pay_bill.flow import flow
from ivr.cli.flow import command

BROKEN = """
from dataclasses import dataclass
from pathlib import Path
from flows.language import CallState, End, Flow, Say, check

@dataclass(frozen=True)
class State(CallState):
    pass

flow = Flow("broken", state=State, start="nowhere", person="bye", visits_max=1, exhausted="bye",
            folder=Path(__file__).parent)

@flow.add(End.exits())
def bye(_):
    return End(Say("bye"))

check(flow)
"""


def test_draw_prints_the_picture() -> None:
    result = CliRunner().invoke(command, ["draw", "pay_bill"])
    assert result.exit_code == 0
    assert result.output == draw(flow)


def test_check_looks_at_every_flow() -> None:
    result = CliRunner().invoke(command, ["check"])
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert f"pay_bill: {len(flow.steps)} steps, prompts in en, es: no faults" in lines
    folders = {path.parent.name for path in Path(flows.__path__[0]).glob("*/flow.py")}
    assert {line.partition(":")[0] for line in lines} == folders - {"language"}
    assert all(line.endswith(": no faults") for line in lines)


@pytest.mark.parametrize(
    "words", [["draw", "nope"], ["check", "nope"], ["draw", "language"], ["draw", "../x"]]
)
def test_an_unknown_flow_is_a_sentence(words: list[str]) -> None:
    result = CliRunner().invoke(command, words)
    assert result.exit_code == 2
    assert f"There is no flow {words[1]}. The flows are: " in result.stderr
    assert "pay_bill" in result.stderr


def test_a_broken_flow_tells_its_faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "broken_for_this_test"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "flow.py").write_text(BROKEN)
    (folder / "prompts.en.toml").write_text('bye = "Goodbye."')
    monkeypatch.setattr(flows, "__path__", [*flows.__path__, str(tmp_path)])
    result = CliRunner().invoke(command, ["check", folder.name])
    assert result.exit_code == 1
    assert "Error: broken: start is nowhere, but there is no such step" in result.output


def test_the_command_is_found_under_its_name() -> None:
    from ivr.cli import COMMANDS

    assert import_module(COMMANDS["flow"]).command is command
