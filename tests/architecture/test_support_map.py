"""tests/support/README.md names every module of tests/support, and its examples run."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.support.server import Server
from tests.support.time_and_ids import ManualClock

SUPPORT = Path(__file__).parents[1] / "support"
MAP = (SUPPORT / "README.md").read_text()
EXAMPLES = {
    code.split("(")[0].split()[1]: code for code in re.findall(r"```python\n(.*?)```", MAP, re.DOTALL)
}
NAMES = """
from gateways.capability import CardEntry, GatewayVerb
from gateways.contract import Unavailable
from ivr.jobs.enqueue import DurableWork
from ivr.jobs.job_list import CHARGE_ATTEMPT
from ivr.payments.attempts.states import State
from ivr.platform.database.engine import make_engine
from tests.support.card_entry import CardEntryHarness
from tests.support.fake_gateway import Fate
from tests.support.payer import WAY, is_paid, pay
from tests.support.payment_services import PaymentServices
from tests.support.phone import call_settings
from tests.support.running_server import migrated_pci
from tests.support.running_worker import running_worker
from tests.support.sandbox_bank import running_bank
from tests.support.sandbox_harness import SandboxHarness
"""
"""What the examples import, left out of the page."""


def test_every_module_is_on_the_map() -> None:
    modules = {path.stem for path in SUPPORT.glob("*.py")}
    folders = {f"{path.parent.name}/" for path in SUPPORT.glob("*/*.py")}
    named = set(re.findall(r"`([\w/]+)`", MAP.partition("## All modules")[2]))
    assert named == modules | folders


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_run(
    name: str, engine: sa.Engine, clock: ManualClock, tmp_path: Path, start_server: Callable[..., Server]
) -> None:
    known: dict[str, Any] = {}
    exec(NAMES + EXAMPLES[name], known)  # noqa: S102 - our own page
    example = known[name]
    wanted = example.__code__.co_varnames[: example.__code__.co_argcount]
    given = {"engine": engine, "clock": clock, "tmp_path": tmp_path}
    example(**{each: given[each] if each in given else start_server() for each in wanted})
