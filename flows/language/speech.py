"""How a prompt sounds: its words with every value spoken as the caller's language says it.

Text comes out plain: whoever renders it escapes it. A language or a value that cannot be said is a
`PromptError`: silence on a line is worse than an error.
"""

from dataclasses import dataclass
from datetime import date

from babel import dates, numbers

from flows.language.languages import TONGUES, Tongue, Unit
from flows.language.prompts import Literal, PromptError, Prompts, Segment
from flows.language.recordings import NONE, Recordings
from flows.language.words import Amount, Digits, Name, Say, Sentence, Subunits, Units, Value

_MILLION = 1_000_000
_BREATH = 4
"""So many digits are said in one breath."""
_MANY = 2
"""A count for names in the plural."""


@dataclass(frozen=True, slots=True)
class Words:
    """Text for the voice."""

    text: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """A sound file in place of words."""

    url: str


Part = Words | Recorded


def speak(say: Say, language: str, prompts: Prompts, recordings: Recordings = NONE) -> tuple[Part, ...]:
    """The parts to utter, in order; raises PromptError where the prompt, a value or language is missing."""
    segments = prompts.segments(language, say.key)
    wanted, given = prompts.placeholders(language, say.key), frozenset(say.values)
    if wanted != given:
        raise PromptError(
            f"{say.key}: {language} has placeholders {sorted(wanted)}, given are {sorted(given)}"
        )
    urls = recordings.find(language, say.key, segments)
    if urls is None:
        return (Words("".join(_text(one, say, language) for one in segments)),)
    remaining = iter(urls)
    return tuple(
        Recorded(next(remaining)) if isinstance(one, Literal) else Words(_text(one, say, language))
        for one in segments
        if not isinstance(one, Literal) or one.is_speech
    )


def _text(segment: Segment, say: Say, language: str) -> str:
    return segment.text if isinstance(segment, Literal) else aloud(say.values[segment.name], language)


def aloud(value: Value, language: str) -> str:  # noqa: C901, PLR0911 - one line a kind of value
    """One value as the language says it: "1,950 euros and 90 cents", "4 2 4 2", "22 November 2026"."""
    tongue = TONGUES.get(language)
    if tongue is None:
        raise PromptError(f"no values can be spoken in {language!r}; there are: {', '.join(TONGUES)}")
    match value:
        case Amount():
            return _money(value, tongue)
        case Units(currency):
            return _units(_MANY, currency, tongue)
        case Subunits(currency):
            return _subunits(_MANY, currency, tongue)
        case Digits(text):
            return _digits(text.replace(" ", ""), tongue)
        case Name(text):
            return text
        case Sentence(wordings):
            return "".join(one.text for one in wordings if one.language == language)
        case bool():
            raise PromptError(f"a prompt cannot say {value!r}")
        case date():
            return dates.format_date(value, "long", locale=tongue.locale)
        case int():
            return _number(value, tongue)
        case other:
            raise PromptError(f"a prompt cannot say {other!r}")


def _digits(text: str, tongue: Tongue) -> str:
    """One at a time, with a breath behind every four, or between all where a star is among them. Source:
    twilio.com/docs/voice/twiml/say.
    """
    if "*" in text:
        return ", ".join(tongue.star if key == "*" else key for key in text)
    groups = [text[start : start + _BREATH] for start in range(0, len(text), _BREATH)]
    return ", ".join(" ".join(group) for group in groups)


def _money(amount: Amount, tongue: Tongue) -> str:
    if amount.minor < 0 or not numbers.is_currency(amount.currency):
        raise PromptError(f"{amount} is no amount that can be said")
    places = numbers.get_currency_precision(amount.currency)
    major, minor = divmod(amount.minor, 10**places)
    said = []
    if major or not minor:
        said.append(_whole(major, amount.currency, tongue))
    if minor:
        unit = _subunits(minor, amount.currency, tongue)
        said.append(f"{_counted(minor, unit, tongue)} {unit}")
    return tongue.money_joint.join(said)


def _whole(count: int, currency: str, tongue: Tongue) -> str:
    joint = tongue.millions_joint if count and count % _MILLION == 0 else " "
    unit = _units(count, currency, tongue)
    return f"{_counted(count, unit, tongue)}{joint}{unit}"


def _counted(count: int, unit: str, tongue: Tongue) -> str:
    return tongue.spelled(count, unit) or _number(count, tongue)


def _units(count: int, currency: str, tongue: Tongue) -> str:
    unit = tongue.units.get(currency)
    if unit is not None:
        return _form(unit, count)
    return str(numbers.get_currency_name(currency, count=count, locale=tongue.locale))


def _subunits(count: int, currency: str, tongue: Tongue) -> str:
    places = numbers.get_currency_precision(currency)
    return _form(tongue.subunits.get(currency) or tongue.fractions[places], count)


def _form(unit: Unit, count: int) -> str:
    return unit[0] if count == 1 else unit[1]


def _number(count: int, tongue: Tongue) -> str:
    return numbers.format_decimal(count, locale=tongue.locale, group_separator=tongue.groups_thousands)
