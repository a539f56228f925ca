"""The carrier's REST API: the twilio library over our own HTTP client.

The library reads its environment and waits without end where it is left to itself; here account, token,
address and time limit are all given.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateways.http_client import HttpClient
from gateways.secret import Secret

if TYPE_CHECKING:
    from twilio.rest import Client

CONNECT_S = 5.0
TOTAL_S = 15.0
_HTTP = HttpClient(TOTAL_S, CONNECT_S, keep=False, environment=True)


@dataclass(frozen=True, slots=True)
class CarrierHttp:
    """The twilio library's way over the network. It logs nothing: what is sent holds numbers and texts."""

    http: HttpClient = _HTTP
    is_async: bool = False

    def request(  # noqa: PLR0917 - the library calls it by position
        self,
        method: str,
        url: str,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002 - the library's signature; ours is the limit
        allow_redirects: bool = False,  # noqa: ARG002 - the same: a redirected POST would be another request
    ) -> Any:
        """One request, as the library hands it over. Raises `gateways.http_client.NoAnswerError`."""
        from twilio.http.response import Response

        answer = self.http.request(method, url, params=params, body=data, headers=headers, auth=auth)
        return Response(answer.status, answer.body.decode(errors="replace"), answer.headers)


def make_client(account_sid: str, token: Secret, api_base: str, http: CarrierHttp) -> "Client":
    """A client of the carrier's API at `api_base`, signed in by the account's token."""
    from twilio.rest import Client

    nothing = {"TWILIO_EDGE": ""}  # an empty mapping would make the library read the process's environment
    client = Client(
        account_sid,
        token.reveal(),
        http_client=http,
        environment=nothing,
    )
    client.api.base_url = api_base
    return client
