"""The gateways' own settings, as web and worker read them. Each gateway declares them in its folder."""

from typing import Any

from gateways import registry
from gateways.settings import GatewaySettings, Setting, Values, settings_of, with_values
from ivr.platform.settings.shared import NoSettings


def gateways() -> dict[str, type[GatewaySettings]]:
    """What each gateway declares, by the gateway's name."""
    return {name: registry.settings(name) for name in registry.names()}


def gateway_list() -> tuple[Setting[Any], ...]:
    """The settings of every gateway."""
    return tuple(one for kind in gateways().values() for one in settings_of(kind))


def gateway_settings(name: str, values: Values) -> GatewaySettings:
    """Those of this gateway."""
    return with_values(gateways().get(name, NoSettings), values)
