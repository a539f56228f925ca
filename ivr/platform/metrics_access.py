"""Who may read `/metrics`: whoever has the token; without one, everybody in development and nobody in
production.
"""

import hmac
from dataclasses import dataclass

from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, HTTPException, Unauthorized

from gateways.secret import Secret


@dataclass(frozen=True, slots=True)
class MetricsAccess:
    """The rule of one process. `token`: METRICS_TOKEN, may be empty."""

    token: Secret
    in_production: bool

    def check(self, authorization: str) -> None:
        """Refuses with 403 or 401; `authorization` is the request's header."""
        if not self.token:
            if self.in_production:
                raise Forbidden("Metrics are not open: set METRICS_TOKEN, and send it as a bearer token.")
            return
        expected = f"Bearer {self.token.reveal()}"
        if not hmac.compare_digest(authorization.encode(), expected.encode()):
            raise Unauthorized(
                "Send METRICS_TOKEN as a bearer token.", www_authenticate=WWWAuthenticate("bearer")
            )


def challenge(refusal: HTTPException) -> dict[str, str]:
    """The `WWW-Authenticate` header of a 401."""
    return {name: value for name, value in refusal.get_headers() if name == "WWW-Authenticate"}
