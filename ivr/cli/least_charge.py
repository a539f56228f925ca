"""What this installation's gateway charges at least, for commands that work without a gateway too.

May import what a command may. Bills can be brought in before the gateway is set up: then there is nothing to
compare them with, and no setting is asked for.
"""

import os
from collections.abc import Mapping

from ivr.config import MONEY
from ivr.settings import SettingsError, read_all


def least_minor() -> Mapping[str, int]:
    """By currency, in minor units; empty where no gateway is set up."""
    from gateways import registry

    try:
        values = read_all(MONEY, os.environ)
        return registry.adapter(values["GATEWAY"], values).capabilities.least_minor
    except (SettingsError, registry.UnknownGatewayError):
        return {}
