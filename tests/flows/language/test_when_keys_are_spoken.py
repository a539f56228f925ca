"""Where the words of a question name a key, and how soon that can have been spoken."""

from pathlib import Path

import pytest

from flows.language import (
    Amount,
    Digits,
    Name,
    Prompts,
    Recorded,
    Recordings,
    Say,
    SpokenWords,
    in_pieces,
    spoken_s,
)

DUE = Amount(4900, "EUR")
KEEP = "To pay {due} with {card}, press 1. Another card, 2. To keep it, too, press 7."


def pieces(text: str, keys: str, recordings: tuple[str, ...] = (), **values: object) -> list[tuple[str, ...]]:
    """What is spoken before each clause, the clause and its keys; at last what is spoken behind them."""
    prompts = Prompts(Path(), {"en": {"ask": text}})
    urls = Recordings({"en": {"ask": recordings}}) if recordings else Recordings({})
    say = Say("ask", **values)  # type: ignore[arg-type]
    named, rest = in_pieces(say, keys, "en", prompts, urls)
    return [*((shown(one.before), shown(one.clause), one.keys) for one in named), (shown(rest),)]


def shown(parts: tuple[SpokenWords | Recorded, ...]) -> str:
    return " + ".join(one.text if isinstance(one, SpokenWords) else one.url for one in parts)


@pytest.mark.parametrize(
    ("text", "keys", "expected"),
    [
        (
            KEEP,
            "17",
            [
                ("To pay 49 euros with 1 1,", "press 1.", "1"),
                ("Another card, 2. To keep it, too,", "press 7.", "7"),
                ("",),
            ],
        ),
        (
            "{card}. To pay {due} press 1. Another, 2.",
            "1",
            [("1 1. To pay 49 euros", "press 1.", "1"), ("Another, 2.",)],
        ),
        # What the key does is said behind it: heard is who has heard the sentence.
        (
            "Hello. Press 1 to pay {due} with {card}, now. Or 2.",
            "1",
            [("Hello.", "Press 1 to pay 49 euros with 1 1, now.", "1"), ("Or 2.",)],
        ),
        ("To pay {due} with {card} press 1 or 7, now. No, 2.", "17", [
            ("To pay 49 euros with 1 1", "press 1 or 7, now.", "17"), ("No, 2.",)]),
        ("{card}: {due}? Yes, 1", "1", [("1 1: 49 euros? Yes,", "1", "1"), ("",)]),
        ("{due} of {card} 11 and 21: 1. Bye.", "1", [("49 euros of 1 1 11 and 21:", "1.", "1"), ("Bye.",)]),
    ],
)  # fmt: skip
def test_a_question_is_cut_behind_the_words_that_name_a_key(
    text: str, keys: str, expected: list[tuple[str, ...]]
) -> None:
    assert pieces(text, keys, due=DUE, card=Digits("11")) == expected


def test_of_recordings_the_whole_file_names_the_key() -> None:
    assert pieces(KEEP, "17", ("to.mp3", "with.mp3", "press.mp3"), due=DUE, card=Name("Visa")) == [
        ("to.mp3 + 49 euros + with.mp3 + Visa", "press.mp3", "17"),
        ("",),
    ]


def test_how_soon_a_key_can_have_been_named() -> None:
    """By the quickest voice, up to the words that name it; a question that does not name it, to its end."""
    prompts = Prompts(Path(), {"en": {"ask": KEEP}, "es": {"ask": KEEP}})
    say = Say("ask", due=DUE, card=Digits("11"))
    one, seven, all_of_it = (spoken_s(say, key, "en", prompts) for key in "174")
    assert one == len("To pay 49 euros with 1 1, press 1.") / 20
    assert one < seven == all_of_it
    assert spoken_s(say, "1", "es", prompts) < one
