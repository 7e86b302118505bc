"""SARIF: every issue lands on its line, every code of the check has a rule with a way out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from duban.cli.sarif import issues_to_sarif, rule_id
from duban.cli.sarif_rules import RULES
from duban.desk import read_desk
from duban.errors import NOWHERE, Issue, Level, Place
from duban.settings import Home

ROOT = Path(__file__).resolve().parent.parent
TEXT = {
    "type": "object",
    "required": ["text"],
    "properties": {"text": {"type": "string", "minLength": 1}},
}
# What SARIF 2.1.0 demands of the parts that we write (sections 3.13 to 3.30 of the standard).
SHAPE: dict[str, Any] = {
    "type": "object",
    "required": ["version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {"type": "array", "items": {"$ref": "#/$defs/run"}},
    },
    "$defs": {
        "run": {
            "type": "object",
            "required": ["tool", "results"],
            "additionalProperties": False,
            "properties": {
                "tool": {
                    "type": "object",
                    "required": ["driver"],
                    "properties": {"driver": {"$ref": "#/$defs/driver"}},
                },
                "language": {"type": "string", "pattern": "^[a-zA-Z]{2}(-[a-zA-Z]{2})?$"},
                "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                "invocations": {
                    "type": "array",
                    "items": {"type": "object", "required": ["executionSuccessful"]},
                },
                "results": {"type": "array", "items": {"$ref": "#/$defs/result"}},
            },
        },
        "driver": {
            "type": "object",
            "required": ["name"],
            "additionalProperties": False,
            "properties": {
                "name": {"type": "string"},
                "semanticVersion": {"type": "string"},
                "rules": {"type": "array", "uniqueItems": True, "items": {"$ref": "#/$defs/rule"}},
            },
        },
        "rule": {
            "type": "object",
            "required": ["id", "shortDescription"],
            "additionalProperties": False,
            "properties": {
                "id": {"type": "string", "pattern": "^[a-z0-9-]+$"},
                "shortDescription": TEXT,
                "help": TEXT,
                "defaultConfiguration": {
                    "type": "object",
                    "properties": {"level": {"enum": ["none", "note", "warning", "error"]}},
                },
            },
        },
        "result": {
            "type": "object",
            "required": ["message", "ruleId"],
            "additionalProperties": False,
            "properties": {
                "ruleId": {"type": "string"},
                "ruleIndex": {"type": "integer", "minimum": 0},
                "level": {"enum": ["none", "note", "warning", "error"]},
                "message": TEXT,
                "partialFingerprints": {
                    "type": "object",
                    "additionalProperties": {"type": "string"},
                },
                "locations": {"type": "array", "items": {"$ref": "#/$defs/location"}},
            },
        },
        "location": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "physicalLocation": {
                    "type": "object",
                    "required": ["artifactLocation"],
                    "properties": {
                        "artifactLocation": {
                            "type": "object",
                            "properties": {
                                "uri": {"type": "string", "pattern": r"^[\w%./:~-]+$"},
                                "uriBaseId": {"type": "string"},
                            },
                        },
                        "region": {
                            "type": "object",
                            "properties": {"startLine": {"type": "integer", "minimum": 1}},
                        },
                    },
                },
                "logicalLocations": {"type": "array"},
            },
        },
    },
}


def run_of(issues: list[Issue]) -> dict[str, Any]:
    log = issues_to_sarif(issues, "0.1.0")
    assert [each.message for each in Draft202012Validator(SHAPE).iter_errors(log)] == []
    found: dict[str, Any] = log["runs"][0]
    return found


def issue(code: str = "deadline-doubt", level: Level = Level.WARNING, **named: Any) -> Issue:
    said: dict[str, Any] = {
        "place": Place("tasks_def/p/1.yaml", 14),
        "message": "差一个月。",
        "way_out": "写明日子。",
    }
    return Issue(level, code, **(said | named))


def test_an_issue_lands_on_its_line() -> None:
    (result,) = run_of([issue()])["results"]
    assert result["level"] == "warning"
    assert result["message"]["text"] == "差一个月。 办法：写明日子。"
    (location,) = result["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "tasks_def/p/1.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 14},
    }


def test_rules_tell_the_way_out_and_are_pointed_at() -> None:
    run = run_of([issue("weight", Level.ERROR), issue(), issue("nobody")])
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["deadline-doubt", "nobody", "weight"]
    assert rules[0]["shortDescription"]["text"] == "时限有两种读法"
    assert rules[0]["help"]["text"].startswith("办法：")
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]


def test_levels_are_sarifs_words() -> None:
    run = run_of([issue(level=level) for level in Level])
    assert [each["level"] for each in run["results"]] == ["error", "warning", "note"]


def test_a_moved_finding_is_the_same_finding() -> None:
    moved = issue(place=Place("tasks_def/p/1.yaml", 20))
    marks = [
        each["partialFingerprints"]
        for each in run_of([issue()])["results"] + run_of([moved])["results"]
    ]
    assert marks[0] == marks[1]
    twins = [
        each["partialFingerprints"]["dubanIssue/v1"] for each in run_of([issue(), moved])["results"]
    ]
    assert len(set(twins)) == 2


def test_places_without_a_line_with_a_cell_and_nowhere() -> None:
    places = [
        Place("config/units.yaml"),
        Place("表 1.xlsx", cell="分工!B4"),
        NOWHERE,
        Place("/srv/a b.yaml", 2),
    ]
    results = run_of([issue(place=place) for place in places])["results"]
    assert "region" not in results[0]["locations"][0]["physicalLocation"]
    assert results[1]["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "分工!B4"
    assert "locations" not in results[2]
    assert results[3]["locations"][0]["physicalLocation"]["artifactLocation"] == {
        "uri": "file:///srv/a%20b.yaml"
    }


def test_values_of_a_wrong_kind_share_a_rule() -> None:
    run = run_of([issue("not-a-整数"), issue("not-a-“是”或“否”")])
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["not-a-value"]


def test_the_shipped_plan_as_sarif() -> None:
    _, issues = read_desk(Home(ROOT), date(2026, 11, 22))
    run = run_of(list(issues))
    assert len(run["results"]) == len(list(issues)) > 0
    assert {each["level"] for each in run["results"]} <= {"warning", "note"}


def test_no_issue_is_a_log_without_results() -> None:
    run = run_of([])
    assert run["results"] == [] == run["tool"]["driver"]["rules"]


# ---- every code that the check can give has its rule -------------------------------------------

SPEAKERS = [
    *(ROOT / "duban" / "matrix").glob("*.py"),
    *(path for path in (ROOT / "duban" / "assessment").glob("*.py") if path.name != "facts.py"),
    *(
        ROOT / "duban" / f"{name}.py"
        for name in [
            "yamltext",
            "settings",
            "lamps",
            "escalation",
            "reminderfile",
            "ladderfile",
            "preset",
            "sign_in_settings",
            "mailbox_settings",
            "paperrules",
            "workdays",
            "desk",
        ]
    ),
    ROOT / "duban" / "reports" / "papertemplate.py",
    *(
        ROOT / "notifier" / f"{name}.py"
        for name in ["config", "routes", "overrides", "proof", "sandbox"]
    ),
]
CODE_AT = {
    "error": 0,
    "warning": 0,
    "info": 0,
    "_error": 0,
    "_warning": 0,
    "_refuse": 0,
    "one": 0,
    "Issue": 1,
}


def codes_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            at = CODE_AT.get(name)
            if at is not None and len(node.args) > at:
                code = node.args[at]
                if isinstance(code, ast.Constant) and is_code(code.value):
                    yield str(code.value)


def is_code(value: object) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"[a-z][a-z0-9-]+", value))


def words_of(path: Path) -> Iterator[str]:
    """Every string that could be a code: some are handed to a function that makes the issue."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and is_code(node.value):
            yield str(node.value)


@pytest.mark.parametrize("path", SPEAKERS, ids=lambda path: path.name)
def test_every_code_has_a_rule(path: Path) -> None:
    missing = sorted({code for code in codes_of(path) if rule_id(code) not in RULES})
    assert missing == [], "在 duban/cli/sarif_rules.py 里补上"


def test_every_rule_has_a_code() -> None:
    spoken = {code for path in SPEAKERS for code in words_of(path)} | {"not-a-value"}
    assert sorted(set(RULES) - spoken) == []
