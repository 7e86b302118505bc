"""Wording that the digest's page, note and paper share."""

from __future__ import annotations

from duban.reports.shares import percent, rate
from duban.reports.week import Coming, Digest, GroupProgress, Laggard

UNITS_NAMED = 3

WEEK_ROWS: tuple[tuple[str, str], ...] = (
    ("到期事项", "fell_due"),
    ("　其中：按时", "on_time"),
    ("　　　　迟报", "late"),
    ("　　　　未报", "missing"),
    ("办结", "closed"),
    ("退回补正", "returned"),
    ("期末仍逾期", "overdue"),
    ("发出通知（条）", "reminders"),
    ("启动督办（次）", "escalations"),
)
"""What the table of three weeks tells, and the field of each row."""


def late_words(item: Laggard) -> str:
    """逾期34天, or that its hour passed today."""
    return f"逾期{item.days_overdue}天" if item.days_overdue else "今天已过时限"


def units_words(item: Coming) -> str:
    """The units by name, or how many when they are many."""
    if len(item.units) <= UNITS_NAMED:
        return "、".join(item.units)
    return f"{item.units[0]}等{len(item.units)}个单位"


def group_cells(group: GroupProgress) -> list[str]:
    """A group's row: name, units, current, closed, share closed, overdue, share in time of what fell due."""
    return [
        group.name,
        str(group.units),
        str(group.current),
        str(group.closed),
        percent(rate(group.closed, group.current)),
        str(group.overdue),
        percent(rate(group.on_time, group.fell_due)),
    ]


def burden_words(digest: Digest) -> str:
    """The month's burden in one paragraph."""
    burden = digest.burden
    if burden.asks == 0 and burden.messages == 0:
        return f"{burden.month}没有向单位发出报送要求，也没有发出通知。"
    said = f"{burden.month}向{burden.units}个单位提出报送要求{burden.asks}次，每个单位的中位数为{burden.median}次"
    if burden.top:
        most = burden.top[0]
        said += f"，最多的是{most.unit}（{most.count}次）"
    if burden.messages:
        said += f"；发出通知{burden.messages}条，{burden.people}人收到，人均{burden.average}条，最多的一人{burden.most}条"
    return f"{said}。"
