"""Is this webhook from the carrier? The signature of Twilio's webhooks, on the URL that the carrier called.

Never the Host header: a proxy changes it. Never Flask's decoded URL: `José`, `%7E` and `%2F` would break a
genuine signature. The URL is PUBLIC_URL, the path as our route builds it and the raw query; it is tried with
and without its port, and with and without the fragment that we gave the carrier: its documents say that the
signed URL ends with the query, and nothing of fragments. Source: twilio.com/docs/usage/security.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlsplit, urlunsplit

import structlog
from werkzeug.exceptions import BadRequest, Forbidden, HTTPException
from werkzeug.wrappers import Request

from gateways.secret import Secret

log = structlog.get_logger()
RETRY_FRAGMENT = "#rc=5&rp=ct,rt,5xx"
"""Five retries, the most that the carrier takes, where the connection or the read failed, or on a 5xx."""
OLD_RETRY_FRAGMENT = "#rc=5&rp=all"
"""An earlier release asked operators to set this one at the status callback."""
HEADER_SIGNATURE = "X-Twilio-Signature"
HEADER_SETTINGS = "X-Twilio-Webhooks-Signature-Settings"
BODY_BYTES_MAX = 64_000
"""The carrier's longest webhooks are a few kilobytes."""
FIELDS_MAX = 300
FORM_TYPE = "application/x-www-form-urlencoded"
_ALGORITHMS: Mapping[str, Callable[..., "hashlib._Hash"]] = {
    "HMAC_SHA1": hashlib.sha1,
    "HMAC_SHA256": hashlib.sha256,
}
_PATH_SAFE = "/!$&'()*+,:;=@~-._"
"""What a path may hold unencoded (RFC 3986, pchar)."""
_ENCODED_LETTERS = re.compile(r"(?:%[89A-Fa-f][0-9A-Fa-f])+")
"""Escapes beyond ASCII: never those of `/`, `~` or `%`."""
SignedForm = Mapping[str, Sequence[str]]


def with_retry_overrides(url: str) -> str:
    """The URL as it is given to the carrier: it sends a webhook again where the connection failed, or after a
    server error.

    A retry is safe: a repeated turn gets the answer that it got before. The carrier never sends us the
    fragment. Twilio's total limit of 15 s still applies: after a time-out of that length there is no retry.
    Source: twilio.com/docs/usage/webhooks/webhooks-connection-overrides.
    """
    return url + RETRY_FRAGMENT


def compute(token: Secret, url: str, form: SignedForm, algorithm: str = "HMAC_SHA1") -> str:
    """The signature over the URL and each distinct name and value, names sorted.

    `algorithm`: HMAC_SHA1 or HMAC_SHA256.
    """
    return _signature(token.reveal().encode(), url + _fields(form), algorithm)


def verify(
    request: Request, *, public_url: str, tokens: Sequence[Secret], account_sid: str
) -> dict[str, list[str]]:
    """The form of a genuine request of our account, each name with all its values.

    Raises werkzeug's Forbidden (signed by none of the tokens, or of another account) or BadRequest (no form);
    nothing gets 500, whatever its bytes are.
    """
    form = _form(request)
    path = quote(request.environ.get("PATH_INFO", "").encode("latin-1", "replace"), safe=_PATH_SAFE)
    headers = {name: request.headers.get(name, "") for name in (HEADER_SIGNATURE, HEADER_SETTINGS)}
    genuine = any(
        is_genuine(tokens, public_url=public_url, path=path, raw_query=query, form=form, headers=headers)
        for query in _queries(request)
    )
    if not genuine:
        if headers[HEADER_SIGNATURE]:  # without one it is a stranger, or `paybycall doctor`
            log.warning("carrier_signature_mismatch", reason="signature")
        raise Forbidden("The signature does not match. Is PUBLIC_URL the URL that the carrier calls?")
    if form.get("AccountSid") != [account_sid]:
        log.warning("carrier_signature_mismatch", reason="account")
        raise Forbidden("The request belongs to another account.")
    return form


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
        for fragment in ("", RETRY_FRAGMENT, OLD_RETRY_FRAGMENT)
    ]
    fields, keys = _fields(form), [token.reveal().encode() for token in tokens]
    candidates = [_signature(key, url + fields, algorithm) for key in keys for url in urls]
    return any(hmac.compare_digest(candidate.encode(), given.encode()) for candidate in candidates)


def _signature(key: bytes, text: str, algorithm: str) -> str:
    return base64.b64encode(hmac.new(key, text.encode(), _ALGORITHMS[algorithm]).digest()).decode()


def _fields(form: SignedForm) -> str:
    return "".join(name + value for name in sorted(form) for value in sorted(set(form[name])))


def _algorithm(settings: str) -> str:
    for part in settings.split(","):
        name, _, value = part.partition("=")
        if name.strip() == "algorithm" and value.strip():
            return value.strip().upper()
    return "HMAC_SHA1"


def _as_sent(raw_query: str) -> list[str]:
    """The query as is, and re-decoded as UTF-8 if WSGI gave it as Latin-1."""
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


def _form(request: Request) -> dict[str, list[str]]:
    request.max_content_length = BODY_BYTES_MAX
    try:
        body = request.get_data(cache=False)
    except HTTPException:
        raise BadRequest("The body is too long or incomplete.") from None
    if body and request.mimetype != FORM_TYPE:
        raise BadRequest("The body is not a form.")
    try:
        pairs = parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX
        )
    except ValueError:  # not UTF-8, there or in the percent signs, or too many fields
        raise BadRequest("The form cannot be read.") from None
    form: dict[str, list[str]] = {}
    for name, value in pairs:
        if "\0" in name + value:
            raise BadRequest("The form contains an invalid character.")
        form.setdefault(name, []).append(value)
    return form


def _queries(request: Request) -> list[str]:
    """The query as it came, and as configured: the carrier may encode `José` on the way and sign it bare."""
    came = request.environ.get("QUERY_STRING", "").encode("latin-1", "replace").decode("utf-8", "replace")
    bare = _ENCODED_LETTERS.sub(lambda found: unquote_to_bytes(found[0]).decode("utf-8", "replace"), came)
    return [came] if bare == came else [came, bare]
