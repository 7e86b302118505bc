"""Two sheets on the same facts: who moves, by how much, by which clause; which clause decides."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from duban.assessment.compare import Inputs, compare
from duban.assessment.model import Fact, RuleSheet, UnitEntry
from duban.assessment.rules import load_sheet
from duban.errors import Issues
from duban.reports.comparebook import comparebook_bytes

ROOT = Path(__file__).resolve().parent.parent
OLD = (ROOT / "config" / "assessment" / "2024.yaml").read_text(encoding="utf-8")
# Late costs five times as much, a return half as much.
NEW = (
    OLD.replace("id: xinzheng-2024", "id: xinzheng-2025")
    .replace("考核细则（示例）", "考核细则（修订稿）")
    .replace("points: -0.2\n    floor: 无\n    sentence: \"{title}迟报", "points: -1\n    floor: 无\n    sentence: \"{title}迟报")
    .replace("points: -0.1\n    floor: 无\n    sentence: \"{title}因不合", "points: -0.05\n    floor: 无\n    sentence: \"{title}因不合")
)  # fmt: skip
FACTS = """\
units:
  - {id: jia, name: 甲镇, group: 乡镇街道}
  - {id: yi, name: 乙镇, group: 乡镇街道}
  - {id: bing, name: 丙镇, group: 乡镇街道}
  - {id: ding, name: 丁镇, group: 乡镇街道}
facts:
  - {id: f1, unit: jia, kind: late, title: 季报, count: 2, evidence: [台账]}
  - {id: f2, unit: yi, kind: missing, title: 季报, evidence: [台账]}
  - {id: f3, unit: bing, kind: returned, title: 季报, count: 6, evidence: [台账]}
  - {id: f4, unit: ding, kind: on_time, title: 季报, evidence: [台账]}
"""

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, text in (("old.yaml", OLD), ("new.yaml", NEW), ("facts.yaml", FACTS)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def run(cli: Cli, files: Path, *more: object) -> tuple[int, str, str]:
    sheets = ("--rules", files / "new.yaml", "--against", files / "old.yaml")
    return cli("assess", "compare", *sheets, *more)


def test_who_moves_by_how_much_and_by_which_clause(files: Path, cli: Cli) -> None:
    code, out, _ = run(cli, files, "--facts", files / "facts.yaml")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].endswith("参评4家，2家有变化。")
    # 甲 100 − 2×0.2 = 99.6 becomes 98; 丙 100 − 6×0.1 = 99.4 becomes 99.7; 乙 stays at 99.5.
    assert "甲镇：99.60 → 98.00（-1.60），第2名 → 第4名。因：迟报（SX-2）-0.4→-2（-1.6）" in lines
    assert "丙镇：99.40 → 99.70（+0.30），第4名 → 第2名。因：退回（SX-3）-0.6→-0.3（+0.3）" in lines
    assert not any(line.startswith("丁镇：") for line in lines)
    # Without the clause on late reports 甲 and 丁 would share the first place, and nobody the only 优秀.
    assert (
        "  迟报（SX-2）：3家名次改变，最多3位，1家等次改变，第一名改变"
        "（乡镇街道：丁镇 → 甲镇、丁镇）"
    ) in lines
    assert "去掉后名次和等次都不变的条款：" in lines[-1]
    assert "表彰和经验推广" in lines[-1]


def test_the_same_as_json_and_as_a_workbook(files: Path, cli: Cli) -> None:
    book = files / "比较.xlsx"
    code, out, noted = run(
        cli, files, "--facts", files / "facts.yaml", "--format", "json", "--out", book
    )
    assert code == 0
    assert "比较.xlsx" in noted
    found = json.loads(out)
    moved = {each["name"]: each["clauses"] for each in found["moves"] if each["clauses"]}
    assert moved == {
        "甲镇": [{"rule": "SX-2", "name": "迟报", "old": "-0.4", "new": "-2", "change": "-1.6"}],
        "丙镇": [{"rule": "SX-3", "name": "退回", "old": "-0.6", "new": "-0.3", "change": "0.3"}],
    }
    read = CalamineWorkbook.from_path(str(book))
    assert read.sheet_names == ["变动", "逐条", "敏感性"]
    rows = read.get_sheet_by_name("变动").to_python()
    assert rows[2][:7] == ["乡镇街道", "甲镇", 99.6, 98.0, -1.6, 2.0, 4.0]
    assert rows[2][9] == "迟报 -1.6"
    assert read.get_sheet_by_name("逐条").to_python()[2][:4] == ["甲镇", "SX-2", "迟报", -0.4]


def test_by_the_ledger_of_a_year(files: Path, shipped: Path, cli: Cli) -> None:
    code, out, _ = run(cli, files, "--period", "2024", "--home", shipped)
    assert code == 0
    assert "参评0家" in out  # a new office has no ledger yet: nobody owed anything


def test_facts_must_come_from_somewhere(files: Path, cli: Cli) -> None:
    assert run(cli, files)[0] == 2
    assert run(cli, files, "--facts", files / "facts.yaml", "--period", "2024")[0] == 2


def sheet_of(folder: Path, text: str) -> RuleSheet:
    folder.mkdir(exist_ok=True)
    path = folder / "sheet.yaml"
    path.write_text(text, encoding="utf-8")
    found = load_sheet(path, "sheet.yaml", Issues())
    assert found is not None
    return found


@pytest.fixture(scope="module")
def sheets(tmp_path_factory: pytest.TempPathFactory) -> tuple[RuleSheet, RuleSheet]:
    folder = tmp_path_factory.mktemp("sheets")
    return sheet_of(folder / "new", NEW), sheet_of(folder / "old", OLD)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("甲乙丙"),
            st.sampled_from(["late", "missing", "returned", "indicator", "bonus"]),
            st.integers(0, 60),
        ),
        max_size=12,
    )
)
def test_clauses_add_up_to_the_change(
    sheets: tuple[RuleSheet, RuleSheet], given_facts: list[tuple[str, str, int]]
) -> None:
    units = [UnitEntry(name, name, "乡镇") for name in "甲乙丙"]
    facts = [
        Fact(f"f{n}", unit, kind, title="项", count=count, target=Decimal(3), level="省级", matter=f"m{n}")
        for n, (unit, kind, count) in enumerate(given_facts)
    ]  # fmt: skip
    inputs = Inputs(units, facts)
    found = compare(*sheets, inputs)
    for move in found.moves:
        assert sum(each.change for each in move.clauses) == (
            move.new.millipoints - move.old.millipoints
        )
    same = compare(sheets[1], sheets[1], inputs)
    assert not any(move.moved for move in same.moves)


def test_the_same_comparison_gives_the_same_bytes(sheets: tuple[RuleSheet, RuleSheet]) -> None:
    units = [UnitEntry(name, name, "乡镇") for name in "甲乙"]
    found = compare(*sheets, Inputs(units, [Fact("a", "甲", "late", title="=月报")]))
    day = date(2025, 1, 2)
    assert comparebook_bytes(found, day, example=True) == comparebook_bytes(
        found, day, example=True
    )
