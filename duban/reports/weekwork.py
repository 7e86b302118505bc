"""Makes the weekly digest from figures: pure, values and a moment in, the digest out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from duban import clock
from duban.lamps import Lamp, LampPolicy
from duban.ledger.figures import Figures, SentOut
from duban.reports import week
from duban.reports.heat import heat_of, trend_of
from duban.reports.periods import Period
from duban.reports.shares import shares
from duban.reports.summary import summary
from duban.reports.weekitems import (
    Item,
    Rules,
    count_closed,
    fell_due_at,
    in_time,
    is_answered,
    is_current,
    is_late,
    item_of,
    overdue_at,
    span,
    within,
)
from duban.reports.weeklists import (
    absent_list,
    coming_list,
    early_list,
    punctual_list,
    red_list,
    unreached_list,
    waiting_list,
)

TOP_ASKED = 5


def build(
    frame: week.Frame,
    figures: Figures,
    rules: Rules,
    vacancies: Mapping[str, str] | None = None,
) -> week.Digest:
    """The digest of the period of ``frame`` as known at ``frame.as_of``.

    What came in after ``as_of`` is treated as not there yet. ``vacancies``: unit id to the sentence for a
    unit whose liaison cannot be reached; told only of units that owe something.
    """
    items = [item_of(duty, frame.as_of, rules) for duty in figures.duties]
    watched = [item for item in items if item.duty.unit_kind.supervised]
    current = [item for item in watched if is_current(item, frame.as_of)]
    red = red_list(watched, figures.raised, rules.steps)
    weeks = _weeks(frame, watched, figures, len(red))
    return week.Digest(
        frame=frame,
        summary=summary(frame, weeks, red, current=len(current), closed=count_closed(current)),
        weeks=weeks,
        lamps=_lamps(current, rules.lamps),
        states=_states(current),
        red=red,
        absent=absent_list(frame, watched),
        punctual=punctual_list(frame, watched),
        early=early_list(frame, watched),
        waiting=waiting_list(frame, figures.raised),
        coming=coming_list(frame, watched),
        groups=_groups(frame, current, rules.groups),
        burden=_burden(frame, items, figures.sent),
        unreached=unreached_list(frame, items, figures.detours, vacancies or {}),
        heat=heat_of(frame, watched, rules.groups),
        trend=trend_of(figures.lamps, rules.lamps),
        asked_only=sum(item.how.overdue and not item.duty.unit_kind.supervised for item in items),
    )


# ---- weeks ---------------------------------------------------------------------------------------


def _weeks(
    frame: week.Frame, items: Sequence[Item], figures: Figures, overdue: int
) -> tuple[week.Column, ...]:
    this, *before = [
        _column(name, period, frame.as_of, items=items, figures=figures)
        for name, period in zip(frame.words.columns, frame.period.three, strict=True)
    ]
    return (replace(this, overdue=overdue), *before)


def _column(
    name: str,
    period: Period,
    as_of: datetime,
    *,
    items: Sequence[Item],
    figures: Figures,
) -> week.Column:
    since, until = span(period)
    until = min(until, as_of)
    fell = [item.duty for item in items if within(fell_due_at(item.duty), since, until)]
    answered = [duty for duty in fell if is_answered(duty)]
    late = sum(is_late(duty, fell_due_at(duty) or until) for duty in answered)
    return week.Column(
        name=name,
        from_on=period.from_on,
        to_on=period.to_on,
        fell_due=len(fell),
        on_time=len(answered) - late,
        late=late,
        missing=len(fell) - len(answered),
        returned=sum(within(moment, since, until) for moment in figures.returns),
        closed=sum(within(item.duty.closed_at, since, until) for item in items),
        reminders=sum(within(each.settled_at, since, until) for each in figures.sent),
        escalations=sum(within(each.raised_at, since, until) for each in figures.raised),
        overdue=sum(overdue_at(item.duty, until) for item in items),
    )


# ---- shares and groups ---------------------------------------------------------------------------


REVIEW = Lamp("blue", "待审核", "待审核")
"""Shown beside the lamps: the policy calls what was handed in done, but nobody has accepted it yet."""


def _lamps(items: Iterable[Item], policy: LampPolicy) -> tuple[week.Share, ...]:
    counted = Counter(REVIEW if item.duty.state == "submitted" else item.how.lamp for item in items)
    lamps = list(dict.fromkeys((*policy.all[:-1], REVIEW, policy.idle)))
    counts = [counted[lamp] for lamp in lamps]
    return tuple(
        week.Share(
            lamp.name,
            lamp.words,
            "◇" if lamp is REVIEW else lamp.shape,
            lamp.colour,
            count,
            tenths,
        )
        for lamp, count, tenths in zip(lamps, counts, shares(counts), strict=True)
    )


_STATES = ("已办结", "已报送待审", "办理中", "逾期", "未起算或暂缓")


def _states(items: Iterable[Item]) -> tuple[week.Share, ...]:
    counted = Counter(_state_word(item) for item in items)
    counts = [counted[name] for name in _STATES]
    return tuple(
        week.Share(name, name, "", "", count, tenths)
        for name, count, tenths in zip(_STATES, counts, shares(counts), strict=True)
    )


def _state_word(item: Item) -> str:
    if item.duty.state == "closed":
        return _STATES[0]
    if item.duty.state == "submitted":
        return _STATES[1]
    if item.open:
        return _STATES[3] if item.how.overdue else _STATES[2]
    return _STATES[4]


def _groups(
    frame: week.Frame, items: Sequence[Item], order: Sequence[str]
) -> tuple[week.GroupProgress, ...]:
    names = dict.fromkeys([*order, *sorted({item.duty.group for item in items})])
    found = []
    for name in names:
        mine = [item for item in items if item.duty.group == name]
        if mine:
            found.append(_group(name, mine, frame.as_of))
    return tuple(found)


def _group(name: str, items: Sequence[Item], as_of: datetime) -> week.GroupProgress:
    fell = [
        item.duty
        for item in items
        if (moment := fell_due_at(item.duty)) is not None and moment < as_of
    ]
    return week.GroupProgress(
        name=name,
        units=len({item.duty.unit for item in items}),
        current=len(items),
        closed=count_closed(items),
        submitted=sum(item.duty.state == "submitted" for item in items),
        overdue=sum(item.how.overdue for item in items),
        fell_due=len(fell),
        on_time=sum(in_time(duty) for duty in fell),
    )


# ---- burden --------------------------------------------------------------------------------------


def month_start(frame_to_on: date) -> datetime:
    """The first moment of the month in which the week ends: the month whose burden is told."""
    return clock.at(frame_to_on.replace(day=1))


def _burden(frame: week.Frame, items: Iterable[Item], sent: Iterable[SentOut]) -> week.Burden:
    since = month_start(frame.to_on)
    until = min(clock.at(_next_month(frame.to_on)), frame.as_of)
    # Only units that were asked: those nobody asked would drag the median down to 0.
    asks = Counter(
        item.duty.unit_name for item in items if within(item.duty.requested_at, since, until)
    )
    people = Counter(
        (each.unit, each.post) for each in sent if within(each.settled_at, since, until)
    )
    ranked = sorted(asks.items(), key=lambda pair: (-pair[1], pair[0]))
    messages = sum(people.values())
    return week.Burden(
        month=f"{frame.to_on.year}年{frame.to_on.month}月",
        units=len(asks),
        asks=sum(asks.values()),
        median=_median(list(asks.values())),
        top=tuple(week.Asks(unit, count) for unit, count in ranked[:TOP_ASKED]),
        messages=messages,
        people=len(people),
        average=_average(messages, len(people)),
        most=max(people.values(), default=0),
    )


def _next_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def _median(values: list[int]) -> Decimal:
    if not values:
        return Decimal(0)
    ordered, half = sorted(values), len(values) // 2
    if len(ordered) % 2:
        return Decimal(ordered[half])
    return Decimal(ordered[half - 1] + ordered[half]) / 2


def _average(total: int, parts: int) -> Decimal:
    return Decimal(0) if parts == 0 else (Decimal(total) / parts).quantize(Decimal("0.1"))
