"""The OpenAPI document as the tools of its readers take it."""

import json
import subprocess
from pathlib import Path

from ivr.api.openapi import DOCUMENT
from tests.support.api_client import check
from tests.support.tools import node_tool


def test_spectral_finds_nothing(tmp_path: Path) -> None:
    spectral = node_tool("spectral")
    (tmp_path / "rules.yaml").write_text('extends: ["spectral:oas"]\n')
    (tmp_path / "openapi.json").write_text(json.dumps(DOCUMENT))
    command = [spectral, "lint", "--ruleset", "rules.yaml", "--fail-severity", "hint", "openapi.json"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_every_operation_is_named_once_and_has_a_tag_that_is_described() -> None:
    operations = [
        (path, method, operation)
        for paths in (DOCUMENT["paths"], DOCUMENT["webhooks"])
        for path, methods in paths.items()
        for method, operation in methods.items()
    ]
    names = [operation["operationId"] for _, _, operation in operations]
    assert len(set(names)) == len(names) > 20
    described = {tag["name"] for tag in DOCUMENT["tags"]}
    assert {tag for _, _, operation in operations for tag in operation["tags"]} == described
    for path, method, operation in operations:
        for status, answered in operation["responses"].items():
            if status >= "400":
                assert list(answered["content"]) == ["application/problem+json"], (path, method, status)


def test_answers_are_open_and_examples_are_as_the_schemas_say() -> None:
    examples = 0
    for name, schema in DOCUMENT["components"]["schemas"].items():
        is_sent_to_us = name.startswith("New") or name == "CardSearch"
        assert schema.get("additionalProperties", True) is not is_sent_to_us, name
        assert not {"oneOf", "allOf"} & schema.keys(), name
        for example in schema.get("examples", ()):
            check({"$ref": f"#/components/schemas/{name}"}, example)
            examples += 1
    assert examples > 10
