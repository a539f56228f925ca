"""JSON of others, read so that it can mean one thing alone."""

import codecs
import json
from collections.abc import Sequence
from typing import Any

import orjson


class NameTwiceError(ValueError):
    """A name stands twice in one object, and readers differ on which of the two counts."""


def read(body: bytes) -> Any:
    """The value, also behind byte-order marks; a number beyond 64 bits is a float.

    Raises NameTwiceError, and ValueError where it is no JSON in UTF-8 or is nested too deeply.
    """
    text = body.lstrip(codecs.BOM_UTF8)  # no JSON begins with one of its three bytes
    value = orjson.loads(text)
    try:
        json.loads(text, object_pairs_hook=_check_names, parse_int=str, parse_float=str)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def _check_names(pairs: Sequence[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) < len(pairs):
        raise NameTwiceError("a name stands twice in one object")
