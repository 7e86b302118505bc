"""The import report: counts that add up, every mistake and doubt with its cell – as Markdown and JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from duban.errors import Level
from duban.importing.findings import Finding, Findings

CLASS_NAMES = {
    "title": "表题",
    "header": "表头",
    "repeated": "重复的表头或页码",
    "section": "章节标题",
    "note": "注释、合计",
    "task": "任务",
    "continuation": "并入上一项任务的续行",
    "rejected": "没有写进 YAML 的行",
}
WORK = ("task", "continuation", "rejected")
SHOWN = 30


@dataclass(slots=True)
class SheetAccount:
    """What became of the rows of a sheet. ``reason``: why it was skipped; empty when it was read."""

    name: str
    classes: Counter[str] = field(default_factory=Counter)
    columns: dict[str, str] = field(default_factory=dict)
    filled_rows: int = 0
    reason: str = ""

    def as_json(self) -> dict[str, object]:
        """The documented keys of a sheet."""
        return {
            "sheet": self.name,
            "read": not self.reason,
            "reason": self.reason,
            "filled_rows": self.filled_rows,
            "classes": {name: self.classes.get(name, 0) for name in CLASS_NAMES},
            "columns": self.columns,
        }


@dataclass(slots=True)
class Report:
    """The account of one import."""

    file: str
    out: str
    plan: str
    title: str
    year: int
    areas: int
    units: int
    sheets: list[SheetAccount]
    findings: Findings

    @property
    def classes(self) -> Counter[str]:
        """Rows by class over all sheets that were read."""
        total: Counter[str] = Counter()
        for sheet in self.sheets:
            total.update(sheet.classes)
        return total

    @property
    def rows_in(self) -> int:
        """Rows under a header that are not blank, section, note or repeated header."""
        return sum(self.classes[name] for name in WORK)

    @property
    def errors(self) -> list[Finding]:
        """What a person must put right."""
        return self.findings.of(Level.ERROR)

    @property
    def warnings(self) -> list[Finding]:
        """What a person should look at."""
        return self.findings.of(Level.WARNING)

    def as_json(self) -> dict[str, object]:
        """The documented keys of ``import-report.json``."""
        classes = self.classes
        return {
            "file": self.file,
            "out": self.out,
            "plan": self.plan,
            "title": self.title,
            "year": self.year,
            "rows_in": self.rows_in,
            "tasks": classes["task"],
            "continuations": classes["continuation"],
            "rejected": classes["rejected"],
            "classes": {name: classes[name] for name in CLASS_NAMES},
            "areas": self.areas,
            "units": self.units,
            "sheets": [sheet.as_json() for sheet in self.sheets],
            "errors": [each.as_json() for each in self.errors],
            "warnings": [each.as_json() for each in self.warnings],
        }

    def json_text(self) -> str:
        """``import-report.json``."""
        return json.dumps(self.as_json(), ensure_ascii=False, indent=1) + "\n"

    def summary(self) -> list[str]:
        """The account in a few lines for the terminal."""
        classes = self.classes
        lines = [
            f"《{self.title}》：{self.rows_in}行 → {classes['task']}项任务，"
            f"{classes['continuation']}行并入上一项，{classes['rejected']}行没有写进（见报告）。",
        ]
        others = [
            f"{CLASS_NAMES[name]}{classes[name]}行"
            for name in ("title", "header", "repeated", "section", "note")
            if classes[name]
        ]
        if others:
            lines.append(f"另有{'、'.join(others)}，不算任务。")
        lines += [
            f"没有读：{sheet.name}（{sheet.reason}）" for sheet in self.sheets if sheet.reason
        ]
        lines.append(
            f"需要改正{len(self.errors)}处，需要核对{len(self.warnings)}处；单位{self.units}家。"
        )
        return lines

    def markdown(self) -> str:
        """``import-report.md``."""
        lines = [f"# 导入报告：{_cell(self.title)}", "", f"来源：{_cell(self.file)}", ""]
        lines += [f"- {_cell(line)}" for line in self.summary()]
        lines += [
            "",
            "## 每一行的去向",
            "",
            "| 表 | 有字的行 | " + " | ".join(CLASS_NAMES.values()) + " |",
        ]
        lines.append("|---" * (len(CLASS_NAMES) + 2) + "|")
        for sheet in self.sheets:
            counts = [str(sheet.classes.get(name, 0)) for name in CLASS_NAMES]
            shown = (
                counts
                if not sheet.reason
                else [f"未读：{_cell(sheet.reason)}", *[""] * (len(counts) - 1)]
            )
            lines.append(f"| {_cell(sheet.name)} | {sheet.filled_rows} | {' | '.join(shown)} |")
        lines += ["", "各栏读作："]
        for sheet in self.sheets:
            if sheet.columns:
                said = "；".join(f"{label}→{role}" for label, role in sheet.columns.items())
                lines.append(f"- {_cell(sheet.name)}：{_cell(said)}")
        lines += _listed("要改正的（duban check 会拒绝，或内容不全）", self.errors)
        lines += _listed("请核对的（已按一种读法写入）", self.warnings)
        lines += [
            "",
            "## 下一步",
            "",
            "1. 改正上面第一张单子：可以改原表重新导入，也可以直接改 YAML（任务上的 # 批注写着它来自哪一格）。",
            "2. 核对 config/units.yaml：单位全称、种类、分组、联络员；config/duban.yaml 和 plan.yaml 里的“待填”。",
            "3. 运行 duban check，没有错误后 duban plan、duban apply。",
        ]
        return "\n".join(lines) + "\n"


def _listed(title: str, found: Sequence[Finding]) -> list[str]:
    lines = ["", f"## {title}：{len(found)}处", ""]
    if not found:
        return [*lines, "没有。"]
    by_code: dict[str, list[Finding]] = {}
    for each in found:
        by_code.setdefault(each.code, []).append(each)
    for code, group in by_code.items():
        lines.append(f"### {code}（{len(group)}处）")
        lines.append("")
        lines += _rows(group[:SHOWN])
        if len(group) > SHOWN:
            rest = group[SHOWN:]
            cells = "、".join(f"{each.sheet}!{each.cell}" for each in rest[:300])
            lines.append(
                f"- 同样的还有{len(rest)}处：{_cell(cells)}{'……（全部见 import-report.json）' if len(rest) > 300 else ''}"
            )
        lines.append("")
    return lines


def _rows(group: Iterable[Finding]) -> list[str]:
    return [
        f"- **{_cell(each.sheet)}!{each.cell}**{f'（{each.task}）' if each.task else ''} {_cell(each.message)} 办法：{_cell(each.way_out)}"
        for each in group
    ]


def _cell(text: str) -> str:
    """A text inside Markdown: one line, without what would be taken for markup."""
    flat = " ".join(text.split())
    for mark in ("\\", "|", "<", "[", "`", "*", "#"):
        flat = flat.replace(mark, f"\\{mark}" if mark != "<" else "&lt;")
    return flat
