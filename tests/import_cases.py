"""Real matrices laid out as an office lays them out: titles, merged cells, section rows, slipped columns.

A layout is written as .xlsx, .csv or .docx by the same functions, so that one expectation holds for all.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import xlsxwriter

DATA = Path(__file__).parent / "data" / "import"
Range = tuple[int, int, int, int]


@dataclass(frozen=True)
class Shown:
    """A date with the number format that shows it; the cell holds the date."""

    day: date
    number_format: str


@dataclass(frozen=True)
class Formula:
    """A formula with its last result."""

    text: str
    value: str


@dataclass
class Layout:
    """A sheet: rows of values and merged ranges (first row, first column, last row, last column)."""

    name: str
    rows: list[list[Any]]
    merges: list[Range] = field(default_factory=list)
    hidden: bool = False


def facts(name: str) -> list[dict[str, str]]:
    """The rows of a real matrix, as facts."""
    with (DATA / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


# ---- writers -----------------------------------------------------------------------------------


def to_xlsx(path: Path, layouts: Iterable[Layout]) -> Path:
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False}) as book:
        for layout in layouts:
            sheet = book.add_worksheet(layout.name)
            for top, left, bottom, right in layout.merges:
                sheet.merge_range(top, left, bottom, right, "")
            for at, row in enumerate(layout.rows):
                for column, value in enumerate(row):
                    _cell(book, sheet, at, column, value)
            if layout.hidden:
                sheet.hide()
    return path


def _cell(book: Any, sheet: Any, at: int, column: int, value: Any) -> None:
    if value in ("", None):
        return
    if isinstance(value, Shown):
        moment = datetime(value.day.year, value.day.month, value.day.day)  # noqa: DTZ001 - a cell has no zone
        sheet.write_datetime(
            at, column, moment, book.add_format({"num_format": value.number_format})
        )
    elif isinstance(value, Formula):
        sheet.write_formula(at, column, value.text, None, value.value)
    elif isinstance(value, int | float):
        sheet.write_number(at, column, value)
    else:
        sheet.write_string(at, column, value)


def to_csv(path: Path, layout: Layout, encoding: str = "utf-8-sig") -> Path:
    """As Excel saves it: a merged cell leaves blanks."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(layout.rows)
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def to_docx(path: Path, layouts: Iterable[Layout], heading: str = "") -> Path:
    import docx

    document = docx.Document()
    if heading:
        document.add_heading(heading)
    for layout in layouts:
        width = max(map(len, layout.rows))
        table = document.add_table(len(layout.rows), width)
        for at, row in enumerate(layout.rows):
            for column, value in enumerate(row):
                if value not in ("", None):
                    table.rows[at].cells[column].text = str(value)
        for top, left, bottom, right in layout.merges:
            table.cell(top, left).merge(table.cell(bottom, right))
        document.add_paragraph("")
    document.save(str(path))
    return path


# ---- layouts -----------------------------------------------------------------------------------


def _down(rows: Sequence[Sequence[Any]], start: int, column: int) -> Iterator[Range]:
    """Merges over equal neighbours of a column; all but the first cell are emptied."""
    at = start
    for _, group in groupby(rows[start:], key=lambda row: row[column]):
        size = len(list(group))
        if size > 1:
            yield (at, column, at + size - 1, column)
        at += size


def _blank_covered(layout: Layout) -> Layout:
    for top, left, bottom, right in layout.merges:
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                if (row, column) != (top, left):
                    layout.rows[row][column] = ""
    return layout


def province() -> Layout:
    """A province's list: title over all columns, a header of two rows, the category merged downwards."""
    rows: list[list[Any]] = [
        ["附件1", "", "", "", "", "", ""],
        ["人工智能高质量发展重点任务清单（2026年）", "", "", "", "", "", ""],
        ["序号", "类别", "重点任务", "责任分工", "", "完成\n时限", "备注"],
        ["", "", "", "牵头单位", "配合单位", "", ""],
    ]
    rows += [
        [
            int(each["seq"]),
            each["category"],
            each["title"],
            each["lead"],
            each["support"],
            each["deadline"],
            "",
        ]
        for each in facts("zhejiang-ai-2026")
    ]
    merges = [(1, 0, 1, 6), (2, 3, 2, 4), *((2, column, 3, column) for column in (0, 1, 2, 5, 6))]
    merges += list(_down(rows, 4, 1))
    rows += [[""] * 7, ["注：配合单位写“无”的，由牵头单位自行完成。", *[""] * 6]]
    merges.append((len(rows) - 1, 0, len(rows) - 1, 6))
    return _blank_covered(Layout("任务清单", rows, merges))


def sentences() -> Layout:
    """One responsibility sentence a row, no deadline column, two section rows over all columns."""
    told = facts("national-ip-2024")
    rows: list[list[Any]] = [
        ["2024年知识产权强国建设推进计划", "", ""],
        ["序号", "任务", "责任（括号内）"],
    ]
    merges: list[Range] = [(0, 0, 0, 2)]
    for number, each in enumerate(told):
        if number in {0, 6}:
            heading = "一、完善法律法规" if number == 0 else "二、完善重大政策"
            merges.append((len(rows), 0, len(rows), 2))
            rows.append([heading, "", ""])
        rows.append([int(each["seq"]), each["title"], each["responsibility"]])
    return Layout("推进计划", rows, merges)


def brackets() -> Layout:
    """The responsibility stands in brackets behind the task, as in the printed plan."""
    rows: list[list[Any]] = [["序号", "重点任务"]]
    rows += [
        [int(each["seq"]), f"推进{each['title']}。（{each['responsibility']}）"]
        for each in facts("national-ip-2024")
    ]
    return Layout("表", rows)


def district() -> Layout:
    """牵头单位 beside 责任单位, no deadlines, and a last row that names nobody."""
    rows: list[list[Any]] = [
        ["立山区政府2023年重点工作任务分解", *[""] * 3],
        ["序号", "任务（含目标）", "牵头单位", "责任单位"],
    ]
    rows += [
        [int(each["seq"]), f"{each['title']}{each['target']}", each["lead"], each["responsible"]]
        for each in facts("lishan-2023")
    ]
    return Layout("分解表", rows, [(0, 0, 0, 3)])


BUREAU_HEAD = ["序号", "工作任务", "具体措施", "牵头单位", "配合单位", "完成时限", "备注"]


def bureau() -> Layout:
    """A bureau's matrix with what really happens: slipped columns, collectives, blanks, 同上, page heads."""
    rows: list[list[Any]] = [
        ["2020年道路交通安全重点工作任务分工表", *[""] * 6],
        list(BUREAU_HEAD),
        ["一、源头治理", *[""] * 6],
        [1, "排查隐患路段", "逐段建账", "秩序处", "各大队", "2020年6月底前", ""],
        [2, "治理农村道路", "逐村排查", "秩序处", "2020年9月底前", "各高速大队", "表里填反了"],
        [3, "约谈重点企业", "每季约谈", "", "直属各大队、各职能部门", "每季度最后一个月25日前", ""],
        [4, "更新标志标线", "分批更新", "设施处", "同上", "2020年10月前", ""],
        list(BUREAU_HEAD),
        [5, "开展宣传", "进村入户", "各有关单位", "宣传处", "持续推进", ""],
        ["（一）机动车", *[""] * 6],
        [6, "查验车辆", "严格查验", "车管所", "无", "", "2020年11月底前完成"],
        [8, "安装设备", "加装护栏", "2020年12月", "设施处", "", ""],
        [8, "考试监管", "抽查录像", "车管所", "各高速大队", "各高速大队", ""],
        ["合计", "8项", *[""] * 5],
        ["备注：完成时限以上级通知为准。", *[""] * 6],
    ]
    return Layout("任务分工", rows, [(0, 0, 0, 6), (2, 0, 2, 6), (9, 0, 9, 6), (14, 0, 14, 6)])


def stages() -> Layout:
    """An institution's plan: each task over several stage rows with their own months."""
    head = ["序号", "重点工作", "目标", "阶段工作", "时间", "责任部门", "分管领导"]
    rows: list[list[Any]] = [["学院2017年重点工作分解表", *[""] * 6], head]
    merges: list[Range] = [(0, 0, 0, 6)]
    plan = [
        (
            "修订章程",
            "通过章程",
            ["起草", "征求意见", "报批"],
            ["3-4月", "5月", "6月底前"],
            "办公室、各二级学院",
        ),
        ("专业认证", "通过认证", ["自评", "整改", "迎评"], ["3月", "4-9月", "11月"], "教务处"),
        ("改善食堂", "满意率提高", ["招标"], ["7月"], "后勤处"),
        ("档案整理", "归档完毕", ["收集", "装订"], ["全年", "全年"], "档案馆"),
    ]
    for number, (title, goal, works, months, unit) in enumerate(plan, 1):
        top = len(rows)
        for work, month in zip(works, months, strict=True):
            rows.append([number, title, goal, work, month, unit, "分管院领导"])
        if len(works) > 1:
            merges += [(top, column, len(rows) - 1, column) for column in (0, 1, 2, 5, 6)]
    top = len(rows)
    rows += [
        [5, "校园安全", "零事故", "消防检查", "每季度", "保卫处", ""],
        [5, "校园安全", "零事故", "食品检查", "每月", "后勤处", ""],
    ]
    merges += [(top, column, top + 1, column) for column in (0, 1, 2)]
    return _blank_covered(Layout("工作分解", rows, merges))


def impossible() -> Layout:
    """Dates that no calendar has, dates as Excel keeps them, serial numbers, formulas."""
    rows: list[list[Any]] = [
        ["编号", "任务", "责任单位", "完成时间"],
        [1, "甲事", "市财政局牵头，市教育局配合", "2023年2月30日前"],
        [2, "乙事", "市教育局", Shown(date(2023, 6, 1), 'yyyy"年"m"月"')],
        [3, "丙事", "市公安局", Shown(date(2023, 6, 30), "yyyy-mm-dd")],
        [4, "丁事", "市公安局", Shown(date(2022, 3, 15), 'm"月"d"日"')],
        [5, "戊事", "市公安局", 45290],
        [6, "己事", "市公安局", 2023],
        [7, "庚事", Formula('="市"&"教育局"', "市教育局"), "2023年12月"],
        [8, "辛事", "市公安局", "2023年\n9月底前"],
        [9, "壬事", "市公安局", 6.3],
    ]
    return Layout("Sheet1", rows)


def quarters() -> Layout:
    """A column for each quarter instead of a deadline."""
    rows: list[list[Any]] = [
        ["序号", "任务", "责任单位", "进度安排", "", "", ""],
        ["", "", "", "一季度", "二季度", "三季度", "四季度"],
        [1, "建平台", "市大数据局", "招标", "建设", "试运行", "验收"],
        [2, "建机制", "市司法局", "", "出台办法", "", ""],
    ]
    return Layout("季度表", rows, [(0, 3, 0, 6), (0, 0, 1, 0), (0, 1, 1, 1), (0, 2, 1, 2)])


def cover() -> Layout:
    return Layout("封面", [["某市重点任务分工"], [""], ["二〇二六年一月"]])
