"""JSON Schema 2020-12 of the models, for the OpenAPI document.

The name of a component is the model's name without `Document`; its description is the model's docstring.
What we send is open: a later release may add fields. What we are sent, the models of `requests`, is closed.
"""

import functools
import inspect
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from enum import EnumType
from types import ModuleType, NoneType, UnionType
from typing import Any

from ivr.web.api.documents import requests
from ivr.web.api.documents.fields import Example, Keywords

Schema = dict[str, Any]
Model = type[Mapping[str, object]]
"""A TypedDict."""
_SUFFIX = "Document"
_TYPES = {str: "string", int: "integer", bool: "boolean"}


@dataclass(frozen=True, slots=True)
class FieldSchema:
    """The schema of a field's type, and the example that it has."""

    schema: Schema
    example: Example | None = None


def ref(model: Model) -> Schema:
    return {"$ref": f"#/components/schemas/{_name(model)}"}


def component_schemas(*modules: ModuleType) -> dict[str, Schema]:
    """The schemas of the modules' models, by name."""
    return {
        _name(found): _object(found)
        for module in modules
        for found in vars(module).values()
        if typing.is_typeddict(found) and found.__module__ == module.__name__ and found.__name__[0] != "_"
    }


def _name(model: Model) -> str:
    return model.__name__.removesuffix(_SUFFIX)


def _object(model: Any) -> Schema:
    fields = _fields(model)
    made: Schema = {"type": "object"}
    if model.__doc__:
        made["description"] = " ".join(inspect.cleandoc(model.__doc__).split())
    made["properties"] = {name: field.schema for name, field in fields.items()}
    if model.__required_keys__:
        made["required"] = [name for name in fields if name in model.__required_keys__]
    if model.__module__ == requests.__name__:
        made["additionalProperties"] = False
    example = _example(model)
    return made if example is None else {**made, "examples": [example.value]}


@functools.cache
def _fields(model: Any) -> dict[str, FieldSchema]:
    hints = typing.get_type_hints(model, include_extras=True)
    return {name: _field(hint) for name, hint in hints.items()}


def _example(model: Any) -> Example | None:
    """The examples of the model's fields, where each field that is required has one."""
    found = {name: field.example.value for name, field in _fields(model).items() if field.example is not None}
    return Example(found) if found and model.__required_keys__ <= found.keys() else None


def _field(hint: Any) -> FieldSchema:
    kind, arguments = typing.get_origin(hint), typing.get_args(hint)
    if kind in {typing.Required, typing.NotRequired}:
        return _field(arguments[0])
    if kind is typing.Annotated:
        return _annotated(_field(hint.__origin__), hint.__metadata__)
    if kind in {typing.Union, UnionType}:
        return _union([_field(one) for one in arguments])
    if kind is list:
        items = _field(arguments[0])
        example = None if items.example is None else Example([items.example.value])
        return FieldSchema({"type": "array", "items": items.schema}, example)
    return _value(hint)


def _value(hint: Any) -> FieldSchema:
    if typing.is_typeddict(hint):
        return FieldSchema(ref(hint), _example(hint))
    if typing.get_origin(hint) is typing.Literal:
        return FieldSchema({"type": "string", "enum": [*typing.get_args(hint)]})
    if isinstance(hint, EnumType):
        return FieldSchema({"type": "string", "enum": [*map(str, hint)]})
    return FieldSchema({"type": "null" if hint is NoneType else _TYPES[hint]})


def _annotated(field: FieldSchema, metadata: tuple[str | Keywords | Example, ...]) -> FieldSchema:
    schema, example = dict(field.schema), field.example
    for said in metadata:
        if isinstance(said, Example):
            example = said
        elif isinstance(said, Keywords):
            schema.update(said.schema)
        else:
            schema["description"] = said
    return FieldSchema(schema, example)


def _union(fields: list[FieldSchema]) -> FieldSchema:
    """A type or null; or the words of several enumerations."""
    first, *others = fields
    if others[-1].schema != {"type": "null"}:
        words = [word for field in fields for word in field.schema["enum"]]
        return FieldSchema({"type": "string", "enum": words})
    if "$ref" in first.schema:
        return FieldSchema({"anyOf": [first.schema, {"type": "null"}]}, first.example)
    return FieldSchema({**first.schema, "type": [first.schema["type"], "null"]}, first.example)
