"""How a prompt sounds: its words with every value spoken as the caller's language says it.

Text comes out plain: whoever renders it escapes it. A language or a value that cannot be said is a
`PromptError`: silence on a line is worse than an error.
"""

from dataclasses import dataclass
from datetime import date

from babel import dates, numbers

from flows.language.languages import LANGUAGES, Language, Unit
from flows.language.prompts import Literal, PromptError, Prompts, Segment
from flows.language.recordings import Recordings
from flows.language.words import Amount, Digits, Name, Say, Sentence, Subunits, Units, Value

_MILLION = 1_000_000
_BREATH = 4
"""So many digits are said in one breath."""
_MANY = 2
"""A count for names in the plural."""


@dataclass(frozen=True, slots=True)
class SpokenWords:
    """Text for the voice."""

    text: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """A sound file in place of words."""

    url: str


SpeechPart = SpokenWords | Recorded


def speak(
    say: Say, language: str, prompts: Prompts, recordings: Recordings | None = None
) -> tuple[SpeechPart, ...]:
    """The parts to utter, in order; raises PromptError where the prompt, a value or language is missing."""
    prompt, given = prompts.find(language, say.key), frozenset(say.values)
    segments, wanted = prompt.segments, prompt.placeholders
    if wanted != given:
        raise PromptError(
            f"{say.key}: {language} has placeholders {sorted(wanted)}, given are {sorted(given)}"
        )
    urls = recordings.find(language, say.key, segments) if recordings else None
    if urls is None:
        return (SpokenWords("".join(_text(one, say, language) for one in segments)),)
    remaining = iter(urls)
    return tuple(
        Recorded(next(remaining)) if isinstance(one, Literal) else SpokenWords(_text(one, say, language))
        for one in segments
        if not isinstance(one, Literal) or one.is_speech
    )


def _text(segment: Segment, say: Say, language: str) -> str:
    return segment.text if isinstance(segment, Literal) else aloud(say.values[segment.name], language)


def aloud(value: Value, language: str) -> str:  # noqa: C901, PLR0911 - one line a kind of value
    """One value as the language says it: "1,950 euros and 90 cents", "4 2 4 2", "22 November 2026"."""
    rules = LANGUAGES.get(language)
    if rules is None:
        raise PromptError(f"no values can be spoken in {language!r}; there are: {', '.join(LANGUAGES)}")
    match value:
        case Amount():
            return _money(value, rules)
        case Units(currency):
            return _units(_MANY, currency, rules)
        case Subunits(currency):
            return _subunits(_MANY, currency, rules)
        case Digits(text):
            return _digits(text.replace(" ", ""), rules)
        case Name(text):
            return text
        case Sentence(wordings):
            return "".join(one.text for one in wordings if one.language == language)
        case bool():
            raise PromptError(f"a prompt cannot say {value!r}")
        case date():
            return dates.format_date(value, "long", locale=rules.locale)
        case int():
            return _number(value, rules)
        case other:
            raise PromptError(f"a prompt cannot say {other!r}")


def _digits(text: str, rules: Language) -> str:
    """One at a time, with a breath after every four, or between all where a star is among them. Source:
    twilio.com/docs/voice/twiml/say.
    """
    if "*" in text:
        return ", ".join(rules.star if key == "*" else key for key in text)
    groups = [text[start : start + _BREATH] for start in range(0, len(text), _BREATH)]
    return ", ".join(" ".join(group) for group in groups)


def _money(amount: Amount, rules: Language) -> str:
    if amount.minor < 0 or not numbers.is_currency(amount.currency):
        raise PromptError(f"{amount} is no amount that can be said")
    places = numbers.get_currency_precision(amount.currency)
    major, minor = divmod(amount.minor, 10**places)
    said = []
    if major or not minor:
        said.append(_whole(major, amount.currency, rules))
    if minor:
        unit = _subunits(minor, amount.currency, rules)
        said.append(f"{_counted(minor, unit, rules)} {unit}")
    return rules.money_joint.join(said)


def _whole(count: int, currency: str, rules: Language) -> str:
    joint = rules.millions_joint if count and count % _MILLION == 0 else " "
    unit = _units(count, currency, rules)
    return f"{_counted(count, unit, rules)}{joint}{unit}"


def _counted(count: int, unit: str, rules: Language) -> str:
    words = rules.spelled(count, unit) if rules.spelled else None
    return words or _number(count, rules)


def _units(count: int, currency: str, rules: Language) -> str:
    unit = rules.units.get(currency)
    if unit is not None:
        return _form(unit, count)
    return str(numbers.get_currency_name(currency, count=count, locale=rules.locale))


def _subunits(count: int, currency: str, rules: Language) -> str:
    places = numbers.get_currency_precision(currency)
    return _form(rules.subunits.get(currency) or rules.fractions[places], count)


def _form(unit: Unit, count: int) -> str:
    return unit[0] if count == 1 else unit[1]


def _number(count: int, rules: Language) -> str:
    return numbers.format_decimal(count, locale=rules.locale, group_separator=rules.groups_thousands)
