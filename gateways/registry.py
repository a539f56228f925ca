"""Which gateways there are: the folders with an `adapter.py`. Every loop over gateways loops over this.

Never imports a `tokenize`: the PCI process does that itself, statically.
"""

from importlib import import_module
from pathlib import Path

import gateways
from gateways.contract import Gateway
from gateways.settings import GatewaySettings, UnknownGatewayError


def names() -> tuple[str, ...]:
    """Every gateway that has an adapter, in the order of the alphabet."""
    adapters = (path for folder in gateways.__path__ for path in Path(folder).glob("*/adapter.py"))
    return tuple(sorted(path.parent.name for path in adapters))


def settings(name: str) -> type[GatewaySettings]:
    """The settings of that gateway's web side: `SETTINGS` of its `settings.py`."""
    _require(name)
    found: type[GatewaySettings] = import_module(f"gateways.{name}.settings").SETTINGS
    return found


def adapter(name: str, read: GatewaySettings) -> Gateway:
    """The gateway of that name, set up from its settings."""
    _require(name)
    made: Gateway = import_module(f"gateways.{name}.adapter").from_settings(read)
    return made


def _require(name: str) -> None:
    known = names()
    if name not in known:
        raise UnknownGatewayError(f"there is no gateway {name!r}; GATEWAY is one of {', '.join(known)}")
