"""`*` goes back to the question before, and never behind what was done for good."""

from pathlib import Path

import pytest

from flows.language import (
    Choose,
    CloseLink,
    End,
    FindCallersBill,
    Flow,
    ForgetCard,
    Say,
    Transfer,
)
from ivr.calls import machine
from ivr.calls.session import Session
from ivr.calls.step_result import Keys, Need
from tests.support.small_flow import SmallFlow, heard

for_good = Flow(
    "for_good", state=SmallFlow, start="first", person="person", visits_max=9, exhausted="over", folder=Path()
)


@for_good.add(Choose.exits({"1": "second"}, gave_up="over"))
def first(chat: SmallFlow) -> Choose:
    return Choose(Say("first"))


@for_good.add(Choose.exits({"1": "close", "2": "forget", "3": "search"}, gave_up="over"))
def second(chat: SmallFlow) -> Choose:
    return Choose(Say("second"))


@for_good.add(CloseLink.exits(closed="third", already_paid="over", unavailable="over"))
def close(chat: SmallFlow) -> CloseLink:
    return CloseLink(Say("closing"))


@for_good.add(ForgetCard.exits(then="third"))
def forget(chat: SmallFlow) -> ForgetCard:
    return ForgetCard()


@for_good.add(FindCallersBill.exits(one="third", none="over", being_paid="over", link_open="over"))
def search(chat: SmallFlow) -> FindCallersBill:
    return FindCallersBill()


@for_good.add(Choose.exits({"1": "over"}, gave_up="over"))
def third(chat: SmallFlow) -> Choose:
    return Choose(Say("third"))


@for_good.add(Transfer.exits(unanswered="over", nobody="over"))
def person(chat: SmallFlow) -> Transfer:
    return Transfer(Say("person"))


@for_good.add(End.exits())
def over(chat: SmallFlow) -> End:
    return End(Say("over"))


@pytest.mark.parametrize(
    ("choice", "exit_name", "asked_on_star"),
    [("1", "closed", ["third"]), ("2", "then", ["third"]), ("3", "one", ["second"])],
)
def test_a_star_does_not_lead_behind_what_was_done_for_good(
    choice: str, exit_name: str, asked_on_star: list[str]
) -> None:
    progress = machine.begin(for_good, Session(step="first", state=SmallFlow(), language="en"))
    for pressed in ("1", choice):
        progress = machine.hear(for_good, progress.session, Keys(pressed, 30.0))
    assert isinstance(progress.stop, Need)
    done = machine.leave(for_good, Session.load(for_good, progress.session.dump()), exit_name)
    assert heard(done) == ["third"]
    back = machine.hear(for_good, Session.load(for_good, done.session.dump()), Keys("*", 30.0))
    assert heard(back) == asked_on_star
