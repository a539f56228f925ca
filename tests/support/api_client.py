"""A merchant's program that speaks to the API: every answer that it gets is held against the OpenAPI
document, and has no field that the document does not list.
"""

import re
from dataclasses import dataclass
from typing import Any

import flask
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT202012
from werkzeug.test import TestResponse

from ivr.web.api.openapi import DOCUMENT

ROOT = "/api/v1"


def _closed(schema: Any) -> Any:
    """The same, but that objects take no other fields. To programs answers are open; what we send is
    listed.
    """
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: value if name == "examples" else _closed(value) for name, value in schema.items()}
    return {"additionalProperties": False, **closed} if schema.get("type") == "object" else closed


_REGISTRY: Registry[Any] = Registry().with_resource(
    "urn:api", DRAFT202012.create_resource({**DOCUMENT, "components": _closed(DOCUMENT["components"])})
)


def _absolute(schema: Any) -> Any:
    """The schema with its references pointing into the document."""
    if isinstance(schema, dict):
        return {
            name: f"urn:api{value}" if name == "$ref" else _absolute(value) for name, value in schema.items()
        }
    return [_absolute(one) for one in schema] if isinstance(schema, list) else schema


def check(schema: Any, value: Any) -> None:
    """Raises where the value is not as the schema says."""
    Draft202012Validator(_absolute(schema), registry=_REGISTRY, format_checker=FormatChecker()).validate(
        value
    )


def operation(method: str, path: str) -> tuple[str, dict[str, Any]] | None:
    """The path's template and the operation that the document describes for it."""
    for template, methods in DOCUMENT["paths"].items():
        if re.fullmatch(re.sub(r"\{.*?\}", "[^/]+", template), path) and method.lower() in methods:
            return template, methods[method.lower()]
    return None


@dataclass
class ApiClient:
    """Sends requests with a key; `seen` is every operation and status that was answered."""

    app: flask.Flask
    token: str
    seen: set[tuple[str, str, int]]

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.send("GET", path, **more)

    def post(self, path: str, body: Any, **more: Any) -> TestResponse:
        return self.send("POST", path, json=body, **more)

    def send(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any
    ) -> TestResponse:
        answer = self.app.test_client().open(
            ROOT + path,
            method=method,
            headers={"Authorization": f"Bearer {self.token}", **(headers or {})},
            **more,
        )
        self._check(method, path.partition("?")[0], answer)
        return answer

    def _check(self, method: str, path: str, answer: TestResponse) -> None:
        described = operation(method, path)
        if described is None:
            assert answer.status_code in {401, 404, 405}
            assert answer.content_type == "application/problem+json"
            check({"$ref": "#/components/schemas/Problem"}, answer.json)
            return
        template, spoken = described
        self.seen.add((method, template, answer.status_code))
        promised = spoken["responses"].get(str(answer.status_code))
        assert promised is not None, f"{method} {template} never promised {answer.status_code}: {answer.text}"
        [(media_type, content)] = promised["content"].items()
        assert answer.content_type == media_type
        check(content["schema"], answer.json)
