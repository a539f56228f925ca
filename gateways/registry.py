"""Which gateways there are: the folders with an `adapter.py`. Every loop over gateways loops over this.

Never imports a `tokenize`: the PCI process does that itself, statically. A gateway that is not listed here
does not exist, so a folder is all it takes to add one.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from gateways.contract import Gateway

_HOME = Path(__file__).parent


class UnknownGatewayError(LookupError):
    """No folder holds an adapter of that name; the message lists those that do."""


def names() -> tuple[str, ...]:
    """Every gateway that has an adapter, in the order of the alphabet."""
    return tuple(sorted(path.parent.name for path in _HOME.glob("*/adapter.py")))


def adapter(name: str, settings: Mapping[str, Any]) -> Gateway:
    """The gateway of that name, set up from the settings that begin with its name, such as SANDBOX_URL."""
    known = names()
    if name not in known:
        raise UnknownGatewayError(f"there is no gateway {name!r}; GATEWAY is one of {', '.join(known)}")
    made: Gateway = import_module(f"gateways.{name}.adapter").from_settings(settings)
    return made
