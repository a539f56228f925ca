"""The OpenAPI document as the tools of its readers take it."""

import json
import re
import subprocess
from pathlib import Path

from ivr.bills.fields import NAMES
from ivr.payments.attempts.states import PublicState
from ivr.web.api.documents.requests import NewBillDocument
from ivr.web.api.openapi import DOCUMENT
from tests.support.api_client import check
from tests.support.tools import ROOT, node_tool

PAGE = (ROOT / "docs/api.md").read_text()


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


def test_the_page_names_every_path_and_state() -> None:
    named = set(re.findall(r"`(?:[A-Z]+ )?(/[a-z]+[^`?]*)`", PAGE))
    documented = {re.sub(r"\{[a-z_]+\}", "{}", path) for path in DOCUMENT["paths"]}
    named = {re.sub(r"\{[a-z_]+\}", "{}", path).removeprefix("/api/v1") for path in named}
    assert documented - named == set()
    table = PAGE.partition("## States of a payment")[2].partition("`internal_state`")[0]
    assert re.findall(r"^\| `([a-z_]+)` \|", table, re.MULTILINE) == ["state", *PublicState]
    sources = "".join(one.read_text() for one in (ROOT / "ivr/web/api").glob("*.py"))
    codes = set(re.findall(r'"([a-z_]+)"', sources))
    errors = PAGE.partition("## Errors")[2].partition("## Versions")[0]
    told = re.findall(r"^\| [0-9, ]+ \| ([^|]*) \|", errors, re.MULTILINE)
    assert {code for cell in told for code in re.findall("`([a-z_]+)`", cell)} <= codes


def test_a_new_bill_has_the_fields_that_are_read() -> None:
    assert set(NewBillDocument.__annotations__) == set(NAMES)
