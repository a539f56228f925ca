"""What this installation's gateway can charge, for commands that work without a gateway too.

Bills can be brought in before the gateway is set up: then there is nothing to compare them with, and no
setting is asked for.
"""

import os

from gateways.capability import Capabilities, CardEntry
from gateways.settings import UnknownGatewayError
from ivr.platform.settings.config import gateway_list, gateway_settings
from ivr.platform.settings.reading import SettingsError, read_all
from ivr.platform.settings.shared import GATEWAY


def gateway_limits() -> Capabilities:
    """The gateway's facts; without a gateway, those of one that charges anything."""
    from gateways import registry

    try:
        values = read_all((GATEWAY, *gateway_list()), os.environ)
        name = values["GATEWAY"]
        return registry.adapter(name, gateway_settings(name, values)).capabilities
    except (SettingsError, UnknownGatewayError):
        return Capabilities(CardEntry.TOKENIZE)
