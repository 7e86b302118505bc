"""督查通报 第N期: the month's or quarter's digest as a circular, for a named person to approve. Pure."""

from __future__ import annotations

from duban.reports import digestpaper, svg
from duban.reports.shares import percent, rate
from duban.reports.sheet import Cell, Column, Sheet
from duban.reports.week import Digest
from duban.status import chinese_day

NAMED = 10


def write(sheet: Sheet, digest: Digest) -> None:
    """Write the bulletin from top to bottom."""
    frame = digest.frame
    sheet.number(f"第{frame.issue}期" if frame.issue else frame.id)
    sheet.title(f"关于{frame.period.name}重点任务", "推进情况的督查通报")
    sheet.addressee("各有关单位：")
    sheet.body(f"现将《{frame.plan_title}》{frame.period.name}推进情况通报如下。")
    for part in (_overall, _good, _problems, _asked):
        part(sheet, digest)
    attached = [name for name, there in _attachments(digest) if there]
    if attached:
        sheet.attachments(*attached)
    sheet.sign(frame.issuer, chinese_day(frame.as_of.date()))
    _attach(sheet, digest, attached)
    sheet.colophon("", frame.office, f"{chinese_day(frame.as_of.date())}印发")


def _attachments(digest: Digest) -> tuple[tuple[str, bool], ...]:
    return (
        (digestpaper.RED_LIST, bool(digest.red)),
        ("各单位逐月按时情况", bool(digest.heat.rows)),
    )


def _overall(sheet: Sheet, digest: Digest) -> None:
    digestpaper.overall(sheet, digest)
    sheet.body("".join(digest.summary))
    digestpaper.trend(sheet, digest)
    if digest.groups:
        sheet.chart(svg.bars(digest.groups), "各组办结进度")


def _good(sheet: Sheet, digest: Digest) -> None:
    digestpaper.good(sheet, digest)


def _problems(sheet: Sheet, digest: Digest) -> None:
    this = digest.frame.words.this
    sheet.heading("存在问题")
    sheet.subheading("逾期未办结")
    if not digest.red:
        sheet.body("没有逾期未办结的事项。")
    for item in digest.red[:NAMED]:
        sheet.body(digestpaper.laggard(item))
    if len(digest.red) > NAMED:
        sheet.body(f"以上为逾期最久的{NAMED}项，全部{len(digest.red)}项见附件。")
    sheet.subheading("未按时报送")
    names = "、".join(f"{each.unit}（{len(each.items)}项）" for each in digest.absent)
    sheet.body(
        f"{this}到期的定期报送仍未报送的单位：{names}。" if names else f"{this}没有缺报的单位。"
    )
    returned, late = digest.this_week.returned, digest.this_week.late
    if returned or late:
        sheet.subheading("质量和时效")
        sheet.body(f"{this}退回补正{returned}件，迟报{late}件。")


def _asked(sheet: Sheet, digest: Digest) -> None:
    sheet.heading("下步要求")
    if digest.red:
        sheet.body(
            "逾期事项的责任单位要逐项说明原因，提出措施和完成时限，由主要负责人审签后报送；确有正当理由的，请书面说明。"
        )
    sheet.body("各单位对照时间节点倒排工期，完成一项、报结一项，不重复报送已有的数据和材料。")
    coming = sum(day.count for day in digest.coming)
    if coming:
        sheet.body(f"未来两周有{coming}项到期，请提前安排。")


def _attach(sheet: Sheet, digest: Digest, names: list[str]) -> None:
    for number, name in enumerate(names, 1):
        label = f"附件{number}" if len(names) > 1 else "附件"
        if name == digestpaper.RED_LIST:
            digestpaper.red_list(sheet, digest.red, label)
        else:
            sheet.attachment(label, name)
            heat_table(sheet, digest)


def heat_table(sheet: Sheet, digest: Digest) -> None:
    """Units × months as a table: 未按时/到期."""
    found = digest.heat
    width = 112 / max(len(found.months), 1)
    columns = [
        Column("单位", 44, centred=False),
        *(Column(svg.month_words(month), width) for month in found.months),
    ]
    rows: list[list[Cell]] = [
        [row.unit, *(f"{bad}/{due}" if due else "—" for due, bad in row.cells)]
        for row in found.rows
    ]
    sheet.table(columns, rows, small=True)
    due = sum(cell[0] for row in found.rows for cell in row.cells)
    bad = sum(cell[1] for row in found.rows for cell in row.cells)
    sheet.remark(
        f"格内为“未按时件数/到期件数”。合计到期{due}件，按时{due - bad}件，占{percent(rate(due - bad, due))}。"
    )
