"""A call in the middle survives a deploy: sessions as an earlier release kept them are resumed by this one.

`sessions/<release>.json` holds one session for each step at which a call can stand. They are never rewritten:
when a release changes steps or state, its own file is added (`pytest --update` writes it where it is
missing), and the earlier ones must still go on. A step that a release drops stays one release longer, marked
retired.
"""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from flows.language import (
    Amount,
    Ask,
    BillFacts,
    CardFacts,
    Charge,
    Choose,
    CloseLink,
    CollectCard,
    FindBill,
    LinkFacts,
    QuestionWait,
    ReceiptFacts,
    SendLink,
    Transfer,
)
from flows.pay_bill.bill import PayBill
from flows.pay_bill.flow import flow
from ivr.calls import machine
from ivr.calls.early_card import Tally
from ivr.calls.session import AtQuestion, CardInCall, PaymentInCall, Session
from ivr.calls.step_result import Keys, Listen, Need, Over

FOLDER = Path(__file__).parent / "sessions"
RELEASE = "0.3"
LINK = LinkFacts("95847317", Amount(2000, "EUR"), 60)
STANDING = {Ask, Choose, FindBill, CollectCard, Charge, SendLink, CloseLink, Transfer}
"""Where a webhook can find a call. A bill is looked up within a turn, and a process can die in it."""


def _full_session(step: str) -> Session:
    """A session in which every field holds something."""
    state = replace(
        PayBill(merchant="Demo Town Hall", can_text=True, language_known=True),
        reference="10203040",
        keyed="2000",
        amount=Amount(2000, "EUR"),
        bill=BillFacts(
            "10203040", Amount(4990, "EUR"), Amount(1000, "EUR"), date(2026, 12, 6), Amount(3000, "EUR")
        ),
        card=CardFacts("visa", "4242"),
        saved_cards=True,
        saved_card=CardFacts("mastercard", "4444"),
        receipt=ReceiptFacts("95847317", Amount(2000, "EUR"), texted=True),
        link=LINK,
        cards_declined=1,
    )
    return Session(
        step=step,
        state=state,
        language="es",
        visits={step: 1, "greet": 1},
        trail=("ask_reference",),
        tally=Tally().add("1020"),
        question=AtQuestion(misses=1),
        card=CardInCall(entry_id="entry.call_1.4", saved_card_id="card_1"),
        payment=PaymentInCall("attempt_1", waited_s=3.0, waiting_since="2026-11-22T10:00:00+00:00"),
    )


def _write(path: Path) -> None:
    steps = [step.name for step in flow.steps.values() if step.wait in STANDING]
    sessions = {name: _full_session(name).dump() for name in steps}
    path.write_text(json.dumps(sessions, indent=1, ensure_ascii=False, sort_keys=True) + "\n")


@pytest.fixture(scope="module", autouse=True)
def this_release(request: pytest.FixtureRequest) -> None:
    path = FOLDER / f"{RELEASE}.json"
    if request.config.getoption("--update") and not path.exists():
        _write(path)


def _kept() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path.stem, step, session)
        for path in sorted(FOLDER.glob("*.json"))
        for step, session in json.loads(path.read_text()).items()
    ]


def _holds(now: Any, kept: Any) -> bool:
    """Whether everything that was kept is there still; a later release may know more."""
    if isinstance(kept, dict):
        return isinstance(now, dict) and all(name in now and _holds(now[name], kept[name]) for name in kept)
    return bool(now == kept)


def test_this_release_has_its_sessions() -> None:
    """Every step at which a call can stand today is in the newest file."""
    newest = {step for release, step, _ in _kept() if release == RELEASE}
    assert newest == {step.name for step in flow.steps.values() if step.wait in STANDING}


@pytest.mark.parametrize(
    ("release", "step", "kept"), _kept(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_kept_session_goes_on(release: str, step: str, kept: dict[str, Any]) -> None:
    session = Session.load(flow, kept)
    assert _holds(session.dump(), kept)
    if issubclass(flow.step(session.step).wait, QuestionWait):
        for keyed in ("1", "10203040", "", "*", "0"):
            stop = machine.hear(flow, session, Keys(keyed, 30.0)).stop
            assert isinstance(stop, Listen | Need | Over)
    else:
        for exit_name in flow.step(step).exits:
            facts = {"link": LINK} if exit_name == "link_open" else None
            assert isinstance(machine.leave(flow, session, exit_name, facts).stop, Listen | Need | Over)


def test_unknown_session_fields_are_dropped_and_missing_ones_defaulted() -> None:
    kept = _full_session("ask_reference").dump()
    kept["from_the_future"] = 1
    kept["state"]["from_the_future"] = 1
    del kept["waited_s"], kept["state"]["cards_declined"]
    session = Session.load(flow, kept)
    assert session.payment.waited_s == 0.0
    assert session.state.cards_declined == 0
