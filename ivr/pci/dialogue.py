"""The card-entry dialogue as a pure function: state and keys in, new state and next question out.

No clock, no database, no TwiML. Four mistakes or silences in one field end the entry. A pause in the middle
of a field is no mistake, because people read a card number in groups.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from gateways.secret import Secret
from ivr.pci import field_checks
from ivr.pci.brand_ranges import brand_of, by_name
from ivr.pci.field_checks import Accepted, Field, GatherEnd, ListenOn, Mistake, Verdict, Wrong
from ivr.pci.keypad import KeypadInput

MISTAKES_MAX = 4
NOTHING = Secret("")
HINTS = ("hint.star", "hint.leave", "hint.again", "hint.hang_up")
SILENT = "silent"
"""Counted like a mistake, with its own prompt."""


@dataclass(frozen=True, slots=True)
class DialogueState:
    """What is kept between two turns. `kept` is what was keyed into `field` so far."""

    field: Field = Field.NUMBER
    kept: Secret = NOTHING
    brand: str | None = None
    mistakes: int = 0
    star_last: bool = False
    wants_postal_code: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """The next Gather. `prompts` are keys of the prompts; if there are none, nothing is said."""

    prompts: tuple[str, ...]
    num_digits: int
    timeout_s: int = field_checks.READING_TIMEOUT_S
    """The wait for the first key."""


@dataclass(frozen=True, slots=True)
class AskOn:
    """Ask for more. `taken`: the field that was just accepted, to be sealed. `mistake` is counted."""

    standing: DialogueState
    question: Question
    taken: tuple[Field, Secret] | None = None
    mistake: str | None = None


@dataclass(frozen=True, slots=True)
class CardComplete:
    """The last field was accepted."""

    taken: tuple[Field, Secret]


@dataclass(frozen=True, slots=True)
class LeftEntry:
    """`**`: the caller wants something else."""


@dataclass(frozen=True, slots=True)
class GaveUp:
    """Four mistakes or silences in one field. `mistake` is the last one."""

    mistake: str


Move = AskOn | CardComplete | LeftEntry | GaveUp


def begin(standing: DialogueState) -> AskOn:
    """The first question."""
    return _ask(standing, "ask")


def hear(standing: DialogueState, heard: KeypadInput, now: datetime) -> Move:
    """The next move after a Gather."""
    if heard.left:
        return LeftEntry()
    if heard.nothing and not standing.kept:
        # A `#` alone belongs to the field before and came late. It is no mistake, but it cut the question
        # short, so the question is asked again.
        return _ask(standing, "ask") if heard.hashed else _mistaken(standing, SILENT)
    kept = heard.digits if heard.cleared else Secret(standing.kept.reveal() + heard.digits.reveal())
    after = replace(standing, kept=kept, star_last=heard.star_last)
    if heard.cleared and not kept:
        return _ask(after, "cleared")
    verdict = _judge(after, _end(standing, heard), now)
    match verdict:
        case Accepted():
            return _accepted(after)
        case Wrong(mistake):
            return _mistaken(after, mistake)
        case ListenOn(quietly):
            return _listen_on(after, quietly=quietly, cleared=heard.cleared)


def _end(standing: DialogueState, heard: KeypadInput) -> GatherEnd:
    if heard.hashed or heard.nothing:
        return GatherEnd.DONE
    return GatherEnd.FULL if heard.count >= wanted(standing) else GatherEnd.PAUSED


def _judge(standing: DialogueState, end: GatherEnd, now: datetime) -> Verdict:
    text = standing.kept.reveal()
    match standing.field:
        case Field.NUMBER:
            return field_checks.judge_number(text, end)
        case Field.EXPIRY:
            return field_checks.judge_expiry(text, end, now)
        case Field.CODE:
            return field_checks.judge_fixed(text, _code_digits(standing), end)
        case Field.POSTAL_CODE:
            return field_checks.judge_postal_code(text, end)


def wanted(standing: DialogueState) -> int:
    """How many keys the next Gather asks for."""
    kept = standing.kept.reveal()
    match standing.field:
        case Field.NUMBER:
            return field_checks.number_wanted(kept)
        case Field.EXPIRY:
            return 4 - len(kept)
        case Field.CODE:
            return _code_digits(standing) - len(kept)
        case Field.POSTAL_CODE:
            return field_checks.POSTAL_CODE_DIGITS - len(kept)


def _code_digits(standing: DialogueState) -> int:
    return by_name(standing.brand).code_digits if standing.brand else 3


def _prompt(standing: DialogueState, kind: str) -> str:
    """The prompt's key. An Amex has its own question for the code: four digits, on the front."""
    four = standing.field is Field.CODE and _code_digits(standing) == 4  # noqa: PLR2004 - four digits
    return f"{standing.field}{'_four' if four else ''}.{kind}"


def _ask(standing: DialogueState, kind: str) -> AskOn:
    return AskOn(standing, Question((_prompt(standing, kind),), wanted(standing)))


def _ask_again(standing: DialogueState, mistake: str) -> AskOn:
    """Says what was wrong, then the keys that help. All hints are given only once, to keep it short."""
    prompts = (_prompt(standing, mistake), *_hints(standing, mistake))
    return AskOn(
        standing, Question(prompts, wanted(standing), field_checks.UNHURRIED_TIMEOUT_S), mistake=mistake
    )


def _hints(standing: DialogueState, mistake: str) -> tuple[str, ...]:
    if standing.mistakes == 1:
        return HINTS
    return HINTS[:1] if mistake in {Mistake.CHECK_FAILED, Mistake.TOO_LONG} else ()


def _listen_on(standing: DialogueState, *, quietly: bool, cleared: bool) -> AskOn:
    if quietly:
        return AskOn(standing, Question((), wanted(standing), field_checks.LISTENING_ON_TIMEOUT_S))
    return _ask(standing, "cleared_go_on" if cleared else "go_on")


def _mistaken(standing: DialogueState, mistake: Mistake | str) -> AskOn | GaveUp:
    anew = replace(standing, kept=NOTHING, mistakes=standing.mistakes + 1, star_last=False)
    if standing.field is Field.NUMBER:
        anew = replace(anew, brand=None)
    if anew.mistakes >= MISTAKES_MAX:
        return GaveUp(str(mistake))
    return _ask_again(anew, str(mistake))


def _accepted(standing: DialogueState) -> AskOn | CardComplete:
    taken = (standing.field, standing.kept)
    order: list[Field] = [
        field for field in Field if standing.wants_postal_code or field is not Field.POSTAL_CODE
    ]
    following = order[order.index(standing.field) + 1 :]
    if not following:
        return CardComplete(taken)
    brand = brand_of(standing.kept.reveal()) if standing.field is Field.NUMBER else None
    onward = replace(
        standing,
        field=following[0],
        kept=NOTHING,
        brand=brand.name if brand else standing.brand,
        mistakes=0,
        star_last=False,
    )
    return replace(_ask(onward, "ask"), taken=taken)
