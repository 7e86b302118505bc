"""What the office's papers say: 通报, 提示, 催办, 督办通知单 with its 回执, 台账 and 得分表. Pure.

Each writes on a sheet, so that Word and PDF are the same paper. ``Facts`` is all they are made from and is kept
as JSON: a paper can be set again from its record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from duban.paperrules import NAMES
from duban.reports.sheet import Cell, Column, Sheet

RECEIPT = "回　　执"
LISTED = "事项清单"
INLINE = 3
"""So many items are told in the text; more go into a list behind it."""


@dataclass(frozen=True, slots=True)
class Item:
    """An item of the unit as the paper tells it: ``how`` says how it stands, ``said`` what the unit told."""

    task: str
    title: str
    label: str
    due: str
    how: str
    said: str = ""
    asked: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a score sheet: clause, fact, arithmetic and points as text."""

    clause: str
    fact: str
    points: str


@dataclass(frozen=True, slots=True)
class Facts:
    """A paper's content. ``day``, ``reply_by``: in Chinese; ``to``: the addressee's full name, empty for all."""

    kind: str
    number: str
    to: str
    plan: str
    issuer: str
    printer: str
    day: str
    reply_by: str
    contact: str
    copies: str
    example: bool
    items: tuple[Item, ...] = ()
    lines: tuple[Line, ...] = ()
    total: str = ""
    period: str = ""
    reason: str = ""

    @property
    def name(self) -> str:
        """How the paper is called."""
        return NAMES[self.kind]

    @property
    def landscape(self) -> bool:
        """Whether it is a wide table."""
        return self.kind == "ledger"

    @property
    def title(self) -> tuple[str, ...]:
        """The title in lines."""
        if self.kind == "ledger":
            return (f"{self.to or self.plan}任务台账",)
        if self.kind == "scores":
            return (f"{self.to}", f"{self.period}考核得分表")
        if self.kind == "circular":
            return ("关于重点任务办理情况的", "督查通报")
        return (self.name,)


def as_json(facts: Facts) -> dict[str, Any]:
    """The facts as plain values."""
    return asdict(facts)


def from_json(data: Mapping[str, Any]) -> Facts:
    """The facts of a paper that was recorded."""
    more = {
        "items": tuple(Item(**each) for each in data["items"]),
        "lines": tuple(Line(**each) for each in data["lines"]),
    }
    return Facts(**{**data, **more})


def write(sheet: Sheet, facts: Facts) -> None:
    """Write the paper of its kind."""
    _WRITERS[facts.kind](sheet, facts)


# ---- letters -----------------------------------------------------------------------------------


def _begin(sheet: Sheet, facts: Facts) -> None:
    sheet.number(facts.number)
    sheet.title(*facts.title)
    sheet.addressee(f"{facts.to or '各有关单位'}：")


def _end(sheet: Sheet, facts: Facts, *attached: str) -> None:
    if attached:
        sheet.attachments(*attached)
    sheet.sign(facts.issuer, facts.day)
    if facts.contact:
        sheet.contact(f"联系人及电话：{facts.contact}")


def _lead(facts: Facts, words: str) -> str:
    count = len(facts.items)
    return f"按照《{facts.plan}》任务分工，截至{facts.day}，贵单位有{count}项任务{words}："


def _told(sheet: Sheet, items: Sequence[Item]) -> bool:
    """The items in the text where they are few; whether a list must follow."""
    if len(items) > INLINE:
        sheet.body(f"共{len(items)}项，逐项情况见附件。")
        return True
    for number, item in enumerate(items, 1):
        said = f"单位说明：{item.said}。" if item.said else ""
        sheet.body(
            f"{number}.{item.task}《{item.title}》（{item.label}），时限{item.due}，{item.how}。{said}"
        )
    return False


def _list(sheet: Sheet, items: Sequence[Item], label: str) -> None:
    sheet.attachment(label, LISTED)
    columns = [
        Column("序号", 10),
        Column("编号", 16),
        Column("任务事项及单位说明", 62, centred=False),
        Column("时限", 30),
        Column("情况", 38),
    ]
    sheet.table(columns, [_cells(number, item) for number, item in enumerate(items, 1)])


def _cells(number: int, item: Item) -> list[Cell]:
    said = f"单位说明：{item.said}" if item.said else "单位未说明原因"
    return [str(number), item.task, (f"{item.title}（{item.label}）", said), item.due, item.how]


def _urge(sheet: Sheet, facts: Facts) -> None:
    _begin(sheet, facts)
    sheet.body(_lead(facts, "已到时限尚未报结"))
    listed = _told(sheet, facts.items)
    sheet.body(
        f"请抓紧办理，于{facts.reply_by}前报送进展；确有困难的，请在回复中说明原因和预计完成时间。"
    )
    _end(sheet, facts, *([LISTED] if listed else []))
    if listed:
        _list(sheet, facts.items, "附件")


def _advice(sheet: Sheet, facts: Facts) -> None:
    _begin(sheet, facts)
    sheet.body(_lead(facts, "需要关注"))
    listed = _told(sheet, facts.items)
    sheet.body(
        f"请结合实际统筹安排，方便时于{facts.reply_by}前告知进展；需要协调支持的事项，请一并提出，"
        f"{facts.printer}将协助对接。"
    )
    sheet.body("本件为工作提示，不作为对贵单位的督办和考核依据。")
    _end(sheet, facts, *([LISTED] if listed else []))
    if listed:
        _list(sheet, facts.items, "附件")


def _letter(sheet: Sheet, facts: Facts) -> None:
    _begin(sheet, facts)
    sheet.body(_lead(facts, "需要商请关注"))
    listed = _told(sheet, facts.items)
    sheet.body(f"请予支持，于{facts.reply_by}前函告进展。")
    sheet.body("专此函达。")
    _end(sheet, facts, *([LISTED] if listed else []))
    if listed:
        _list(sheet, facts.items, "附件")


def _supervise(sheet: Sheet, facts: Facts) -> None:
    _begin(sheet, facts)
    sheet.heading("督办事项")
    sheet.body(_lead(facts, "逾期未办结，现予督办"))
    listed = _told(sheet, facts.items)
    if facts.reason:
        sheet.heading("督办依据")
        sheet.body(facts.reason if facts.reason.endswith("。") else f"{facts.reason}。")
    sheet.heading("办理要求")
    sheet.body(
        f"请于{facts.reply_by}前办结，或书面报告进展、未完成的原因、下一步措施和预计完成时间，"
        "由主要负责人审签后随回执报送。"
    )
    names = [RECEIPT.replace("　", ""), *([LISTED] if listed else [])]
    _end(sheet, facts, *names)
    _receipt(sheet, facts, "附件1" if listed else "附件")
    if listed:
        _list(sheet, facts.items, "附件2")


def _receipt(sheet: Sheet, facts: Facts, label: str) -> None:
    """回执: what the unit fills in, signs and sends back."""
    sheet.attachment(label, RECEIPT)
    sheet.addressee(f"{facts.issuer}：")
    sheet.body(f"{facts.number}督办通知单收悉。办理情况回复如下：")
    columns = [Column("项目", 34), Column("内容", 122, centred=False)]
    rows: list[list[Cell]] = [
        ["督办编号", facts.number],
        ["承办单位", facts.to],
        ["事项", tuple(f"{item.task} {item.title}" for item in facts.items[:10])],
        ["收到日期", "　　年　　月　　日"],
        ["办理情况", ("", "", "")],
        ["未完成原因", ("", "")],
        ["下一步措施及预计完成时间", ("", "")],
        ["经办人及电话", ""],
        ["主要负责人审签", ("", "签字：　　　　　　　　　　年　　月　　日")],
    ]
    sheet.table(columns, rows, whole=True)
    sheet.remark(f"请于{facts.reply_by}前送{facts.issuer}。")


def _circular(sheet: Sheet, facts: Facts) -> None:
    _begin(sheet, Facts(**{**_plain(facts), "to": ""}))
    sheet.body(
        f"按照《{facts.plan}》任务分工，截至{facts.day}，{facts.to}有{len(facts.items)}项任务"
        "逾期未办结，经核实，现予通报："
    )
    listed = _told(sheet, facts.items)
    if facts.reason:
        sheet.body(f"通报依据：{facts.reason}{'' if facts.reason.endswith('。') else '。'}")
    sheet.body(
        f"请{facts.to}认真查找原因，于{facts.reply_by}前报送整改措施和完成时限；"
        "各单位对照时间节点自查，防止类似情况。"
    )
    _end(sheet, facts, *([LISTED] if listed else []))
    if listed:
        _list(sheet, facts.items, "附件")
    sheet.colophon(facts.copies, facts.printer, f"{facts.day}印发")


def _plain(facts: Facts) -> dict[str, Any]:
    return {name: getattr(facts, name) for name in Facts.__dataclass_fields__}


# ---- tables ------------------------------------------------------------------------------------


def _ledger(sheet: Sheet, facts: Facts) -> None:
    sheet.title(*facts.title, note=f"{facts.number}　截至{facts.day}")
    columns = [
        Column("序号", 12),
        Column("编号", 20),
        Column("任务事项", 84, centred=False),
        Column("报送期或节点", 32),
        Column("时限", 34),
        Column("情况", 43),
    ]
    rows: list[list[Cell]] = [
        [str(n), each.task, each.title, each.label, each.due, each.how]
        for n, each in enumerate(facts.items, 1)
    ]
    sheet.table(columns, rows, small=True)
    sheet.remark(f"共{len(facts.items)}项。{facts.printer}　联系人及电话：{facts.contact}")


def _scores(sheet: Sheet, facts: Facts) -> None:
    sheet.number(facts.number)
    sheet.title(*facts.title)
    sheet.body(f"{facts.to}{facts.period}考核得分{facts.total}分，逐条如下：")
    columns = [
        Column("序号", 10),
        Column("条款", 52, centred=False),
        Column("事实与计算", 74, centred=False),
        Column("得分", 20),
    ]
    rows: list[list[Cell]] = [
        [str(n), each.clause, each.fact, each.points] for n, each in enumerate(facts.lines, 1)
    ]
    sheet.table(columns, rows)
    sheet.body("对得分有异议的，请在公示期内书面提出，注明条款序号和依据。")
    _end(sheet, facts)


_WRITERS: Mapping[str, Callable[[Sheet, Facts], None]] = {
    "circular": _circular,
    "advice": _advice,
    "letter": _letter,
    "urge": _urge,
    "supervise": _supervise,
    "ledger": _ledger,
    "scores": _scores,
}
