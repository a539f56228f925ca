"""What holds of every command: its short help is whole, its logs are on standard error, and its exit status
follows one rule.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
import structlog
from click.testing import CliRunner

from ivr.cli import main
from ivr.cli.call import command as call
from tests.support.commands import every_command


def test_no_short_help_is_cut() -> None:
    for names in (names for names, one in every_command() if isinstance(one, click.Group)):
        shown = CliRunner().invoke(main, [*names, "--help"]).output
        _, _, commands = shown.partition("Example")[0].partition("Commands:")
        assert commands
        assert "..." not in commands, commands


def test_a_log_is_no_part_of_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command("answer")
    def answer() -> None:
        structlog.get_logger().warning("all_is_not_well", number="4242424242424242")
        click.echo("the answer")

    structlog.reset_defaults()
    monkeypatch.setattr(type(main), "get_command", lambda *_: answer)
    ran = CliRunner().invoke(main, ["answer"])
    assert ran.stdout == "the answer\n"
    log = json.loads(ran.stderr)
    assert (log["event"], log["number"]) == ("all_is_not_well", "***")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["flow", "draw", "nope"], "There is no flow nope. The flows are: "),
        (["flow", "check", "nope"], "There is no flow nope. The flows are: "),
        (["sandbox", "--notify", "http://127.0.0.1:1/"], "Set SANDBOX_WEBHOOK_SECRET"),
        (["flow", "nope"], "No such command"),
    ],
)
def test_what_cannot_be_done_ends_with_2(
    arguments: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SANDBOX_WEBHOOK_SECRET", raising=False)
    ran = CliRunner().invoke(main, arguments)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert sentence in ran.stderr


@pytest.mark.slow
def test_output_that_finds_no_space_ends_with_a_sentence() -> None:
    environ = {**os.environ, "ENVIRONMENT": "development"}
    with Path("/dev/full").open("w") as full:
        command = [str(Path(sys.executable).parent / "paybycall"), "config", "--csv"]
        ran = subprocess.run(
            command, env=environ, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60
        )
    assert (ran.returncode, ran.stderr) == (
        1,
        "Error: No space is left where this command writes to.\n",
    )


def test_every_option_says_what_it_does() -> None:
    missing = [
        (*names, option.opts[0])
        for names, one in every_command()
        for option in one.params
        if isinstance(option, click.Option) and not option.help and not option.hidden
    ]
    assert missing == []


@pytest.mark.parametrize("given", ["abc", "600000001", "+34", "+34600x", "nobody", "+34 1"])
def test_a_demo_call_from_an_invalid_number_is_refused_first(
    given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.cli.call.prepare", lambda *_: pytest.fail("it began"))
    ran = CliRunner().invoke(main, ["call", "--auto", "--from", given])
    assert ran.exit_code == 2
    assert "this is not a phone number: write it like +34600000001, or anonymous to withhold it" in ran.stderr


@pytest.mark.parametrize("given", ["+34600000001", "+1 202 555 0123", "anonymous", "Restricted", ""])
def test_a_demo_call_from_a_number_or_withheld_on_purpose(given: str) -> None:
    """A number is dialled as carriers write it."""
    rings = given.replace(" ", "")
    assert call.make_context("call", ["--from", given]).params["from_number"] == rings
