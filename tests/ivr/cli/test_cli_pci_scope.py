"""`paybycall pci scope`: the page and the command say the same, of every mode and of this installation."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr.cli import main
from ivr.doctor.pci_scope import GATHER_AUTHORIZE, GATHER_TOKENIZE, LINK, MODES, PAY, Mode, markdown
from tests.ivr.platform.settings.test_web_settings import DEVELOPMENT

PAGE = (Path(__file__).parents[3] / "docs" / "pci.md").read_text()
CARRIER = {"CARD_ENTRY": "pay", "PCI_INTERNAL_URL": "", "INTERNAL_SECRET": ""}


def told(*options: str, **environ: str) -> str:
    done = CliRunner().invoke(main, ["pci", "scope", *options], env=DEVELOPMENT | environ)
    assert done.exit_code == 0, done.output
    return done.output


def test_the_page_has_the_commands_table() -> None:
    assert markdown() in PAGE, "write it anew: paybycall pci scope --markdown"
    assert told("--markdown") == markdown()
    assert all(f"\n| {mode.name} | " in PAGE for mode in MODES)


def test_who_hears_digits_answers_d_and_nobody_else_does() -> None:
    assert {mode.questionnaire for mode in (GATHER_TOKENIZE, GATHER_AUTHORIZE)} == {"SAQ D"}
    assert {mode.questionnaire for mode in (PAY, LINK)} == {"SAQ A"}
    for mode in MODES:
        assert (mode.questionnaire == "SAQ D") is ("`pci`" in mode.stores + mode.processes + mode.in_scope)


@pytest.mark.parametrize(
    ("environ", "mode"),
    [
        ({}, GATHER_TOKENIZE),
        ({"CARD_ENTRY": "gather"}, GATHER_TOKENIZE),
        ({"SANDBOX_CARD_ENTRY": "authorize"}, GATHER_AUTHORIZE),
        (CARRIER, PAY),
    ],
)
def test_it_speaks_of_this_installation(environ: dict[str, str], mode: Mode) -> None:
    said = told(**environ)
    assert said.startswith(f"Cards on the telephone: {mode.name} (")
    for fact in (mode.stores, mode.processes, mode.transmits, mode.web_and_worker, mode.in_scope):
        assert fact.replace("`", "") in said
    assert f"questionnaire              {mode.questionnaire}" in said
    for other in {GATHER_TOKENIZE, GATHER_AUTHORIZE, PAY} - {mode}:
        assert f"telephone: {other.name} (" not in said


def test_what_is_left_to_do_where_the_carrier_takes_cards() -> None:
    said = told(
        **CARRIER,
        PUBLIC_URL="https://pay.example.org",
        PAY_CONNECTOR="Stripe_1",
        PERSON_NUMBER="+34900900900",
    )
    for part in (
        "It cannot be undone, so use a separate account (a subaccount) for these calls.",
        "under the name Stripe_1 (PAY_CONNECTOR)",
        "fallback URL to https://pay.example.org/voice/fallback",
        "pci=0",
        "answer SAQ A",
        "  ok     PUBLIC_URL is https.",
        "no recording",
        "PERSON_NUMBER (+34900900900) must not take card numbers by voice",
    ):
        assert part in said
    assert "SAQ D" not in said
    assert "/pci/fallback" not in said


def test_what_is_left_to_do_where_our_own_process_takes_them() -> None:
    said = told(PCI_PUBLIC_URL="https://card.example.org/")
    for part in (
        "cannot be undone",
        "fallback URL to https://card.example.org/pci/fallback",
        "  ok     PCI_PUBLIC_URL is https.",
        "  TO DO  Set PUBLIC_URL to https://",
        "SAQ D",
        "With CARD_ENTRY=pay no card digits would reach you: SAQ A.",
    ):
        assert part in said
    assert "PERSON_NUMBER" not in said
    assert "PAY_CONNECTOR" not in said


def test_settings_that_cannot_work_are_told_first() -> None:
    done = CliRunner().invoke(main, ["pci", "scope"], env=DEVELOPMENT | {"INTERNAL_SECRET": ""})
    assert (done.exit_code, done.output.startswith("Set INTERNAL_SECRET: ")) == (2, True)


def test_the_duties_that_the_command_names_are_on_the_page() -> None:
    for part in ("PCI Mode", "cannot be undone", "subaccount", "pci=0", "recording", "attestations", "https"):
        assert part in PAGE
