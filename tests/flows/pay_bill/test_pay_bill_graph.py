"""The graph of pay_bill: every step walked in every situation, and its picture."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import product
from pathlib import Path

import pytest

from flows.language import (
    Amount,
    BillFacts,
    CardFacts,
    Choose,
    Go,
    LinkFacts,
    Prompts,
    ReceiptFacts,
    Say,
    SpokenWords,
    Translation,
    draw,
    languages_in,
    speak,
)
from flows.language import state as codec
from flows.pay_bill.bill import PayBill
from flows.pay_bill.flow import flow

LANGUAGES = languages_in(flow.folder)
PROMPTS = Prompts.load(flow.folder, LANGUAGES)
EUR = "EUR"
MERCHANTS_OWN = (Translation("en", "At the desk."), Translation("es", "En la oficina."))


def situations() -> Iterator[PayBill]:
    """States in which every step can be entered, in all their variety."""
    full = PayBill(
        merchant="Demo Town Hall",
        bill=BillFacts("12345678", Amount(4990, EUR), Amount(1000, EUR), date(2026, 12, 1)),
        card=CardFacts("visa", "4242"),
        saved_card=CardFacts("visa", "4242"),
        receipt=ReceiptFacts("10000001", Amount(4990, EUR), texted=True),
        reference="12345678",
        keyed="20",
        amount=Amount(2000, EUR),
        link=LinkFacts("10000002", Amount(4990, EUR), minutes=60),
    )
    whole = BillFacts("12345678", Amount(4990, EUR), Amount(4990, EUR))
    flags = product((True, False), repeat=4)
    for known, card_first, texted, part in flags:
        for keyed, brand, declined in product(("20*50", "1", "9999", "20*5"), ("visa", "novel"), (0, 2)):
            yield replace(
                full,
                language_known=known,
                card_first=card_first,
                bill=full.bill if part else whole,
                card=CardFacts(brand, "4242"),
                saved_card=CardFacts(brand, "4242"),
                receipt=ReceiptFacts("10000001", Amount(4990, EUR), texted),
                keyed=keyed,
                cards_declined=declined,
            )
    yield replace(full, link=LinkFacts("10000002", Amount(4990, EUR), minutes=1439))
    yield replace(full, link=None)
    yield replace(full, bill=replace(whole, due=Amount(0, EUR), minimum=Amount(0, EUR)))
    yield replace(full, another_card=False)
    yield replace(full, another_card=False, cards_declined=1)
    yield replace(full, merchant="")
    yield replace(full, may_be_pending=True)
    yield replace(full, card=None)
    yield replace(full, saved_cards=True)
    yield replace(full, saved_cards=True, card=None)
    yield replace(full, bill=replace(whole, due=Amount(4990, "JPY"), minimum=Amount(1, "JPY")))
    yield replace(full, other_ways=MERCHANTS_OWN, reference_place=MERCHANTS_OWN)
    for most_minor in (0, 3000):
        yield replace(full, bill=replace(whole, most=Amount(most_minor, EUR)))
    yield replace(full, bill=None)


def run(name: str) -> Iterator[object]:
    """What the step answers in each situation that can lead to it."""
    for state in situations():
        try:
            yield flow.step(name).run(state)
        except LookupError:
            if None not in {state.bill, state.card, state.link}:
                raise


def says(wait: object) -> list[Say]:
    return [say for name in ("say", "hint") if isinstance(say := getattr(wait, name, None), Say)]


@pytest.mark.parametrize("name", sorted(flow.steps))
def test_a_step_answers_with_what_its_kind_waits_for(name: str) -> None:
    answers = list(run(name))
    assert answers
    for wait in answers:
        assert isinstance(wait, flow.step(name).wait)
        if isinstance(wait, Go) and wait.state is not None:
            assert codec.load(PayBill, codec.dump(wait.state)) == wait.state


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", sorted(flow.steps))
def test_whatever_a_step_says_is_spoken_in_every_language(name: str, language: str) -> None:
    for wait in run(name):
        for say in says(wait):
            (said,) = speak(say, language, PROMPTS)
            assert isinstance(said, SpokenWords)
            assert not re.search(r"[{}]|\d\.\d|None", said.text), said


@pytest.mark.parametrize("name", sorted(n for n, step in flow.steps.items() if step.wait is Go))
def test_every_exit_of_a_decision_is_taken_in_some_situation(name: str) -> None:
    assert {wait.exit for wait in run(name) if isinstance(wait, Go)} == set(flow.step(name).exits)


def test_every_prompt_is_said_in_some_situation() -> None:
    said = {say.key for name in flow.steps for wait in run(name) for say in says(wait)}
    assert said == PROMPTS.keys("en")


def test_both_languages_hold_the_same_prompts_with_the_same_values() -> None:
    assert set(LANGUAGES) == {"en", "es"}
    assert PROMPTS.keys("en") == PROMPTS.keys("es")
    for key in PROMPTS.keys("en"):
        assert PROMPTS.find("en", key).placeholders == PROMPTS.find("es", key).placeholders, key


def test_both_languages_offer_the_same_keys_in_the_same_order() -> None:
    for key in PROMPTS.keys("en") - {"language.ask", "reference.ask"}:
        digits = {language: re.findall(r"\d", PROMPTS.find(language, key).template) for language in LANGUAGES}
        assert digits["en"] == digits["es"], key


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", sorted(n for n, step in flow.steps.items() if step.wait is Choose))
def test_a_menu_says_each_of_its_keys(name: str, language: str) -> None:
    keys = set(flow.step(name).options or {})
    for wait in run(name):
        for say in says(wait)[:1]:
            asked = [language] if name != "ask_language" else LANGUAGES
            templates = " ".join(PROMPTS.find(one, say.key).template for one in asked)
            assert set(re.findall(r"\b\d\b", templates)) == keys


def test_the_picture_in_the_readme_is_the_flow() -> None:
    readme = (flow.folder / "README.md").read_text(encoding="utf-8")
    assert f"```mermaid\n{draw(flow)}```" in readme


def test_the_picture_has_every_step_and_every_exit() -> None:
    picture = draw(flow)
    assert picture == draw(flow)
    for step in flow.steps.values():
        assert re.search(rf"^    {step.name}[\[{{(]", picture, re.MULTILINE)
        options = step.options or {}
        arrows = len(options) + len(step.exits) - len(set(options.values()))
        assert len(re.findall(rf"^    {step.name} -->", picture, re.MULTILINE)) == arrows
    assert f"hello((hello)) --> {flow.start}" in picture
    assert f"zero((key 0)) -.-> {flow.person}" in picture


def test_the_flow_imports_nothing_of_ours_but_its_language() -> None:
    for path in Path(flow.folder).glob("*.py"):
        imported = re.findall(r"^\s*(?:from|import) ([\w.]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        strangers = {name for name in imported if name.rpartition(".")[0] != "flows.pay_bill"}
        assert strangers <= {"dataclasses", "pathlib", "typing", "flows.language", "flows.pay_bill"}
