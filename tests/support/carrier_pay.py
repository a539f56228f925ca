"""The carrier's Pay in tests: its connector asks the test's own sandbox bank, over a real socket."""

from typing import Any

from gateways.sandbox.bank.connector import PASSWORD, PATH, USERNAME
from gateways.secret import Secret
from ivr.simulators.phone.connectors import GenericConnector
from ivr.simulators.phone.pay import PayHabits
from tests.support.server import Server


def carriers_habits(server: Server, **changes: Any) -> PayHabits:
    """A carrier with one connector, under the name that PAY_CONNECTOR has by default."""
    connector = GenericConnector(server.bank.url + PATH, USERNAME, Secret(PASSWORD))
    return PayHabits(**{"connectors": {"Default": connector}, **changes})
