"""What both applications share of how a path finds its door: no redirect is invented, and what stands in
a path has bounds.

The framework would answer `/voice//incoming` by a redirect to a URL made of the Host header: the carrier
would send the keyed digits again, in the clear, to whatever host a stranger named.
"""

import re
from typing import TYPE_CHECKING

from flask import request
from werkzeug.exceptions import NotFound
from werkzeug.routing import BaseConverter, RequestRedirect

if TYPE_CHECKING:
    from flask import Flask

NEVER_TAKEN = 10**9
"""The turn that a number of ten digits and more stands for: no call gets so far."""


_BEGINS_ODDLY = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*)?//")
"""A path, or a whole URL's, of which a slash would be taken off."""


class TurnNumber(BaseConverter):
    """`<turn:number>`: the number of a turn. Python refuses to read a number of 4,300 digits."""

    regex = "[0-9]+"

    def to_python(self, value: str) -> int:
        return int(value) if len(value) < len(str(NEVER_TAKEN)) else NEVER_TAKEN


class Id(BaseConverter):
    """`<id:...>`: an id of ours or of the carrier's. Some databases refuse what none holds, such as NUL."""

    regex = "[A-Za-z0-9_.-]{1,100}"


def set_up_routes(app: "Flask") -> None:
    """Before the first door is added: a path is that of a door to the letter, or it is not found."""
    app.url_map.merge_slashes = False
    app.url_map.converters |= {"turn": TurnNumber, "id": Id}
    app.before_request(_refuse_odd_path)


def _refuse_odd_path() -> None:
    """Server and framework take slashes off the beginning of a path, and would mend others by a redirect."""
    invented = isinstance(request.routing_exception, RequestRedirect)
    asked = (request.environ.get(name, "") for name in ("PATH_INFO", "REQUEST_URI"))
    if invented or any(map(_BEGINS_ODDLY.match, asked)):
        raise NotFound
