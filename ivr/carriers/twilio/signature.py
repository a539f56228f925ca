"""Is this webhook from the carrier? The signature of Twilio's webhooks, on the URL that the carrier called.

Never the Host header: a proxy changes it. Never Flask's decoded URL: `José`, `%7E` and `%2F` would break a
genuine signature. The URL is PUBLIC_URL, the path as our route builds it and the raw query; it is tried with
and without its port, and with and without the fragment that we gave the carrier: its documents say that the
signed URL ends with the query, and nothing of fragments. Source: twilio.com/docs/usage/security.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from urllib.parse import urlsplit, urlunsplit

from gateways.secret import Secret
from ivr.carriers.twilio.connection_overrides import OVERRIDES, OVERRIDES_BEFORE

HEADER_SIGNATURE = "X-Twilio-Signature"
HEADER_SETTINGS = "X-Twilio-Webhooks-Signature-Settings"
_ALGORITHMS: Mapping[str, Callable[..., "hashlib._Hash"]] = {
    "HMAC_SHA1": hashlib.sha1,
    "HMAC_SHA256": hashlib.sha256,
}
SignedForm = Mapping[str, Sequence[str]]


def compute(token: Secret, url: str, form: SignedForm, algorithm: str = "HMAC_SHA1") -> str:
    """The signature over the URL and each distinct name and value, names sorted.

    `algorithm`: HMAC_SHA1 or HMAC_SHA256.
    """
    text = url + "".join(name + value for name in sorted(form) for value in sorted(set(form[name])))
    digest = hmac.new(token.reveal().encode(), text.encode(), _ALGORITHMS[algorithm]).digest()
    return base64.b64encode(digest).decode()


def is_genuine(
    tokens: Iterable[Secret],
    *,
    public_url: str,
    path: str,
    raw_query: str,
    form: SignedForm,
    headers: Mapping[str, str],
) -> bool:
    """Whether one of the tokens signed this request; an unknown algorithm or a missing header did not."""
    given = headers.get(HEADER_SIGNATURE, "")
    algorithm = _algorithm(headers.get(HEADER_SETTINGS, ""))
    if not given or algorithm not in _ALGORITHMS:
        return False
    urls = [
        base + path + query + fragment
        for base in _with_and_without_port(public_url.rstrip("/"))
        for query in _as_sent(raw_query)
        for fragment in ("", OVERRIDES, OVERRIDES_BEFORE)
    ]
    candidates = [compute(token, url, form, algorithm) for token in tokens for url in urls]
    return any(hmac.compare_digest(candidate.encode(), given.encode()) for candidate in candidates)


def _algorithm(settings: str) -> str:
    for part in settings.split(","):
        name, _, value = part.partition("=")
        if name.strip() == "algorithm" and value.strip():
            return value.strip().upper()
    return "HMAC_SHA1"


def _as_sent(raw_query: str) -> list[str]:
    """The query as given, and read as WSGI shows bytes that came unencoded: each a character of its own."""
    if not raw_query:
        return [""]
    if raw_query.isascii():
        return ["?" + raw_query]
    try:
        return ["?" + raw_query, "?" + raw_query.encode("latin-1").decode()]
    except UnicodeError:
        return ["?" + raw_query]


def _with_and_without_port(url: str) -> list[str]:
    parts = urlsplit(url)
    if parts.port is not None:
        return [url, urlunsplit(parts._replace(netloc=parts.netloc.rpartition(":")[0]))]
    port = 443 if parts.scheme == "https" else 80
    return [url, urlunsplit(parts._replace(netloc=f"{parts.netloc}:{port}"))]
