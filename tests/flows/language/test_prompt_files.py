"""Prompt files: what they hold, and what is wrong with them."""

import re
from pathlib import Path

import pytest

from flows.language import (
    NounError,
    PromptError,
    Prompts,
    Say,
    languages_in,
    read_noun,
    server_prompts,
    speak,
)
from flows.language.prompts import Literal, Placeholder

HOST_KEYS = {
    "host.again",
    "host.again_slower",
    "host.faster",
    "host.slower",
    "host.back",
    "host.card_too_early",
    "host.connecting",
    "host.goodbye",
    "host.hang_up",
    "host.wait_for_question",
    "host.no_input",
    "host.no_match",
    "host.wrong_length",
    "host.nobody",
    "host.offer_person",
    "host.rejoin",
    "host.take_your_time",
    "host.trouble",
    "host.wait.1",
    "host.wait.2",
    "host.wait.3",
}


def write(folder: Path, **languages: str) -> Path:
    for language, text in languages.items():
        (folder / f"prompts.{language}.toml").write_text(text, encoding="utf-8")
    return folder


def test_keys_are_the_paths_of_the_tables(tmp_path: Path) -> None:
    write(tmp_path, en='[card]\nask = "Your card?"\n[card.wait]\n1 = " One moment. "\n')
    prompts = Prompts.load(tmp_path, ["en"])
    assert prompts.keys("en") == {"card.ask", "card.wait.1"}
    assert prompts.find("en", "card.wait.1").template == "One moment."
    assert prompts.languages == languages_in(tmp_path) == ("en",)


def test_a_template_is_literals_and_placeholders(tmp_path: Path) -> None:
    write(tmp_path, es='pagar = "Para pagar {due}, pulse 1."')
    prompts = Prompts.load(tmp_path, ["es"])
    assert prompts.find("es", "pagar").segments == (
        Literal("Para pagar "),
        Placeholder("due"),
        Literal(", pulse 1."),
    )
    assert prompts.find("es", "pagar").placeholders == {"due"}


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("ask = 3", "ask"),
        ('[card]\nask = ""', "card.ask"),
        ('ask = ["a"]', "ask"),
        ('ask = "{due.minor}"', "ask"),
        ('ask = "{due:>9}"', "ask"),
        ('ask = "{due!r}"', "ask"),
        ('ask = "{}"', "ask"),
        ('ask = "{0}"', "ask"),
        ('ask = "{due"', "ask"),
        ('ask = "due}"', "ask"),
        ('ask = "a"\nask = "b"', "prompts.en.toml"),
        ("ask =", "prompts.en.toml"),
    ],
)
def test_a_fault_names_the_file_and_the_key(tmp_path: Path, text: str, key: str) -> None:
    write(tmp_path, en=text)
    with pytest.raises(PromptError) as fault:
        Prompts.load(tmp_path, ["en"])
    assert str(tmp_path / "prompts.en.toml") in str(fault.value)
    assert key in str(fault.value)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    write(tmp_path, en='ask = "Yes?"')
    with pytest.raises(PromptError, match=re.escape("prompts.es.toml: the file is missing")):
        Prompts.load(tmp_path, ["en", "es"])
    prompts = Prompts.load(tmp_path, ["en"])
    with pytest.raises(PromptError, match=r"prompts\.en\.toml: no prompt 'gone'"):
        prompts.find("en", "gone")
    with pytest.raises(PromptError, match="no prompts in 'es'; there are: en"):
        prompts.keys("es")


def test_what_the_server_says_as_host_is_there_to_be_said() -> None:
    sources = Path(__file__).parents[3].joinpath("ivr").rglob("*.py")
    said = {
        key for path in sources for key in re.findall(r'"(host\.[\w.]+)"', path.read_text(encoding="utf-8"))
    }
    assert said <= HOST_KEYS


def test_the_host_says_the_same_things_in_every_language() -> None:
    prompts = server_prompts()
    assert set(prompts.languages) >= {"en", "es"}
    for language in prompts.languages:
        assert prompts.keys(language) == HOST_KEYS
        for key in HOST_KEYS:
            assert not prompts.find(language, key).placeholders
            assert speak(Say(key), language, prompts)


@pytest.mark.parametrize(
    ("noun", "text", "said"),
    [
        (None, "[Esta factura] ya está [pagada].", "Esta factura ya está pagada."),
        ("el recibo", "[Esta factura] ya está [pagada].", "Este recibo ya está pagado."),
        ("la multa", "[Esta factura] ya está [pagada].", "Esta multa ya está pagada."),
        ("el recibo", "[Otra factura], 3.", "Otro recibo, 3."),
        ("el recibo", "un pago [de la factura] y [ninguna factura]", "un pago del recibo y ningún recibo"),
        ("el recibo", "su [factura] y [la factura]", "su recibo y el recibo"),
    ],
)
def test_what_agrees_with_the_merchants_noun_stands_in_brackets(
    noun: str | None, text: str, said: str
) -> None:
    nouns = {} if noun is None else {"es": read_noun(noun, "es")}
    assert Prompts(Path("folder"), {"es": {"ask": text}}, nouns).find("es", "ask").template == said


@pytest.mark.parametrize(
    "noun", ["", "recibo", "la", "la multa 7", "la x{y}", "la " + "m" * 21, "la [multa]"]
)
def test_an_unclear_noun_is_refused(noun: str) -> None:
    with pytest.raises(NounError):
        read_noun(noun, "es")
    assert read_noun("fine", "en") == read_noun("the fine", "en")
