"""Rule tests in YAML: those that ship hold, and one that does not hold says what differs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from duban.assessment.ruletests import RuleTest, Suite, load_suite, run_suite
from duban.errors import Issues

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = sorted((ROOT / "config" / "assessment").glob("**/tests/*.yaml"))
UNSEEN = sorted((ROOT / "tests" / "rules" / "tests").glob("*.yaml"))

Cli = Callable[..., tuple[int, str, str]]


def suite_of(path: Path, rules: Path | None = None) -> Suite:
    issues = Issues()
    found = load_suite(path, path.name, issues, rules)
    assert [str(issue) for issue in issues] == []
    assert found is not None
    return found


def cases() -> list[tuple[Suite, RuleTest]]:
    return [
        (suite, test)
        for path in (*SHIPPED, *UNSEEN)
        for suite in (suite_of(path),)
        for test in suite.tests
    ]


@pytest.mark.parametrize(
    ("suite", "test"), cases(), ids=lambda each: getattr(each, "name", each and "")
)
def test_the_sheets_do_what_their_owners_expect(suite: Suite, test: RuleTest) -> None:
    (outcome,) = run_suite(Suite(suite.sheet, (test,)))
    assert outcome.differences == ()


def test_enough_ships_and_every_clause_of_every_sheet_is_exercised() -> None:
    assert sum(len(suite_of(path).tests) for path in SHIPPED) >= 50
    for path in (*SHIPPED, *UNSEEN):
        suite = suite_of(path)
        named = {line.rule for test in suite.tests for line in test.lines}
        vetoes = {rule.id for rule in suite.sheet.rules if rule.fact == "veto"}
        assert {rule.id for rule in suite.sheet.rules} - named - vetoes == set(), path.name


RULES = """\
id: small
title: 小细则
basis: 某办法
valid: {from: 2025-01-01}
base: 100
total: {cap: 100, floor: 0, digits: 1}
categories:
  - {id: all, name: 报送, cap: 0, floor: -10}
rules:
  - {id: A-1, version: "1", category: all, name: 迟报, basis: 第一条, kind: per_occurrence, fact: late, points: -0.2, floor: 无, sentence: "迟报{count}次，扣{points}分"}
"""
TESTS = """\
rules: rules.yaml
tests:
  - name: 迟报一次扣0.5分
    facts:
      - {kind: late, title: 月报}
    expect:
      - {rule: A-1, points: -0.5, says: 扣0.5分}
    total: 99.5
  - name: 迟报不应扣分
    facts:
      - {kind: late, title: 月报}
    expect: []
  - name: 未报应扣分
    facts:
      - {kind: missing, title: 月报}
    expect:
      - {rule: A-9, points: -1}
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    (tmp_path / "rules.yaml").write_text(RULES, encoding="utf-8")
    (tmp_path / "tests.yaml").write_text(TESTS, encoding="utf-8")
    return tmp_path


def test_a_difference_is_told_in_words_with_its_place(small: Path, cli: Cli) -> None:
    code, out, _ = cli("assess", "test", small / "tests.yaml")
    assert code == 1
    lines = out.splitlines()
    assert lines[0].endswith("tests.yaml:3: 不符：迟报一次扣0.5分")
    assert (
        lines[1] == "    应有：甲单位 A-1 -0.5分“…扣0.5分…”；算得甲单位 A-1 -0.2分"
        "（迟报1次，扣0.2分；算式 1×（-0.2）＝-0.2）"
    )
    assert lines[2] == "    甲单位总分：应为99.5，算得99.8"
    assert "    多出：甲单位 A-1 -0.2分（迟报1次，扣0.2分；算式 1×（-0.2）＝-0.2）" in lines
    assert "    应有：甲单位 A-9 -1分；这一条没有出分" in lines
    assert lines[-1] == "条款测试3例，0例相符，3例不符。"


def test_another_sheet_can_be_put_to_the_same_tests(small: Path, cli: Cli) -> None:
    (small / "new.yaml").write_text(RULES.replace("-0.2", "-0.5"), encoding="utf-8")
    code, out, _ = cli(
        "assess", "test", "--rules", small / "new.yaml", "--format", "json", small / "tests.yaml"
    )
    assert code == 1
    assert '"name": "迟报一次扣0.5分"' not in out
    assert '"tests": 3' in out


def test_the_shipped_tests_run_without_arguments(shipped: Path, cli: Cli) -> None:
    code, out, _ = cli("assess", "test", "--home", shipped)
    assert code == 0
    assert "0例不符" in out


@pytest.mark.parametrize(
    ("fault", "line", "words"),
    [
        (("    expect: []\n", ""), 9, "没有写应得的行"),
        (("total: 99.5", "total: 许多"), 8, "不是数"),
        (("points: -0.5", "pionts: -0.5"), 7, "不认识的键"),
        (("- {kind: missing", "- {unit: 乙镇, kind: missing"), 15, "不在 units 里"),
        (("rules: rules.yaml", "rules: none.yaml"), None, "找不到这个文件"),
    ],
)
def test_a_mistake_in_a_test_file_is_told(
    small: Path, cli: Cli, fault: tuple[str, str], line: int | None, words: str
) -> None:
    assert fault[0] in TESTS
    (small / "tests.yaml").write_text(TESTS.replace(*fault), encoding="utf-8")
    code, _, noted = cli("assess", "test", small / "tests.yaml")
    assert code == 1
    assert words in noted
    assert "办法：" in noted
    if line is not None:
        assert f"tests.yaml:{line}:" in noted


REFERS = """\
rules:
  - {id: A-0, version: "1", category: all, name: 再扣, basis: 第零条, kind: formula, fact: none, scope: unit, amount: "points_of('A-1') * 50%", rounding: {to: 0.01, mode: half_up}, floor: 无, cap: 0, sentence: "再扣{points}分"}
  - {id: A-1, version: "2", category: all, name: 迟报, basis: 第一条（修订）, kind: per_occurrence, fact: late, from: 2025-07-01, points: -1, floor: 无, sentence: "扣{points}分"}
"""


def test_a_clause_may_use_one_that_stands_behind_it_in_all_its_versions(tmp_path: Path) -> None:
    old = RULES.replace("fact: late,", "fact: late, to: 2025-06-30,")
    (tmp_path / "rules.yaml").write_text(old.replace("rules:\n", REFERS), encoding="utf-8")
    (tmp_path / "tests.yaml").write_text(
        "rules: rules.yaml\ntests:\n  - name: 两个版本各一次\n    facts:\n"
        "      - {kind: late, happened_on: 2025-03-01}\n"
        "      - {kind: late, happened_on: 2025-09-01}\n"
        "    expect:\n      - {rule: A-1, points: -0.2}\n      - {rule: A-1, points: -1}\n"
        "      - {rule: A-0, points: -0.6}\n",
        encoding="utf-8",
    )
    (outcome,) = run_suite(suite_of(tmp_path / "tests.yaml"))
    assert outcome.differences == ()


@pytest.mark.parametrize(("more", "points"), [("", "9"), (", exclusive: 是", "0")])
def test_above_includes_unless_the_band_says_exclusive(
    tmp_path: Path, more: str, points: str
) -> None:
    text = (ROOT / "config/assessment/examples/liuan.yaml").read_text(encoding="utf-8")
    changed = text.replace("{from: 90%, give: 60%}", f"{{from: 90%, give: 60%{more}}}")
    (tmp_path / "rules.yaml").write_text(changed, encoding="utf-8")
    (tmp_path / "tests.yaml").write_text(
        "rules: rules.yaml\ntests:\n  - name: 恰好九成\n    facts:\n"
        "      - {kind: indicator, title: 申请, target: 100, done: 90}\n"
        f"    expect:\n      - {{rule: L-1, points: {points}}}\n",
        encoding="utf-8",
    )
    (outcome,) = run_suite(suite_of(tmp_path / "tests.yaml"))
    assert outcome.differences == ()
