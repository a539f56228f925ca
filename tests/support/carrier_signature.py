"""Webhooks signed as the carrier signs them."""

from collections.abc import Mapping
from urllib.parse import urldefrag

from gateways.secret import Secret
from ivr.carriers.twilio.signature import HEADER_SIGNATURE, compute


def signed_headers(token: Secret, url: str, form: Mapping[str, str]) -> dict[str, str]:
    """The header of a POST of `form` to the full public `url`, whose fragment is not signed."""
    signed = urldefrag(url).url
    return {HEADER_SIGNATURE: compute(token, signed, {name: [value] for name, value in form.items()})}
