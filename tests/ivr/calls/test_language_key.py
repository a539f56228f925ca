"""8 alone changes the language in the midst of a call: card entry, text and the next call go by it."""

from collections.abc import Callable

import pytest

from flows.language import Prompts
from flows.language.prompts import Literal
from flows.pay_bill.flow import flow
from tests.support.payer import CARD, call_sid, pay
from tests.support.phone import call_settings
from tests.support.server import REFERENCE, Server
from tests.support.server_checks import facts

PROMPTS = Prompts.load(flow.folder, ["en", "es"])


def _spoken_in(line: str, *keys: str) -> str:
    """The language in which one of these prompts stands in a line."""
    (language,) = {
        language
        for language in PROMPTS.languages
        for key in keys
        if all(
            part.text.strip() in line
            for part in PROMPTS.find(language, key).segments
            if isinstance(part, Literal)
        )
    }
    return language


def _behind_eights(lines: list[str], *keys: str) -> list[str]:
    return [_spoken_in(lines[at + 1], *keys) for at, line in enumerate(lines) if line in {"> 8", "> 8#"}]


@pytest.mark.slow
@pytest.mark.parametrize("card_entry", ["gather", "pay"])
def test_the_language_of_a_caller_can_be_changed(
    start_server: Callable[..., Server], card_entry: str
) -> None:
    server = start_server(CARD_ENTRY=card_entry)
    server.add_bill()
    _, lines, _ = pay(server, ("1", "8", "1", *CARD, "8", "8", "1"), settings=call_settings(call_sid(1)))
    assert _behind_eights(lines, "bill.offer_part", "confirm.branded") == ["es", "en", "es"]
    assert "tarjeta" in lines[lines.index("> (visa)") - 1], "the card is asked for in Spanish"
    assert _spoken_in(lines[-2], "receipt.texted") == "es"
    server.pass_time(60)
    assert [fact for fact in facts(server) if fact.startswith("confirmation") and fact.endswith(" in es")]
    server.add_bill("20304050")
    _, again, _ = pay(server, ("8", "(hang up)"), settings=call_settings(call_sid(2)))
    assert _spoken_in(again[1], "bill.offer_part") == "es", "remembered"
    assert _behind_eights(again, "bill.offer_part") == ["en"]
    stranger = call_settings(call_sid(3), from_number="+34600999888")
    _, lines, _ = pay(server, ("1", "8#", "8#", REFERENCE, "(hang up)"), settings=stranger)
    assert _behind_eights(lines, "reference.ask") == ["es", "en"]
