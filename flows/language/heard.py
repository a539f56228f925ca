"""Which words of a question name its keys, so that a key can be held against what was spoken by then.

The words that name a key are its clause: "press 1." in "To pay 20 euros, press 1. Another card, 2." What
stands before the clause says what the key does.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from flows.language.languages import LANGUAGES
from flows.language.prompts import Literal, Prompts, Segment
from flows.language.recordings import Recordings
from flows.language.speech import SpeechPart, SpokenWords, aloud, speak
from flows.language.words import Say

_CLAUSE_BEGINS = re.compile(r"[.,:;!?]\s+")
_SENTENCE_ENDS = re.compile(r"[.:;!?](?=\s|$)")


@dataclass(frozen=True, slots=True)
class QuestionPiece:
    """A piece of a question that ends with the clause that names `keys`."""

    before: tuple[SpeechPart, ...]
    """From the end of the last piece to the clause."""
    clause: tuple[SpeechPart, ...]
    keys: str


@dataclass(frozen=True, slots=True)
class _Span:
    """Where a clause begins and ends: in the text, or in the list of parts."""

    begin: int
    end: int
    keys: str


def times_named(segments: Iterable[Segment], key: str) -> int:
    """How often the words of a prompt name this key. More than once, nobody can say when it was heard."""
    return sum(len(_places(one, key)) for one in segments)


def in_pieces(
    say: Say, keys: str, language: str, prompts: Prompts, recordings: Recordings | None = None
) -> tuple[tuple[QuestionPiece, ...], tuple[SpeechPart, ...]]:
    """The question, cut after the clause of each of these keys, and what is spoken after the last one.

    A recording is not cut: its clause is the whole file that names the key.
    """
    segments = prompts.find(language, say.key).segments
    parts = speak(say, language, prompts, recordings)
    if recordings is None or recordings.find(language, say.key, segments) is None:
        texts = _texts(say, language, prompts)
        text, spans = "".join(texts), _in_text(segments, texts, keys)
    else:
        text, spans = None, _in_parts(segments, keys)

    def between(begin: int, end: int | None) -> tuple[SpeechPart, ...]:
        return parts[begin:end] if text is None else _words(text[begin:end])

    starts = [0, *(span.end for span in spans)]
    pieces = tuple(
        QuestionPiece(between(start, span.begin), between(span.begin, span.end), span.keys)
        for start, span in zip(starts, spans, strict=False)
    )
    return pieces, between(starts[-1], None)


def spoken_s(say: Say, key: str, language: str, prompts: Prompts) -> float:
    """The seconds that the quickest voice of this language takes until it has named the key; until the end
    where the question does not name it.
    """
    texts = _texts(say, language, prompts)
    spans = _in_text(prompts.find(language, say.key).segments, texts, key)
    characters = spans[-1].end if spans else sum(map(len, texts))
    return characters / LANGUAGES[language].characters_per_s_max


def _texts(say: Say, language: str, prompts: Prompts) -> list[str]:
    """What is spoken of each segment."""
    return [
        one.text if isinstance(one, Literal) else aloud(say.values[one.name], language)
        for one in prompts.find(language, say.key).segments
    ]


def _places(segment: Segment, key: str) -> list[int]:
    """Where a segment's own words have the key; a value that is spoken names none."""
    if not isinstance(segment, Literal):
        return []
    return [found.start() for found in re.finditer(rf"(?<!\d){key}(?!\d)", segment.text)]


def _in_text(segments: Sequence[Segment], texts: Sequence[str], keys: str) -> list[_Span]:
    starts = list(accumulate(map(len, texts), initial=0))
    found = []
    for index, segment in enumerate(segments):
        for key in keys:
            for place in _places(segment, key):
                begins = [one.end() for one in _CLAUSE_BEGINS.finditer(texts[index], 0, place)]
                begin = starts[index] + (begins[-1] if begins else 0)
                found.append(_Span(begin, _sentence_end(segments, texts, starts, index, place), key))
    return _apart(found)


def _sentence_end(
    segments: Sequence[Segment], texts: Sequence[str], starts: Sequence[int], index: int, place: int
) -> int:
    """Where the sentence ends that has a key there; a full stop inside a spoken value ends none."""
    for later in range(index, len(segments)):
        if isinstance(segments[later], Literal):
            end = _SENTENCE_ENDS.search(texts[later], place if later == index else 0)
            if end is not None:
                return starts[later] + end.end()
    return starts[-1]


def _in_parts(segments: Sequence[Segment], keys: str) -> list[_Span]:
    spoken = [one for one in segments if not isinstance(one, Literal) or one.is_speech]
    return _apart(
        [
            _Span(index, index + 1, key)
            for index, segment in enumerate(spoken)
            for key in keys
            if _places(segment, key)
        ]
    )


def _apart(found: Iterable[_Span]) -> list[_Span]:
    """First to last; keys that one sentence, or one recording, names share a span."""
    spans: list[_Span] = []
    for span in sorted(found, key=lambda one: (one.begin, one.end)):
        if spans and span.begin < spans[-1].end:
            last = spans[-1]
            spans[-1] = _Span(last.begin, max(last.end, span.end), last.keys + span.keys)
        else:
            spans.append(span)
    return spans


def _words(text: str) -> tuple[SpeechPart, ...]:
    text = text.strip()
    return (SpokenWords(text),) if any(character.isalnum() for character in text) else ()
