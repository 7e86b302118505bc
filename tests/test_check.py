"""What check says beside errors: warnings that a person settles, hints, and the shape of its answer."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cast import UNITS_YAML, home_of
from duban.matrix import check

Cli = Callable[..., tuple[int, str, str]]
TASK: dict[str, Any] = {
    "id": "T-01",
    "title": "建立机制",
    "lead": ["龙湖镇"],
    "deadline": "2026年6月30日前",
}


def issues(cli: Cli, home: Path) -> dict[str, dict[str, Any]]:
    """Code to issue; the command must have found no error."""
    code, out, _ = cli("check", "--home", home, "--format", "json")
    found = {issue["code"]: issue for issue in json.loads(out)["issues"]}
    assert code == 0, found
    return found


@pytest.mark.parametrize(
    ("change", "code", "level"),
    [
        ({"deadline": "2026年10月前"}, "deadline-doubt", "warning"),
        ({"deadline": "2028年6月30日前"}, "deadline-term", "warning"),
        ({"deadline": "持续推进"}, "never-asked", "warning"),
        ({"support": ["各有关单位"]}, "collective", "warning"),
        ({"support": ["龙湖镇"]}, "lead-in-support", "warning"),
        ({"lead": ["空缺镇"]}, "nobody", "warning"),
        ({"lead": ["郭店镇"]}, "no-liaison", "info"),
        (
            {"lead": ["龙湖镇"], "responsibility": "市法院牵头，龙湖镇配合"},
            "lead-contradicts",
            "warning",
        ),
        (
            {"lead": ["龙湖镇", "市法院"], "responsibility": "龙湖镇、市法院按职责分工负责"},
            "joint-unsaid",
            "warning",
        ),
    ],
)
def test_doubts_do_not_stop(
    cli: Cli, tmp_path: Path, change: dict[str, Any], code: str, level: str
) -> None:
    found = issues(cli, home_of(tmp_path, {"tasks": [TASK | change]}))[code]
    assert found["level"] == level
    assert found["message"]
    assert found["way_out"]
    assert found["line"]


def test_an_open_anchor_is_a_hint(cli: Cli, tmp_path: Path) -> None:
    anchors = [{"id": "approved", "name": "批复", "on": ""}]
    task = TASK | {"deadline": "自批复之日起2个月内"}
    assert "anchor-open" in issues(cli, home_of(tmp_path, {"tasks": [task], "anchors": anchors}))


def test_a_group_is_known_by_its_alias(cli: Cli, tmp_path: Path) -> None:
    units = UNITS_YAML.replace("name: 各乡镇,", "name: 各乡镇, aliases: [各镇街],")
    home = home_of(tmp_path, {"tasks": [TASK | {"support": ["各镇街"]}]}, units=units)
    assert "collective" not in issues(cli, home)


@pytest.mark.parametrize(
    "name", ["龙湖镇人民政府", "longhu", " 龙 湖 镇 ", "市市场监管局（示例市知识产权局）"]
)
def test_a_unit_is_known_by_all_its_names(cli: Cli, tmp_path: Path, name: str) -> None:
    issues(cli, home_of(tmp_path, {"tasks": [TASK | {"lead": [name]}]}))


def test_an_issue_has_the_documented_keys(cli: Cli, tmp_path: Path) -> None:
    home = home_of(tmp_path, {"tasks": [TASK | {"weight": "0"}]})
    code, out, _ = cli("check", "--home", home, "--format", "json")
    answer = json.loads(out)
    assert (code, answer["errors"]) == (1, 1)
    keys = {"level", "code", "file", "line", "cell", "message", "way_out"}
    assert all(set(issue) == keys for issue in answer["issues"])


@pytest.mark.parametrize("rule", check.RULES, ids=lambda rule: rule.__name__)
def test_every_rule_says_what_it_wants(rule: check.Rule) -> None:
    assert inspect.getdoc(rule)


def test_a_clause_is_missed_only_where_clauses_are_cited(cli: Cli, tmp_path: Path) -> None:
    cited = [TASK | {"id": f"T-0{n}", "clause": "重点工作一"} for n in (1, 2)]
    bare = TASK | {"id": "T-03"}
    assert "no-clause" in issues(cli, home_of(tmp_path / "a", {"tasks": [*cited, bare]}))
    assert "no-clause" not in issues(cli, home_of(tmp_path / "b", {"tasks": [bare]}))


@pytest.mark.parametrize(
    ("indicator", "wrong"),
    [
        ({"measure": "stock", "baseline": "10", "targets": {"2025": "12", "2026": "11"}}, True),
        ({"measure": "cumulative", "targets": {"2025": "12", "2026": "20"}}, False),
        (
            {"measure": "stock", "direction": "reverse", "targets": {"2025": "5", "2026": "3"}},
            False,
        ),
        ({"measure": "flow", "targets": {"2025": "12", "2026": "11"}}, False),
        ({"measure": "flow", "name": "专利拥有量", "targets": {"2026": "11"}}, True),
    ],
)
def test_a_measure_that_does_not_fit_is_doubted(
    cli: Cli, tmp_path: Path, indicator: dict[str, Any], wrong: bool
) -> None:
    given = {"id": "n", "name": "件数"} | indicator
    assert (
        "measure" in issues(cli, home_of(tmp_path, {"tasks": [TASK], "indicators": [given]}))
    ) is wrong


def test_the_right_phrases_raise_no_doubt(cli: Cli, tmp_path: Path) -> None:
    good = TASK | {
        "lead": ["龙湖镇", "市法院"],
        "joint": "是",
        "responsibility": "龙湖镇牵头，市法院按职责分工负责",
        "milestones": [{"id": "a", "title": "半程", "deadline": "2026年3月底前"}],
    }
    assert not {"lead-contradicts", "joint-unsaid", "milestone-late"} & set(
        issues(cli, home_of(tmp_path, {"tasks": [good]}))
    )
