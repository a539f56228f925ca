"""A signed webhook of the carrier, verified and read as a form. Every route that the carrier calls uses it.

A request that is not the carrier's gets 403, one that is no form 400; none gets 500, whatever its bytes are.
The query is the raw one: Flask's decoded URL would break a genuine signature.
"""

import re
from collections.abc import Sequence
from urllib.parse import parse_qsl, quote, unquote_to_bytes

import structlog
from werkzeug.exceptions import BadRequest, Forbidden, HTTPException
from werkzeug.wrappers import Request

from gateways.secret import Secret
from ivr.carriers.twilio.signature import HEADER_SETTINGS, HEADER_SIGNATURE, is_genuine

log = structlog.get_logger()
BODY_BYTES_MAX = 64_000
"""The carrier's longest webhooks are a few kilobytes."""
FIELDS_MAX = 300
FORM_TYPE = "application/x-www-form-urlencoded"
_PATH_SAFE = "/!$&'()*+,:;=@~-._"
"""What a path may hold unencoded (RFC 3986, pchar)."""
_ENCODED_LETTERS = re.compile(r"(?:%[89A-Fa-f][0-9A-Fa-f])+")
"""Escapes beyond ASCII: never those of `/`, `~` or `%`."""


def verify(
    request: Request, *, public_url: str, tokens: Sequence[Secret], account_sid: str
) -> dict[str, list[str]]:
    """The form of a genuine request of our account, each name with all its values.

    Raises werkzeug's Forbidden (signed by none of the tokens, or of another account) or BadRequest (no form).
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
