"""Every incoming body, held to the stripe library's own typed parameters, with extra ones forbidden.

pydantic builds a schema of the library's TypedDict (`stripe.params`), which is rewritten: nothing extra in
any depth, whole numbers as digits alone, booleans as `true` and `false`, and none of the library's request
options (an `idempotency_key` in a body is a mistake). What does not fit is named without its value: that may
be a card.
"""

import importlib
import re
import sys
import typing
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import PydanticCustomError, SchemaValidator, ValidationError
from stripe._request_options import RequestOptions

from tests.support.stripe.errors import Refusal, unknown_parameter
from tests.support.stripe.wire import Thing

_INTEGER = re.compile(r"-?\d+")


@dataclass(frozen=True)
class Misfit:
    """One parameter that Stripe does not take so."""

    param: str
    kind: str
    """pydantic's word for it: extra_forbidden, missing, whole_number, ..."""

    def refusal(self) -> Refusal:
        if self.kind == "extra_forbidden":
            return unknown_parameter(self.param)
        if self.kind == "missing":
            return Refusal(
                400,
                f"Missing required param: {self.param}.",
                code="parameter_missing",
                param=self.param,
                stored=False,
            )
        if self.kind == "whole_number":
            return Refusal(
                400,
                f"Invalid integer: {self.param}",
                code="parameter_invalid_integer",
                param=self.param,
                stored=False,
            )
        return Refusal(400, f"Invalid {self.param}", param=self.param, stored=False)


def fitted(type_name: str, raw: Thing) -> Thing | Misfit:
    """`raw` (nested strings) as the named parameters, its numbers and booleans made such; or what does not
    fit.
    """
    try:
        return _validator(type_name).validate_python(raw)
    except ValidationError as error:
        misfits = [
            Misfit(_param(one["loc"], raw), one["type"])
            for one in error.errors(include_url=False, include_context=False, include_input=False)
        ]
    order = ("extra_forbidden", "missing", "whole_number")
    return min(misfits, key=lambda one: order.index(one.kind) if one.kind in order else len(order))


@cache
def _validator(type_name: str) -> SchemaValidator:
    """`PaymentIntentCreateParams`, or `checkout.SessionCreateParams`: the path below `stripe.params`."""
    *package, name = type_name.split(".")
    home = importlib.import_module(".".join(["stripe.params", *package]))
    params = getattr(home, name)
    _complete(sys.modules[params.__module__])
    schema = _strict(TypeAdapter(params).core_schema)
    _without(schema, RequestOptions.__annotations__)
    return SchemaValidator(schema)


class _AnObject:
    """Stands for the library's UntypedStripeObject, which is for type checkers alone: on the wire, a dict."""

    def __class_getitem__(cls, value: Any) -> Any:
        return dict[str, value]


def _complete(module: Any) -> None:
    """The names that RequestOptions, written in another module, leaves open where it is inherited."""
    for name in ("Any", "Dict", "List", "Mapping"):
        setattr(module, name, getattr(typing, name))
    module.StripeContext = str
    module.UntypedStripeObject = _AnObject


def _strict(node: Any) -> Any:
    if isinstance(node, list | tuple):
        return type(node)(_strict(one) for one in node)
    if not isinstance(node, dict):
        return node
    if node.get("type") == "int":
        return {**_first(_digits), "schema": node}
    if node.get("type") == "bool":
        return {**_first(_truth), "schema": node}
    made = {key: _strict(value) for key, value in node.items()}
    if node.get("type") == "typed-dict":
        made["extra_behavior"] = "forbid"
        made.pop("cls", None)
    return made


def _first(function: Any) -> Thing:
    return {"type": "function-before", "function": {"type": "no-info", "function": function}}


def _digits(value: Any) -> int:
    if not isinstance(value, str) or not _INTEGER.fullmatch(value):
        raise PydanticCustomError("whole_number", "not a whole number")
    return int(value)


def _truth(value: Any) -> bool:
    if value not in ("true", "false"):
        raise PydanticCustomError("truth", "neither true nor false")
    return value == "true"


def _without(schema: Any, names: Any) -> None:
    """Takes the fields out of the outermost typed dict."""
    while schema["type"] != "typed-dict":
        schema = schema["schema"]
    for name in names:
        schema["fields"].pop(name, None)


def _param(loc: tuple[int | str, ...], raw: Any) -> str:
    """`a[b][0]`: the parts of pydantic's path that stand in the input (the rest name branches of a union),
    and the last one, which may be what is missing.
    """
    path, at = "", raw
    for number, part in enumerate(loc):
        known = (isinstance(at, dict) and part in at) or (isinstance(at, list) and isinstance(part, int))
        last = number == len(loc) - 1
        if known or (last and isinstance(at, dict) and re.fullmatch(r"\w+", str(part))):
            path += f"[{part}]" if path else str(part)
            at = at[part] if known else None
    return path
