"""One HTTP POST to the merchant's system, finished within a time limit whatever the other side does.

A caller may be on the line. Redirects are answers, since a signed body goes nowhere else, and answers are
bounded in size.
"""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Self
from urllib.parse import urlsplit

from gateways.http_client import HttpClient, HttpResponse
from ivr.platform.settings.reading import SettingsError

ANSWER_MAX_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to post to. Its query may hold a secret of the merchant's: it masks itself."""

    url: str

    @classmethod
    def parse(cls, url: str) -> Self:
        """Raises ValueError with the end of a sentence that begins with the setting's name."""
        try:
            parts = urlsplit(url)
            _ = parts.port
        except ValueError:
            raise ValueError("must be a URL") from None
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must be a URL that begins with https:// (or http:// in development)")
        if parts.username is not None or parts.password is not None:
            raise ValueError("must hold no user name and no password: what we post is signed instead")
        target = parts.path + parts.query
        if not target.isascii() or not target.isprintable() or " " in target or not url.isprintable():
            raise ValueError("must be percent-encoded")
        return cls(url)

    @classmethod
    def of_setting(cls, name: str, url: str) -> Self:
        """Raises SettingsError where the setting's URL is none that we can post to."""
        try:
            return cls.parse(url)
        except ValueError as fault:
            raise SettingsError(f"{name} {fault}.") from None

    def __repr__(self) -> str:
        parts = urlsplit(self.url)
        return (
            f"{parts.scheme}://{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}/***"
        )


Post = Callable[[Endpoint, bytes, Mapping[str, str]], HttpResponse]
"""Posts a body with headers; raises `gateways.http_client.NoAnswerError`."""


@cache
def _trusted_by_this_machine() -> ssl.SSLContext:
    """The machine's own list of authorities, which may hold the merchant's."""
    return ssl.create_default_context()


@dataclass(frozen=True, slots=True)
class HttpPost:
    """Posts JSON, within `time_limit_s` seconds in all. Safe to call from any thread."""

    time_limit_s: float
    trust: ssl.SSLContext = field(default_factory=_trusted_by_this_machine)

    def __call__(self, endpoint: Endpoint, body: bytes, headers: Mapping[str, str]) -> HttpResponse:
        client = HttpClient(self.time_limit_s, body_bytes_max=ANSWER_MAX_BYTES, trust=self.trust)
        json = {"Accept": "application/json", "Content-Type": "application/json"}
        return client.request("POST", endpoint.url, body=body, headers={**json, **headers})
