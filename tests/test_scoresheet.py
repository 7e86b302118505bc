"""The score sheet workbook, read back as the office would read it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from zipfile import ZipFile

import pytest
from python_calamine import CalamineWorkbook

from duban.assessment.model import Fact, UnitEntry, UnitScore
from duban.assessment.rules import load_sheet
from duban.assessment.score import score
from duban.errors import Issues
from duban.reports.scoresheet import SheetMeta, write_scoresheet

SHIPPED = Path(__file__).parent.parent / "config" / "assessment" / "2024.yaml"
META = SheetMeta(
    title="2024年度考核得分表",
    period="2024年度",
    as_of=date(2024, 12, 31),
    sheet_title="考核细则（示例）",
    sheet_id="xinzheng-2024",
    rule_hash="ab" * 32,
    code_version="0.1.0",
    example=True,
    categories=("报送时效", "任务完成", "指标完成", "加分", "否决事项"),
)


@pytest.fixture(scope="module")
def scores() -> tuple[UnitScore, ...]:
    sheet = load_sheet(SHIPPED, "2024.yaml", Issues())
    assert sheet is not None
    units = [
        UnitEntry("a", "=甲镇", "乡镇街道"),
        UnitEntry("b", "乙局", "市直部门"),
        UnitEntry("c", "丙镇", "乡镇街道"),
        UnitEntry("d", "丁镇", "乡镇街道", assessed=False, reason="本期没有应办事项"),
    ]
    facts = [
        Fact("1", "a", "late", title="季报", count=2, evidence=("台账",)),
        Fact("2", "a", "indicator", title="专利申报", counted_in="件", target=Decimal(2), done=Decimal(0)),
        Fact("3", "c", "on_time", title="季报"),
        Fact("4", "b", "missing", title="季报", count=60),
    ]  # fmt: skip
    return score(sheet, units, facts)


def rows(path: Path, name: str) -> list[list[object]]:
    sheet = CalamineWorkbook.from_path(str(path)).get_sheet_by_name(name)
    return [list(row) for row in sheet.to_python()]


def test_totals_stand_by_group_and_rank(tmp_path: Path, scores: tuple[UnitScore, ...]) -> None:
    path = tmp_path / "得分表.xlsx"
    write_scoresheet(path, scores, META)
    banner, title, _, head, *table = rows(path, "得分表")
    assert str(banner[0]).startswith("示例数据")
    assert title[0] == "2024年度考核得分表"
    assert head[:3] + head[-3:] == ["组别", "名次", "单位", "总分", "等次", "说明"]
    assert head[3:-3] == ["基础分", *META.categories]
    shown = [(row[0], row[1], row[2], row[-3], row[-2]) for row in table]
    assert shown == [
        ("乡镇街道", 1.0, "丙镇", 100.0, "良好"),
        ("乡镇街道", 2.0, "=甲镇", 99.4, "良好"),
        ("乡镇街道", "—", "丁镇", "—", "未纳入考核"),
        ("市直部门", 1.0, "乙局", 80.0, "合格"),
    ]
    assert table[1][3:9] == [100.0, -0.4, 0.0, -0.2, 0.0, 0.0]


def test_every_line_is_listed_and_adds_up(tmp_path: Path, scores: tuple[UnitScore, ...]) -> None:
    path = tmp_path / "s.xlsx"
    write_scoresheet(path, scores, META)
    head, *table = rows(path, "得分明细")[3:]
    assert head == ["单位", "类别", "条款", "应办事项", "事实", "依据", "计算", "分值", "说明"]
    mine = [row for row in table if row[0] == "=甲镇"]
    assert sum(Decimal(str(row[7])) for row in mine) == Decimal("99.4")
    assert mine[1][5] == "台账"
    assert mine[2][8] == "未完成专利申报任务2件，扣0.2分"
    notes = {row[0]: row[1] for row in rows(path, "说明")[4:]}
    assert notes["细则文件校验值"] == f"SHA-256 {META.rule_hash}"
    assert notes["参评单位"] == "3家；未纳入考核1家"


def test_same_scores_give_same_bytes_and_no_litter(
    tmp_path: Path, scores: tuple[UnitScore, ...]
) -> None:
    first, second = tmp_path / "1.xlsx", tmp_path / "sub" / "2.xlsx"
    write_scoresheet(first, scores, META)
    write_scoresheet(second, scores, META)
    write_scoresheet(first, scores, META)
    assert first.read_bytes() == second.read_bytes()
    assert sorted(found.name for found in tmp_path.iterdir()) == ["1.xlsx", "sub"]


def test_it_prints_on_a4_landscape_with_repeated_header_and_no_formula(
    tmp_path: Path, scores: tuple[UnitScore, ...]
) -> None:
    path = tmp_path / "s.xlsx"
    write_scoresheet(path, scores, META)
    with ZipFile(path) as package:
        page = package.read("xl/worksheets/sheet2.xml").decode()
        book = package.read("xl/workbook.xml").decode()
        core = package.read("docProps/core.xml").decode()
    assert 'paperSize="9"' in page
    assert 'orientation="landscape"' in page
    assert 'state="frozen"' in page
    assert "<f>" not in page
    assert book.count("_xlnm.Print_Titles") == 3
    assert "2024-12-31T00:00:00Z" in core


def test_a_real_sheet_has_no_banner(tmp_path: Path, scores: tuple[UnitScore, ...]) -> None:
    path = tmp_path / "s.xlsx"
    real = replace(META, example=False)
    write_scoresheet(path, scores, real)
    assert rows(path, "得分表")[0][0] == META.title
