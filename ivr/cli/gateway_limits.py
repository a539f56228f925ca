"""What this installation's gateway can charge, for commands that work without a gateway too.

Bills can be brought in before the gateway is set up: then there is nothing to compare them with, and no
setting is asked for.
"""

import os

from gateways.contract import Capabilities, CardEntry
from ivr.platform.settings.declaration import SettingsError, read_all
from ivr.platform.settings.listed import MONEY


def gateway_limits() -> Capabilities:
    """The gateway's facts; without a gateway, those of one that charges anything."""
    from gateways import registry

    try:
        values = read_all(MONEY, os.environ)
        return registry.adapter(values["GATEWAY"], values).capabilities
    except (SettingsError, registry.UnknownGatewayError):
        return Capabilities(CardEntry.TOKENIZE)
