"""What the databases of the last landed release hold: every state, step and job, and no card."""

import importlib
import json
from pathlib import Path

import pytest

from tests.releases.last import GOES_ON, LAST, WITH_OTHER_SETTINGS, column
from tests.support.server_checks import CARDS

STATES = {
    "attempt": "reserved authorizing authorized claimed unknown for_a_person voiding link_open link_closing "
    "approved declined fenced abandoned voided",
    "refund": "asked unknown for_a_person approved declined",
    "saved_card": "agreed keeping kept forgetting forgotten",
    "confirmation": "queued sending maybe_sent sent delivered undelivered held failed spoken",
    "outcome": "waiting delivered given_up",
    "card_try": "open approved declined void",
    "dispute": "open won lost",
}


@pytest.mark.parametrize("table", STATES)
def test_the_snapshot_holds_every_state(left: Path, table: str) -> None:
    found = column(left / "main.db", f"SELECT DISTINCT state FROM {table}")  # noqa: S608
    assert set(found) == set(STATES[table].split())


def test_the_snapshot_has_a_call_at_each_step_at_which_one_can_stand(left: Path) -> None:
    steps = "SELECT DISTINCT json_extract(session, '$.step') FROM call WHERE status = 'active'"
    sessions = Path(__file__).parents[1] / "ivr" / "calls" / "sessions" / "0.3.json"
    assert set(column(left / "main.db", steps)) == set(json.loads(sessions.read_text()))
    assert LAST.calls.keys() == GOES_ON.keys() | WITH_OTHER_SETTINGS


def test_no_card_number_is_kept(left: Path) -> None:
    for path in [*LAST.folder.iterdir(), *left.glob("*.db")]:
        content = path.read_bytes()
        assert not [name for name, number in CARDS.items() if number.encode() in content], path


def test_what_writes_the_next_snapshot_can_be_loaded() -> None:
    """It runs when a release has landed, and nowhere else: until then a name that it uses may move."""
    for name in ("fill", "work_left"):
        assert importlib.import_module(f"tests.releases.{name}").main
