"""The two sentences that open a digest: where things stand, and how the week went."""

from __future__ import annotations

from collections.abc import Sequence

from duban import clock
from duban.reports.shares import percent, rate
from duban.reports.week import Column, Frame, Laggard

QUOTED_CHARS = 24


def summary(
    frame: Frame, weeks: Sequence[Column], red: Sequence[Laggard], *, current: int, closed: int
) -> tuple[str, str]:
    """Two sentences in plain words, each ending in one full stop."""
    return _standing(frame, weeks, red, current, closed), _week(weeks[0], red)


def _standing(
    frame: Frame, weeks: Sequence[Column], red: Sequence[Laggard], current: int, closed: int
) -> str:
    day = clock.local(frame.as_of)
    since = f"截至{day.year}年{day.month}月{day.day}日{day.hour}时"
    if current == 0:
        return f"{since}，还没有开始办理的事项。"
    done = f"已办结{closed}项（{percent(rate(closed, current))}）" if closed else "尚无办结"
    return f"{since}，已开始办理的{current}项中{done}，{_overdue(weeks, red)}。"


def _overdue(weeks: Sequence[Column], red: Sequence[Laggard]) -> str:
    now, before = len(red), weeks[1].overdue
    change = _change(now, before, weeks[1].name)
    if now == 0:
        return f"没有逾期，{change}" if before else "没有逾期"
    units = len({each.unit for each in red})
    return f"逾期{now}项，涉及{units}个单位，{change}"


def _change(now: int, before: int, last: str) -> str:
    if now == before:
        return f"与{last}持平"
    return f"比{last}增加{now - before}项" if now > before else f"比{last}减少{before - now}项"


def _week(this: Column, red: Sequence[Laggard]) -> str:
    if this.fell_due == 0:
        said = f"{this.name}没有事项到期"
    elif this.on_time == this.fell_due:
        said = f"{this.name}到期{this.fell_due}项，全部按时"
    else:
        said = f"{this.name}到期{this.fell_due}项，按时{this.on_time}项（{percent(rate(this.on_time, this.fell_due))}）"
        said += "".join(
            f"，{word}{count}项"
            for word, count in (("迟报", this.late), ("未报", this.missing))
            if count
        )
    return f"{said}{_worst(red)}。"


def _worst(red: Sequence[Laggard]) -> str:
    if not red:
        return ""
    first = red[0]
    late = f"已逾期{first.days_overdue}天" if first.days_overdue else "今天已过时限"
    lead = "逾期最久的是" if len(red) > 1 else "逾期的是"
    return f"；{lead}{first.unit}的“{cut(first.title, QUOTED_CHARS)}”（{first.task}），{late}"


def cut(text: str, most: int) -> str:
    """A text of at most so many characters, its end marked when something was left out.

    A full stop inside would end the sentence it is quoted in, so it becomes a semicolon.
    """
    one_line = " ".join(text.split()).replace("。", "；").rstrip("；")
    return one_line if len(one_line) <= most else one_line[: most - 1] + "…"
