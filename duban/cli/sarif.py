"""Check results as SARIF 2.1.0, the form in which code hosts and editors show findings beside the line."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from duban.cli.sarif_rules import RULES
from duban.errors import NOWHERE, Issue, Level, Place

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
HOME_BASE = "%SRCROOT%"  # what a code host takes for the top of the repository
_LEVELS = {Level.ERROR: "error", Level.WARNING: "warning", Level.INFO: "note"}


def issues_to_sarif(issues: Iterable[Issue], version: str) -> dict[str, Any]:
    """A SARIF log with one run: a rule for each code that occurs, a result for each issue.

    Files are told relative to the home folder, lines from 1; a workbook's cell, which SARIF has no region for,
    is a logical location.
    """
    found = list(issues)
    rules = sorted({rule_id(issue.code) for issue in found})
    first = {rule_id(issue.code): issue for issue in reversed(found)}
    driver = {
        "name": "duban",
        "semanticVersion": version,
        "rules": [_rule(rule, first[rule]) for rule in rules],
    }
    run = {
        "tool": {"driver": driver},
        "language": "zh-CN",
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": True}],
        "results": _results(found, rules),
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def rule_id(code: str) -> str:
    """The id of an issue's rule: its code, and one id for all values of the wrong kind (not-a-整数…)."""
    return code if code.isascii() else "not-a-value"


def _rule(rule: str, example: Issue) -> dict[str, Any]:
    """The rule of a code; one that the table does not know is told by its first issue."""
    short, way_out = RULES.get(rule, (f"检查项 {rule}", example.way_out))
    told: dict[str, Any] = {
        "id": rule,
        "shortDescription": {"text": short},
        "defaultConfiguration": {"level": _LEVELS[example.level]},
    }
    if way_out:
        told["help"] = {"text": f"办法：{way_out}"}
    return told


def _results(issues: Sequence[Issue], rules: Sequence[str]) -> list[dict[str, Any]]:
    seen: Counter[str] = Counter()
    results = []
    for issue in issues:
        mark = hashlib.sha256(
            f"{issue.code}\0{issue.place.file}\0{issue.message}".encode()
        ).hexdigest()
        results.append(_result(issue, rules, f"{mark[:32]}:{seen[mark]}"))
        seen[mark] += 1
    return results


def _result(issue: Issue, rules: Sequence[str], fingerprint: str) -> dict[str, Any]:
    """One issue. The fingerprint leaves out the line, so that a finding that moved is the same finding."""
    rule = rule_id(issue.code)
    text = f"{issue.message} 办法：{issue.way_out}" if issue.way_out else issue.message
    result: dict[str, Any] = {
        "ruleId": rule,
        "ruleIndex": rules.index(rule),
        "level": _LEVELS[issue.level],
        "message": {"text": text},
        "partialFingerprints": {"dubanIssue/v1": fingerprint},
    }
    if issue.place != NOWHERE:
        result["locations"] = [_location(issue.place)]
    return result


def _location(place: Place) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": _artifact(place.file)}
    if place.line:
        physical["region"] = {"startLine": place.line}
    location: dict[str, Any] = {"physicalLocation": physical}
    if place.cell:
        location["logicalLocations"] = [{"fullyQualifiedName": place.cell, "kind": "cell"}]
    return location


def _artifact(file: str) -> dict[str, str]:
    """A file's URI: relative to the home, or absolute when it lies elsewhere."""
    path = PurePath(file)
    if path.is_absolute():
        return {"uri": path.as_uri()}
    return {"uri": quote(path.as_posix()), "uriBaseId": HOME_BASE}
