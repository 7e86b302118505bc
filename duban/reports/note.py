"""The weekly digest as Markdown: in full, and short enough for a chat bot's one message."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from duban.reports.shares import percent, rate
from duban.reports.summary import cut
from duban.reports.week import Digest, Laggard
from duban.reports.weekwords import WEEK_ROWS, burden_words, group_cells, late_words, units_words
from duban.settings import EXAMPLE_MARK
from duban.status import chinese_day_week

BOT_BYTES = 4096
"""The smallest limit of the bots we know (WeCom's markdown message)."""

TITLE_CHARS = 30
REASON_CHARS = 40

# Titles come from the office's files and from units; no bot may take them for a link or a mention.
_LOOKALIKES = str.maketrans({char: chr(ord(char) + 0xFEE0) for char in "\\`*_[]()#+!|<>~@&"})


def plain(text: str) -> str:
    """One line that is no markup: signs become full-width look-alikes, unseen characters go."""
    kept = (
        char if char.isprintable() else " " for char in text if unicodedata.category(char) != "Cf"
    )
    return " ".join("".join(kept).split()).translate(_LOOKALIKES).replace("://", "：//")


def render_markdown(digest: Digest) -> str:
    """The whole digest as Markdown."""
    return "\n".join([*_head(digest), *_body(digest), *_tail(digest)]) + "\n"


def render_bot(digest: Digest, limit_bytes: int = BOT_BYTES) -> str:
    """The head, as much of the red list as fits whole, and the link, within so many bytes of UTF-8.

    Raises ValueError when not even the title and the link fit.
    """
    head, tail = _head(digest), _tail(digest)
    lines = [_red_line(number, item) for number, item in enumerate(digest.red, 1)]
    for shown in range(len(lines), -1, -1):
        left = len(lines) - shown
        more = [f"- 另有{left}项逾期，见全文。"] if left and shown else []
        title = ["", f"**逾期事项（{len(lines)}项）**"] if shown else []
        text = "\n".join([*head, *title, *lines[:shown], *more, *tail])
        if len(text.encode()) <= limit_bytes:
            return text
    short = "\n".join([f"## {plain(digest.frame.title)}（{digest.id}）", *tail[-1:]])
    if len(short.encode()) <= limit_bytes:
        return short
    msg = f"a digest's title and link do not fit into {limit_bytes} bytes"
    raise ValueError(msg)


def _head(digest: Digest) -> list[str]:
    frame = digest.frame
    mark = [f"【{EXAMPLE_MARK}】由演示数据生成，请勿据此办理。", ""] if frame.example else []
    lamps = "　".join(
        f"{lamp.shape}{plain(lamp.name)} {lamp.count}项（{percent(lamp.tenths)}）"
        for lamp in digest.lamps
        if lamp.count
    )
    title = f"## {plain(frame.title)}（{frame.from_on.month}月{frame.from_on.day}日—{frame.to_on.month}月{frame.to_on.day}日）"
    return [title, "", *mark, plain("".join(digest.summary)), *(["", lamps] if lamps else [])]


def _red_line(number: int, item: Laggard) -> str:
    said = f"；单位说明：{plain(cut(item.reason, REASON_CHARS))}" if item.reason else ""
    step = f"，{item.step}" if item.step else ""
    what = f"{item.task} {plain(cut(item.title, TITLE_CHARS))}（{plain(item.label)}）"
    return f"{number}. {plain(item.unit)}：{what}，**{late_words(item)}**{step}{said}"


def _tail(digest: Digest) -> list[str]:
    waiting = [f"待确认的督办建议{len(digest.waiting)}项。"] if digest.waiting else []
    return ["", *waiting, f"[查看全部]({digest.frame.url})"]


def _body(digest: Digest) -> Iterable[str]:
    yield from ("", f"### 逾期事项（{len(digest.red)}项）", "")
    yield from (_red_line(number, item) for number, item in enumerate(digest.red, 1))
    if not digest.red:
        yield "没有逾期未办结的事项。"
    yield from _weeks(digest)
    yield from _lists(digest)
    yield from _groups(digest)
    yield from ("", "### 报送负担", "", plain(burden_words(digest)))


def _weeks(digest: Digest) -> Iterable[str]:
    names = (f"{week.name} {week.from_on:%m.%d}—{week.to_on:%m.%d}" for week in digest.weeks)
    yield from (
        "",
        f"### {digest.frame.words.table}",
        "",
        f"| 项目 | {' | '.join(names)} |",
        "|---|---:|---:|---:|",
    )
    for word, field in WEEK_ROWS:
        yield f"| {word} | {' | '.join(str(getattr(week, field)) for week in digest.weeks)} |"
    rates = (percent(rate(week.on_time, week.fell_due)) for week in digest.weeks)
    yield f"| 按时率 | {' | '.join(rates)} |"


def _lists(digest: Digest) -> Iterable[str]:
    sections = (
        (
            f"待确认的督办建议（{len(digest.waiting)}项）",
            [
                f"{e.name}：{e.unit}，{e.task} {e.title}（{e.label}），已等{e.days}天，{e.now}"
                for e in digest.waiting
            ],
        ),
        (
            f"{digest.frame.words.this}未按时报送的单位（{len(digest.absent)}个）",
            [f"{e.unit}：{'；'.join(e.items)}" for e in digest.absent],
        ),
        ("做得好的", _good(digest)),
        (
            "未来两周到期",
            [
                f"{chinese_day_week(day.on)}：{item.task} {item.title}（{item.label}），{units_words(item)}"
                for day in digest.coming
                for item in day.items
            ],
        ),
        ("没有直接通知到的岗位", [f"{e.unit}{e.post}：{e.what}" for e in digest.unreached]),
    )
    for title, lines in sections:
        if lines:
            yield from ("", f"### {title}", "", *(f"- {plain(line)}" for line in lines))


def _good(digest: Digest) -> list[str]:
    punctual = [
        f"{each.unit}：{digest.frame.words.this}{each.items}项全部按时" for each in digest.punctual
    ]
    return punctual + [
        f"{each.unit}：提前{each.days_early}天报结{each.task} {each.title}（{each.label}）"
        for each in digest.early
    ]


def _groups(digest: Digest) -> Iterable[str]:
    if digest.groups:
        yield from ("", "### 分组进展", "")
        yield from (
            "| 组别 | 单位 | 已开始 | 已办结 | 办结率 | 逾期 | 按时率 |",
            "|---|---:|---:|---:|---:|---:|---:|",
        )
        yield from (f"| {' | '.join(map(plain, group_cells(group)))} |" for group in digest.groups)


def render_text(digest: Digest) -> str:
    """The digest as plain mail text: the same words without Markdown's signs."""
    lines = []
    for line in render_markdown(digest).splitlines():
        if re.fullmatch(r"[|\s:-]+", line) and "-" in line:
            continue  # the rule under a table's head
        bare = re.sub(r"^#+\s*", "", line).replace("**", "")
        if bare.startswith("|"):
            bare = "　".join(cell.strip() for cell in bare.strip("|").split("|"))
        lines.append(re.sub(r"\[([^\]]*)\]\(([^)]*)\)", r"\1 \2", bare))
    return "\n".join(lines) + "\n"
