"""What holds of every command's help: it is whole, has an example that works, and says it in usual words."""

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from ivr.cli import main
from tests.support.commands import Named, every_command

ROOT = Path(__file__).parents[3]
COMMANDS = list(every_command())
LISTS = [one for one in COMMANDS if one[0][-1:] == ("list",)] + [
    one for one in COMMANDS if one[0] in {("config",), ("payout", "show")}
]
HOUSE_WORDS = re.compile(
    r"\b(stands?|stood|anew|leave (it|them) away|(is|was|are|were) asked (for|back)|blanks?|mend(ed|s)?"
    r"|heard|nobody can|by its source's word)\b",
    re.IGNORECASE,
)
"""Words of this project that a reader would look at twice."""


def of(names: tuple[str, ...]) -> str:
    return " ".join(("paybycall", *names))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that examples read."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bills.csv").touch()


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("named", COMMANDS, ids=lambda named: of(named[0]))
def test_every_command_has_an_example_that_it_can_parse(named: Named) -> None:
    names, _ = named
    shown = CliRunner().invoke(main, [*names, "--help"])
    assert shown.exit_code == 0
    _, found, examples = shown.output.partition("Example")
    assert found, shown.output
    lines = [line.strip() for line in examples.splitlines()[1:] if line.strip()]
    assert lines
    for line in lines:
        words = shlex.split(re.sub(r" [<>] \S+$", "", line))
        assert words[: len(names) + 1] == ["paybycall", *names], line
        parse(words[1:])


def parse(words: list[str]) -> None:
    """As the command line would read it; nothing is run. Raises click.UsageError."""
    command: click.Command = main
    while isinstance(command, click.Group) and words:
        found = command.get_command(click.Context(command), words[0])
        if found is None:
            break
        command, words = found, words[1:]
    with suppress(click.exceptions.Exit):  # --help
        command.make_context("an example", words)


@pytest.mark.parametrize("named", LISTS, ids=lambda named: of(named[0]))
def test_every_list_is_printed_for_programs_and_spreadsheets_too(named: Named) -> None:
    names, command = named
    options = {option for param in command.params for option in param.opts}
    assert {"--json", "--csv"} <= options, of(names)


def people_read() -> Iterator[tuple[str, str]]:
    for names, _ in COMMANDS:
        yield of(names), CliRunner().invoke(main, [*names, "--help"]).output
    for file in sorted(
        [*ROOT.glob("ivr/web/payer_pages/words.*.toml"), *ROOT.glob("ivr/messaging/templates.*.toml")]
    ):
        for name, words in tomllib.loads(file.read_text()).items():
            yield f"{file.name}: {name}", words

    for file in sorted(ROOT.glob("ivr/cli/*.py")):
        tree = ast.parse(file.read_text())
        docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
                yield f"{file.name}:{node.lineno}", node.value


def test_usual_words_alone() -> None:
    odd = [(where, found[0]) for where, text in people_read() if (found := HOUSE_WORDS.search(text))]
    assert odd == []
