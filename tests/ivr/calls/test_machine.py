"""The rules that are the same in every flow: misses, `*`, `0`, a lone `#`, loops with an end."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from flows.language import (
    Ask,
    CallState,
    Choose,
    CloseLink,
    End,
    FindCallersBill,
    Flow,
    ForgetCard,
    Go,
    Say,
    SetLanguage,
    Tell,
    Transfer,
)
from ivr.calls import machine, stray_cards, walk
from ivr.calls.progress import Keys, Listen, Need, Over, Progress, Utterance
from ivr.calls.session import Session

HINTS = {"host.again", "host.back", "host.offer_person", "host.hang_up"}


@dataclass(frozen=True)
class Chat(CallState):
    number: str = ""
    times: int = 0


flow = Flow(
    "chat", state=Chat, start="hello", person="to_person", visits_max=3, exhausted="to_person", folder=Path()
)


@flow.tell(then="ask_number")
def hello(chat: Chat) -> Tell:
    return Tell(Say("hello"))


@flow.digits(heard="check", gave_up="bye")
def ask_number(chat: Chat) -> Ask:
    return Ask(Say("number"), digits=8, into="number")


@flow.decide(again="ask_number", good="pick")
def check(chat: Chat) -> Go[Chat]:
    return Go("good" if chat.number.startswith("1") else "again")


@flow.menu({"1": "bye", "2": "speak_spanish", "3": "find", "5": "paper", "6": "both"}, gave_up="bye")
def pick(chat: Chat) -> Choose:
    return Choose(Say("pick"))


@flow.digits(heard="bye", gave_up="bye")
def paper(chat: Chat) -> Ask:
    return Ask(Say("paper"), digits=8, into="number", unhurried=True, hint=Say("where"))


@flow.menu({"1": "bye"}, gave_up="bye")
def both(chat: Chat) -> Choose:
    return Choose(Say("both"), every_language=True, may_leave=True)


@flow.language(then="pick")
def speak_spanish(chat: Chat) -> SetLanguage:
    return SetLanguage("es")


@flow.find_callers_bill(one="bye", none="bye", being_paid="bye", link_open="bye")
def find(chat: Chat) -> FindCallersBill:
    return FindCallersBill()


@flow.transfer(unanswered="bye", nobody="bye")
def to_person(chat: Chat) -> Transfer:
    return Transfer(Say("person"))


@flow.end()
def bye(chat: Chat) -> End:
    return End(Say("bye"))


def begin() -> Progress:
    return machine.begin(flow, Session(step="hello", state=Chat(), language="en"))


def key(progress: Progress, keyed: str, elapsed_s: float = 30.0) -> Progress:
    saved = Session.load(flow, progress.session.dump())  # nothing hides in memory
    return machine.hear(flow, saved, Keys(keyed, elapsed_s))


def key_hash(progress: Progress, elapsed_s: float = 30.0) -> Progress:
    saved = Session.load(flow, progress.session.dump())
    return machine.hear(flow, saved, Keys("", elapsed_s, hashed=True))


def everything(progress: Progress) -> tuple[Utterance, ...]:
    return progress.said + (progress.stop.hints if isinstance(progress.stop, Listen) else ())


def all_heard(progress: Progress) -> list[str]:
    return [utterance.say.key for utterance in everything(progress)]


def heard(progress: Progress) -> list[str]:
    """Without the hints behind a question."""
    return [said for said in all_heard(progress) if said not in HINTS]


def test_a_call_begins_with_everything_up_to_the_first_question() -> None:
    progress = begin()
    assert heard(progress) == ["hello", "number"]
    assert progress.stop == Listen(8, walk.DIGITS_TIMEOUT_S)


def test_digits_go_on_and_a_wrong_branch_asks_again() -> None:
    assert heard(key(begin(), "12345678")) == ["pick"]
    assert heard(key(begin(), "22345678")) == ["number"]


@pytest.mark.parametrize(
    ("keyed", "prompt"),
    [("", "host.no_input"), ("123", "host.wrong_length"), ("1A345678", "host.wrong_length")],
)
def test_a_first_miss_asks_again_and_a_second_goes_onward(keyed: str, prompt: str) -> None:
    once = key(begin(), keyed)
    assert heard(once) == [prompt, "number"]
    twice = key(once, keyed)
    assert heard(twice) == ["bye"]
    assert twice.stop == Over()


def test_misses_are_forgotten_at_the_next_question() -> None:
    missed = key(begin(), "")
    picked = key(missed, "12345678")
    assert heard(key(picked, "")) == ["host.no_input", "pick"]


def test_a_lone_hash_is_ignored_silently_but_not_for_ever() -> None:
    progress = begin()
    for _ in range(walk.STRAYS_MAX):
        progress = key(progress, "", elapsed_s=1.0)
        assert heard(progress) == ["number"]
    assert heard(key(progress, "", elapsed_s=1.0)) == ["host.no_input", "number"]


def test_a_hash_alone_repeats_the_question_and_is_no_miss_however_late() -> None:
    for start in (begin(), key(begin(), "12345678")):
        progress = start
        for elapsed_s in (0.5, 7.9, 8.1, 60.0) * 2:
            progress = key_hash(progress, elapsed_s)
            assert all_heard(progress) == [all_heard(start)[-1]]
        taken_as_a_key = key(progress, "#", elapsed_s=60.0)  # by a Gather in the middle of a question
        assert all_heard(taken_as_a_key) == [all_heard(start)[-1]]
        assert taken_as_a_key.session.misses == 0
        assert heard(key(progress, ""))[0] == "host.no_input", "it has its two misses still"


def test_a_question_asked_for_twice_is_spoken_slowly_from_then_on_and_twice_more_no_longer() -> None:
    """Only where the voices can: without a word about it elsewhere."""
    session = begin().session
    progress = machine.begin(flow, replace(session, state=replace(session.state, slow_speech=True)))
    assert not any(utterance.slow for utterance in progress.said)
    told = []
    for _ in range(4):
        progress = key_hash(progress)
        told.append((all_heard(progress)[0], progress.session.slow, progress.pace_chosen))
    assert told == [
        ("number", False, False),
        ("host.slower", True, True),
        ("number", True, False),
        ("host.faster", False, True),
    ]
    slowed = key_hash(key_hash(progress))
    missed = key(slowed, "")
    assert all(utterance.slow for utterance in (*everything(missed), *key(slowed, "12345678").said))
    assert all_heard(missed)[-1] == "host.again", "who hears it slowly need not be told how"
    quick = machine.begin(flow, replace(session, state=replace(session.state, slow_speech=True)))
    assert all_heard(key(quick, ""))[-2:] == ["host.again", "host.again_slower"]
    assert not key_hash(key_hash(begin())).session.slow


def test_whoever_repeats_without_end_is_led_on() -> None:
    progress = begin()
    for _ in range(walk.REPEATS_MAX):
        progress = key_hash(progress)
        assert heard(progress) == ["number"]
    assert heard(key_hash(progress)) == ["host.no_match", "number"]
    assert heard(key_hash(key_hash(progress))) == ["bye"]


def test_the_keys_are_told_on_the_first_miss_alone_behind_the_question() -> None:
    """And star where it leads somewhere, a person where one can be rung."""
    missed = key(begin(), "")
    assert all_heard(missed) == ["host.no_input", "number", "host.again"]
    assert all_heard(key_hash(missed)) == ["number"]
    at_menu = key(begin(), "12345678")
    assert all_heard(at_menu) == ["pick"]
    assert all_heard(key(at_menu, "")) == ["host.no_input", "pick", "host.again", "host.back"]
    session = replace(at_menu.session, state=replace(at_menu.session.state, person_available=True))
    with_a_person = machine.hear(flow, session, Keys("", 30.0))
    assert all_heard(with_a_person)[-2:] == ["host.back", "host.offer_person"]


def test_behind_a_miss_every_question_waits_longer() -> None:
    for question, first_s, again_s in ((begin(), 8, 12), (key(begin(), "12345678"), 6, 10)):
        waits = [
            asked.stop.timeout_s for asked in (question, key(question, "")) if isinstance(asked.stop, Listen)
        ]
        assert waits == [first_s, again_s]


def test_a_question_read_from_a_paper_has_more_time_and_one_miss_more() -> None:
    asked = key(key(begin(), "12345678"), "5")
    assert asked.stop == Listen(8, walk.DIGITS_TIMEOUT_S)
    once = key(asked, "", elapsed_s=8.0)
    assert all_heard(once) == [
        "host.no_input", "host.take_your_time", "paper", "where", "host.again", "host.back",
    ]  # fmt: skip
    assert once.stop == Listen(8, walk.DIGITS_AGAIN_TIMEOUT_S)
    assert heard(key(once, "", elapsed_s=11.0)) == ["paper"], "a late key: the wait is longer"
    twice = key(once, "", elapsed_s=12.0)
    assert all_heard(twice) == ["host.no_input", "paper"]
    assert heard(key(twice, "", elapsed_s=12.0)) == ["bye"]


def test_the_first_miss_behind_a_question_in_two_languages_is_in_both() -> None:
    asked = key(key(begin(), "12345678"), "6")
    missed = key(asked, "")
    assert all_heard(missed)[:2] == ["host.no_input", "both"]
    assert {utterance.languages for utterance in everything(missed)} == {("en", "es")}


def test_who_may_leave_without_a_charge_is_told_so() -> None:
    missed = key(key(key(begin(), "12345678"), "6"), "")
    assert all_heard(missed)[-1] == "host.hang_up"


def test_star_goes_back_to_the_question_before() -> None:
    picked = key(begin(), "12345678")
    assert heard(key(picked, "*")) == ["number"]
    assert heard(key(begin(), "*")) == ["number"]  # there is none before the first


def test_star_behind_digits_clears_them() -> None:
    assert heard(key(begin(), "99*")) == ["number"]
    assert heard(key(begin(), "9*12345678")) == ["pick"]


@pytest.mark.parametrize(
    "gathers",
    [
        ("1234*123", "45678"),
        ("999999*1", "2345678"),
        ("9*99*123", "45678"),
        ("999*9999", "*123", "45678"),
        ("9999999*", "12345678"),
    ],
)
def test_a_slip_that_is_cleared_costs_nothing_but_its_keys(gathers: tuple[str, ...]) -> None:
    """The Gather is full before the answer is; the caller keys on, and hears nothing before they are done."""
    progress = begin()
    for count, keyed in enumerate(gathers, start=1):
        assert progress.stop == Listen(len(keyed) if count > 1 else 8, walk.DIGITS_TIMEOUT_S)
        progress = key(progress, keyed, elapsed_s=1.5)
        if count < len(gathers):
            assert heard(progress) in ([], ["number"])
    assert heard(progress) == ["pick"]


def test_a_zero_behind_a_cleared_slip_is_a_digit() -> None:
    assert heard(key(key(begin(), "9*123456"), "70")) == ["pick"]
    one_left = key(begin(), "*1234567")
    assert one_left.stop == Listen(1, walk.DIGITS_TIMEOUT_S)
    assert heard(key(one_left, "0")) == ["pick"]


def test_a_cleared_slip_without_the_rest_is_a_miss_and_slips_have_an_end() -> None:
    assert heard(key(key(begin(), "1234*123"), "")) == ["host.wrong_length", "number"]
    assert heard(key(key(begin(), "1234*123"), "*")) == ["number"]
    progress = key(begin(), "12345*12")
    for _ in range(walk.STRAYS_MAX - 1):
        progress = key(progress, "345*12")
        assert heard(progress) == []
    assert heard(key(progress, "345*12")) == ["host.wrong_length", "number"]


def test_zero_rings_a_person_at_any_question() -> None:
    for progress in (begin(), key(begin(), "12345678")):
        stop = key(progress, "0").stop
        assert isinstance(stop, Need)
        assert isinstance(stop.wait, Transfer)


def test_loops_end_at_a_person() -> None:
    progress = begin()
    for _ in range(2):
        progress = key(progress, "22345678")
        assert heard(progress) == ["number"]
    stop = key(progress, "22345678").stop
    assert isinstance(stop, Need)
    assert isinstance(stop.wait, Transfer)


def test_a_language_chosen_is_spoken_from_then_on() -> None:
    progress = key(key(begin(), "12345678"), "2")
    assert progress.language_chosen
    assert progress.said[-1].languages == ("es",)


def test_a_card_keyed_too_early_is_thrown_away_over_two_turns() -> None:
    once = key(begin(), "42424242")
    assert not once.card_too_early
    twice = key(once, "42424242")
    assert twice.card_too_early
    assert heard(twice) == ["host.card_too_early", "number"]
    assert "42424242" not in str(twice.session.dump())


def test_a_wait_is_left_by_its_exit_with_its_facts() -> None:
    progress = key(key(begin(), "12345678"), "3")
    assert isinstance(progress.stop, Need)
    left = machine.leave(flow, progress.session, "one", {"times": 3})
    assert heard(left) == ["bye"]
    assert left.session.state == Chat(number="12345678", times=3)


def test_what_is_keyed_on_behind_a_wrong_key_answers_nothing() -> None:
    """At the menu, 1 and 2 would lead on, and 0 to a person."""
    progress = key(key(begin(), "12345678"), "4")
    for keyed, timeout_s in (("00000000", 1), ("000000", 3), ("2#", 3), ("", 3)):  # however late they arrive
        assert heard(progress) == []
        assert progress.stop == Listen(8, timeout_s)
        assert not progress.card_too_early
        progress = key(progress, keyed, elapsed_s=47.0)
    assert progress.card_too_early
    assert heard(progress) == ["host.card_too_early", "pick"]
    assert progress.stop == Listen(1, 10)
    assert heard(key(progress, "1")) == ["bye"]


@pytest.mark.parametrize("groups", [["000", "1234", "5678", "9010"], ["123", "0000"], ["242", "0123", "1"]])
def test_a_card_read_out_in_groups_behind_a_wrong_key_answers_nothing(groups: list[str]) -> None:
    progress = key(key(begin(), "12345678"), "4")
    for group in groups:
        progress = key(progress, group)
        assert heard(progress) == []
        assert progress.stop == Listen(8, 3)
    assert heard(key(progress, ""))[-1] == "pick"


@pytest.mark.parametrize(
    "groups", [["000", "00000000", "00021234", "023"], ["000", "00000000", "0002", "1234", "0", "12"]]
)
def test_the_expiry_and_the_code_behind_such_a_card_ring_nobody(groups: list[str]) -> None:
    """However long the pause is between them, up to three seconds."""
    progress = key(key(begin(), "12345678"), "4")
    for group in groups:
        progress = key(progress, group)
        assert heard(progress) == []
        assert progress.stop == Listen(8, 3)
    assert heard(key(progress, "")) == ["host.card_too_early", "pick"]


def test_a_card_that_is_keyed_at_once_behind_a_reference_is_one_too() -> None:
    """What the reference begins with says nothing of what follows it."""
    progress = key(key(key(begin(), "12345678"), "4", elapsed_s=0.3), "000")
    assert progress.stop == Listen(8, 3)
    progress = key(key(key(progress, "00000000"), "0002"), "")
    assert heard(progress) == ["host.card_too_early", "pick"]


@pytest.mark.parametrize("more", ["", "#", "1", "*", "0", "12"])
def test_a_wrong_key_is_told_once_nothing_more_is_keyed(more: str) -> None:
    wrong = key(key(begin(), "12345678"), "9")
    assert heard(key(wrong, more)) == ["host.no_match", "pick"]


def test_two_wrong_keys_lead_on() -> None:
    wrong = key(key(key(begin(), "12345678"), "9"), "")
    assert heard(key(key(wrong, "7"), "")) == ["bye"]


def test_whoever_keys_on_without_end_is_led_on() -> None:
    progress = key(key(begin(), "12345678"), "9")
    for _ in range(2 * stray_cards.CLEARINGS_MAX + 1):
        progress = key(progress, "99999999")
    assert heard(progress) == ["bye"]


def test_a_key_ahead_of_a_menu_counts_where_nothing_wrong_was_keyed() -> None:
    assert heard(key(key(begin(), "12345678"), "1", elapsed_s=0.2)) == ["bye"]


def test_a_key_that_came_just_too_late_for_the_silence_counts() -> None:
    silent = key(key(begin(), "12345678"), "")
    assert heard(silent) == ["host.no_input", "pick"]
    assert heard(key(silent, "1", elapsed_s=0.2)) == ["bye"]


def test_a_card_behind_a_false_start_is_thrown_away_too() -> None:
    started = key(begin(), "5555")
    first = key(started, "55555555")
    assert not first.card_too_early
    assert key(first, "55554444").card_too_early


# Behind what cannot be undone -------------------------------------------------------------------------------

for_good = Flow(
    "for_good", state=Chat, start="first", person="person", visits_max=9, exhausted="over", folder=Path()
)


@for_good.menu({"1": "second"}, gave_up="over")
def first(chat: Chat) -> Choose:
    return Choose(Say("first"))


@for_good.menu({"1": "close", "2": "forget", "3": "search"}, gave_up="over")
def second(chat: Chat) -> Choose:
    return Choose(Say("second"))


@for_good.close_link(closed="third", already_paid="over", unavailable="over")
def close(chat: Chat) -> CloseLink:
    return CloseLink(Say("closing"))


@for_good.forget_card(then="third")
def forget(chat: Chat) -> ForgetCard:
    return ForgetCard()


@for_good.find_callers_bill(one="third", none="over", being_paid="over", link_open="over")
def search(chat: Chat) -> FindCallersBill:
    return FindCallersBill()


@for_good.menu({"1": "over"}, gave_up="over")
def third(chat: Chat) -> Choose:
    return Choose(Say("third"))


@for_good.transfer(unanswered="over", nobody="over")
def person(chat: Chat) -> Transfer:
    return Transfer(Say("person"))


@for_good.end()
def over(chat: Chat) -> End:
    return End(Say("over"))


@pytest.mark.parametrize(
    ("choice", "exit_name", "asked_on_star"),
    [("1", "closed", ["third"]), ("2", "then", ["third"]), ("3", "one", ["second"])],
)
def test_a_star_does_not_lead_behind_what_was_done_for_good(
    choice: str, exit_name: str, asked_on_star: list[str]
) -> None:
    progress = machine.begin(for_good, Session(step="first", state=Chat(), language="en"))
    for pressed in ("1", choice):
        progress = machine.hear(for_good, progress.session, Keys(pressed, 30.0))
    assert isinstance(progress.stop, Need)
    done = machine.leave(for_good, Session.load(for_good, progress.session.dump()), exit_name)
    assert heard(done) == ["third"]
    back = machine.hear(for_good, Session.load(for_good, done.session.dump()), Keys("*", 30.0))
    assert heard(back) == asked_on_star
