"""The weekly digest as a Word draft: text for the one who signs it, the full red list attached."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from duban.reports import svg
from duban.reports.paper import Paper
from duban.reports.pdfpaper import PdfPaper
from duban.reports.shares import percent
from duban.reports.sheet import Cell, Column, Sheet
from duban.reports.summary import cut
from duban.reports.week import Column as Week
from duban.reports.week import Digest, Laggard
from duban.reports.weekwords import WEEK_ROWS, burden_words, group_cells, late_words, units_words
from duban.status import chinese_day, chinese_day_week

NAMED = 5
REASON_CHARS = 60
RED_LIST = "逾期未办结事项清单"
_WHAT = "任务事项及单位说明"


def write_docx(digest: Digest, path: Path) -> None:
    """Write the digest's draft paper to a file."""
    path.write_bytes(docx_bytes(digest))


Writer = Callable[[Sheet, Digest], None]


def docx_bytes(digest: Digest, writer: Writer | None = None) -> bytes:
    """The digest's draft paper: the same digest gives the same bytes."""
    frame = digest.frame
    paper = Paper(
        f"{frame.title}（{frame.id}）",
        author=frame.office,
        created=frame.as_of,
        example=frame.example,
    )
    (writer or write)(paper, digest)
    return paper.to_bytes()


def pdf_bytes(digest: Digest, fonts_dir: Path | None = None, writer: Writer | None = None) -> bytes:
    """The same paper as PDF/A. Raises OutsideError when the machine has no Chinese font."""
    frame = digest.frame
    paper = PdfPaper(
        f"{frame.title}（{frame.id}）",
        author=frame.office,
        created=frame.as_of,
        example=frame.example,
        fonts_dir=fonts_dir,
    )
    (writer or write)(paper, digest)
    return paper.to_bytes()


def write(paper: Sheet, digest: Digest) -> None:
    """Write a weekly digest from top to bottom."""
    frame = digest.frame
    paper.title(frame.title, note=f"（{chinese_day(frame.from_on)}至{_month_day(digest)}）")
    paper.body("".join(digest.summary))
    for part in (overall, trend, _red, _absent, good, _waiting, _coming, _groups, _heat, _burden):
        part(paper, digest)
    if digest.red:
        paper.attachments(RED_LIST)
    paper.sign(frame.issuer, chinese_day(frame.as_of.date()))
    if digest.red:
        red_list(paper, digest.red)


def _month_day(digest: Digest) -> str:
    last = digest.frame.to_on
    return (
        f"{last.month}月{last.day}日"
        if last.year == digest.frame.from_on.year
        else chinese_day(last)
    )


def overall(paper: Sheet, digest: Digest) -> None:
    """总体情况: shares that add to 100.0 and the three periods side by side."""
    paper.heading("总体情况")
    shares = "；".join(
        f"{s.name}{s.count}项，占{percent(s.tenths)}" for s in digest.states if s.count
    )
    lamps = "；".join(
        f"{s.name}{s.count}项，占{percent(s.tenths)}" for s in digest.lamps if s.count
    )
    if digest.current:
        paper.body(f"《{digest.frame.plan_title}》已开始办理{digest.current}项：{shares}。")
        paper.body(f"按灯色分：{lamps}。定期报送未到报送期的，不计在内。")
    paper.table(_week_columns(digest), _week_rows(digest.weeks), whole=True)


def _week_columns(digest: Digest) -> list[Column]:
    named = [
        (week.name, f"{week.from_on.month}.{week.from_on.day}—{week.to_on.month}.{week.to_on.day}")
        for week in digest.weeks
    ]
    return [Column("项目", 48, centred=False), *(Column(name, 36) for name in named)]


def _week_rows(weeks: Iterable[Week]) -> list[list[Cell]]:
    return [[word, *(str(getattr(week, field)) for week in weeks)] for word, field in WEEK_ROWS]


def trend(paper: Sheet, digest: Digest) -> None:
    """The lamps of the closed months: a drawing for the PDF, a table for Word."""
    if not digest.trend:
        return
    paper.body("近几个月月末亮灯情况：", keep=True)
    paper.chart(svg.trend(digest.trend), "各月末亮灯情况")
    names = [name for name, *_ in digest.trend[0].lamps]
    width = 120 / len(names)
    paper.table(
        [Column("月份", 36), *(Column(name, width) for name in names)],
        [
            [svg.month_words(month.month), *(str(count) for *_, count in month.lamps)]
            for month in digest.trend
        ],
        whole=True,
    )


def _heat(paper: Sheet, digest: Digest) -> None:
    if not any(bad for row in digest.heat.rows for _, bad in row.cells):
        return
    behind = [row for row in digest.heat.rows if any(bad for _, bad in row.cells)]
    paper.heading("逐月按时情况")
    paper.body("格内为“未按时件数/到期件数”；全部按时的单位不列出。", keep=True)
    width = 112 / len(digest.heat.months)
    paper.table(
        [
            Column("单位", 44, centred=False),
            *(Column(svg.month_words(month), width) for month in digest.heat.months),
        ],
        [[row.unit, *(f"{bad}/{due}" if due else "—" for due, bad in row.cells)] for row in behind],
    )


def _red(paper: Sheet, digest: Digest) -> None:
    paper.heading("逾期事项")
    if not digest.red:
        paper.body("没有逾期未办结的事项。")
    for item in digest.red[:NAMED]:
        paper.body(laggard(item))
    if len(digest.red) > NAMED:
        paper.body(f"以上为逾期最久的{NAMED}项，全部{len(digest.red)}项见附件。")
    if digest.asked_only:
        paper.body(
            f"另有请企业、事业单位提供情况的{digest.asked_only}项未回复，只作提示，不列入督办和通报。"
        )


def laggard(item: Laggard) -> str:
    """An overdue item in a sentence."""
    said = f"单位说明：{cut(item.reason, REASON_CHARS)}" if item.reason else "单位未说明原因"
    step = f"，已到“{item.step}”" if item.step else ""
    return (
        f"{item.unit}：{item.task}《{item.title}》（{item.label}），时限{chinese_day(item.due_on)}，"
        f"{late_words(item)}{step}。{said}。"
    )


def _absent(paper: Sheet, digest: Digest) -> None:
    this = digest.frame.words.this
    paper.heading(f"{this}未按时报送的单位")
    if not digest.absent:
        paper.body(
            f"{this}到期的定期报送没有缺报。"
            if digest.this_week.fell_due
            else f"{this}没有应报的事项。"
        )
        return
    paper.table(
        [Column("单位", 40), Column("未报事项", 116, centred=False)],
        [[each.unit, each.items] for each in digest.absent],
    )


def good(paper: Sheet, digest: Digest) -> None:
    """Who did well, by name."""
    paper.heading("做得好的单位")
    if digest.punctual:
        names = "、".join(each.unit for each in digest.punctual)
        paper.body(f"{digest.frame.words.this}到期事项全部按时、且没有逾期欠账的单位：{names}。")
    for each in digest.early[:NAMED]:
        paper.body(
            f"{each.unit}提前{each.days_early}天报结{each.task}《{each.title}》（{each.label}）。"
        )
    if not digest.punctual and not digest.early:
        paper.body(f"{digest.frame.words.this}没有全部按时或提前报结的单位。")


def _waiting(paper: Sheet, digest: Digest) -> None:
    paper.heading("待确认的督办建议")
    if not digest.waiting:
        paper.body("没有待确认的建议。")
        return
    paper.body(
        "以下建议须由具名的人确认后才发出；单位有正当理由的，请写明理由，不予采纳。", keep=True
    )
    paper.table(
        [
            Column("建议", 20),
            Column("事项", 64, centred=False),
            Column("单位", 32),
            Column("已等", 20),
            Column("现状", 20),
        ],
        [
            [
                each.name,
                f"{each.task} {each.title}（{each.label}）",
                each.unit,
                _waited(each.days),
                each.now,
            ]
            for each in digest.waiting
        ],
    )


def _waited(days: int) -> str:
    return f"{days}天" if days else "今天提出"


def _coming(paper: Sheet, digest: Digest) -> None:
    paper.heading("未来两周到期事项")
    if not digest.coming:
        paper.body("未来两周没有事项到期。")
        return
    paper.table(
        [Column("日期", 38), Column("事项", 78, centred=False), Column("单位", 40)],
        [
            [
                chinese_day_week(day.on),
                f"{item.task} {item.title}（{item.label}）",
                units_words(item),
            ]
            for day in digest.coming
            for item in day.items
        ],
    )


def _groups(paper: Sheet, digest: Digest) -> None:
    paper.heading("分组进展")
    if not digest.groups:
        paper.body("还没有开始办理的事项。")
        return
    names = ("组别", "单位数", "已开始", "已办结", "办结率", "逾期", "按时率")
    widths = (36, 18, 20, 20, 22, 18, 22)
    paper.table(
        [Column(name, width) for name, width in zip(names, widths, strict=True)],
        [group_cells(group) for group in digest.groups],
        whole=True,
    )


def _burden(paper: Sheet, digest: Digest) -> None:
    paper.heading("报送负担")
    paper.body(burden_words(digest))
    if digest.unreached:
        paper.body(f"以下{len(digest.unreached)}个岗位没有直接通知到，请办公室处理：", keep=True)
        paper.table(
            [Column("单位", 44), Column("岗位", 30), Column("情况", 82, centred=False)],
            [[each.unit, each.post, each.what] for each in digest.unreached],
        )


def red_list(paper: Sheet, red: Iterable[Laggard], label: str = "附件") -> None:
    """Everything overdue as an attachment."""
    paper.attachment(label, RED_LIST)
    names: tuple[Cell, ...] = ("序号", "编号", _WHAT, "责任单位", "时限", ("逾期", "天数"), "督办")
    widths = (9, 14, 48, 27, 23, 12, 23)
    columns = [
        Column(name, width, centred=name != _WHAT)
        for name, width in zip(names, widths, strict=True)
    ]
    paper.table(columns, [_red_cells(number, item) for number, item in enumerate(red, 1)])


def _red_cells(number: int, item: Laggard) -> list[Cell]:
    said = f"单位说明：{cut(item.reason, REASON_CHARS)}" if item.reason else "单位未说明原因"
    return [
        str(number),
        item.task,
        (f"{item.title}（{item.label}）", said),
        item.unit,
        f"{item.due_on.year}.{item.due_on.month}.{item.due_on.day}",
        str(item.days_overdue),
        _lines_of_step(item.step),
    ]


def _lines_of_step(step: str) -> Cell:
    """通报（待确认） on two lines, so that it is not torn."""
    name, bracket, rest = step.partition("（")
    return (name, bracket + rest) if bracket else step or "—"
