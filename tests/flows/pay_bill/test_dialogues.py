"""Every way through `pay_bill` as a file that reads like a call, against the whole server.

`pytest tests/flows/pay_bill --update` writes the files anew; what stands in them is then to be read as a
caller would hear it. Below each call stand its facts: how it ended, each payment's states, bill and text.
"""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from unittest import mock

import pytest

from flows.language import (
    WAITS,
    Ask,
    Charge,
    Choose,
    CloseLink,
    CollectCard,
    End,
    FindBill,
    FindCallersBill,
    FindSavedCard,
    ForgetCard,
    Go,
    MayKeepCard,
    SendLink,
    SetLanguage,
    Tell,
    Transfer,
    Wait,
)
from ivr.calls import walk
from tests.support.carrier_pay import carriers_habits
from tests.support.dialogue import play
from tests.support.dialogue_setups import SETUPS, Setup
from tests.support.merchant_server import merchant_server
from tests.support.phone import call_settings
from tests.support.server import Server
from tests.support.server_checks import NAMES, card_data_left, facts
from tests.support.silence_limit import SilenceLimit

Start = Callable[..., Server]
FOLDER = Path(__file__).parent
FILES = sorted(path.stem for path in FOLDER.glob("*.txt"))


ON_POSTGRES = (
    "known_caller_es",
    "three_declined_cards",
    "slow_gateway_15_s",
    "authorize_answer_lost",
    "pay_es",
    "card_early_at_reference",
)
"""The two databases share all code; a few calls show that they share its meaning."""


SHOWN_BY: dict[type[Wait], str] = {
    Ask: "reference_keyed",
    Charge: "known_caller",
    Choose: "known_caller",
    CloseLink: "link_open_card_instead",
    CollectCard: "known_caller",
    End: "known_caller",
    FindBill: "reference_keyed",
    FindCallersBill: "known_caller",
    FindSavedCard: "saved_card_pays",
    ForgetCard: "saved_card_deleted",
    Go: "known_caller",
    MayKeepCard: "card_kept",
    SendLink: "authentication_wanted",
    SetLanguage: "language_asked",
    Tell: "known_caller",
    Transfer: "person_answers",
}
"""For each wait a dialogue in which a caller comes to it."""


def test_each_wait_is_shown_by_a_dialogue() -> None:
    assert set(SHOWN_BY) == set(WAITS)


@pytest.mark.parametrize("name", sorted(set(SHOWN_BY.values())))
def test_a_dialogue_shows_the_waits_that_it_is_named_for(name: str, start_server: Start) -> None:
    met: set[type[Wait]] = set()
    move_to = walk.Walk._move_to

    def recording(self: walk.Walk, name: str) -> None:
        move_to(self, name)
        met.add(self.step.wait)

    with mock.patch.object(walk.Walk, "_move_to", recording):
        _play_scene(name, start_server)
    assert met >= {wait for wait, shown_by in SHOWN_BY.items() if shown_by == name}


@pytest.mark.parametrize("name", FILES)
def test_dialogue(name: str, start_server: Start, update_dialogues: bool) -> None:
    _play_scene(name, start_server, update=update_dialogues)


@pytest.mark.postgres
@pytest.mark.parametrize("name", ON_POSTGRES)
def test_dialogue_on_postgres(name: str, start_server: Start) -> None:
    _play_scene(name, start_server, kind="postgres")


def _play_scene(name: str, start_server: Start, *, kind: str = "sqlite", update: bool = False) -> None:
    setup = SETUPS.get(name, Setup())
    with ExitStack() as stack:
        settings = dict(setup.settings)
        if setup.merchant is not None:
            merchant = stack.enter_context(merchant_server())
            setup.merchant(merchant)
            settings |= {
                "BILL_LOOKUP_URL": merchant.url,
                "MERCHANT_SECRET": "7d3e91c05af24b68c1d09e7f3a5b8246",
            }
        server = start_server(kind, **settings)
        server.expected |= setup.expected
        setup.before(server)
        for count, earlier in enumerate((*setup.first, name)):
            _ring(server, setup, count, earlier, update=update and earlier == name)
        server.forget_cards()
        assert not card_data_left(server)


def _ring(server: Server, setup: Setup, count: int, name: str, *, update: bool) -> None:
    patience = SilenceLimit(server.clock)
    last = count == len(setup.first)

    def afterwards() -> list[str]:
        setup.then(server)
        server.pass_time(setup.later_s)
        return facts(server)

    play(
        FOLDER / f"{name}.txt",
        settings=call_settings(call_sid=f"CA{count:032x}"),
        transport=server.transport,
        clock=server.clock,
        update=update,
        names=NAMES,
        listener=patience,
        faults_expected=setup.faults,
        afterwards=afterwards if last else tuple,
        compare=last,
        habits=carriers_habits(server, **setup.carrier),
    )
    if not last:
        server.pass_time(setup.between_s)


def test_every_scene_has_its_file() -> None:
    assert set(SETUPS) <= set(FILES)
