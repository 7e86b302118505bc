"""The lists of a digest: who is behind, who is absent, who did well, what waits and what comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from duban import clock
from duban.ledger.figures import Detour, Raised
from duban.matrix.model import POST_NAMES
from duban.reports import week
from duban.reports.weekitems import Item, due_this_period, in_time, is_answered, span, within
from duban.status import OPEN_STATES, STATE_NAMES

REPORTS = frozenset({"report", "summary"})
FINISHES = frozenset({"finish", "milestone"})
COMING_DAYS = 14


def red_list(
    items: Iterable[Item], raised: Iterable[Raised], steps: Sequence[str]
) -> tuple[week.Laggard, ...]:
    """Everything overdue, longest first, with the step it reached and the reason the unit gave."""
    reached: dict[tuple[str, int], list[Raised]] = {}
    for each in raised:
        reached.setdefault((each.obligation, each.round), []).append(each)
    red = [item for item in items if item.how.overdue]
    red.sort(key=lambda item: (-item.how.days_overdue, item.duty.key))
    return tuple(
        week.Laggard(
            task=item.duty.task,
            title=item.duty.title,
            label=item.duty.label,
            unit=item.duty.unit_name,
            due_on=_day(item.duty.due_on),
            days_overdue=item.how.days_overdue,
            step=_step(reached.get((item.duty.key, item.duty.round), ()), steps),
            reason=" ".join(item.duty.problem.split()),
        )
        for item in red
    )


def _day(day: date | None) -> date:
    assert day is not None  # an overdue or coming duty has a due
    return day


def _step(raised: Iterable[Raised], order: Sequence[str]) -> str:
    """The severest step that was not dropped; one that waits for a person says so."""
    live = [each for each in raised if each.state != "dropped"]
    if not live:
        return ""
    top = max(live, key=lambda each: order.index(each.step) if each.step in order else -1)
    return f"{top.name}（待确认）" if top.state == "waiting" else top.name


def absent_list(frame: week.Frame, items: Iterable[Item]) -> tuple[week.Absent, ...]:
    """Units that owe a periodic report which fell due this week."""
    missing: dict[str, list[str]] = {}
    for item in items:
        duty = item.duty
        if duty.kind in REPORTS and due_this_period(frame, item) and not is_answered(duty):
            missing.setdefault(duty.unit_name, []).append(
                f"{duty.task} {duty.title}（{duty.label}）"
            )
    return tuple(week.Absent(unit, tuple(owed)) for unit, owed in sorted(missing.items()))


def punctual_list(frame: week.Frame, items: Sequence[Item]) -> tuple[week.Punctual, ...]:
    """Units with all of this week in time that owe nothing from before, in the order of their groups."""
    behind = {item.duty.unit for item in items if item.how.overdue}
    behind |= {
        item.duty.unit for item in items if due_this_period(frame, item) and not in_time(item.duty)
    }
    done = Counter(
        (item.duty.group, item.duty.unit, item.duty.unit_name)
        for item in items
        if item.duty.unit not in behind and due_this_period(frame, item)
    )
    return tuple(week.Punctual(name, count) for (_, _, name), count in sorted(done.items()))


def early_list(frame: week.Frame, items: Iterable[Item]) -> tuple[week.Early, ...]:
    """Tasks and milestones reported done this week before their due, earliest first."""
    since, until = span(frame.period)
    found = []
    for duty in (item.duty for item in items):
        if duty.kind not in FINISHES or duty.due_on is None or duty.state == "returned":
            continue
        if within(duty.submitted_at, since, until) and duty.submitted_at is not None:
            days = (duty.due_on - clock.day_of(duty.submitted_at)).days
            if days > 0:
                found.append(week.Early(duty.task, duty.title, duty.label, duty.unit_name, days))
    return tuple(sorted(found, key=lambda each: (-each.days_early, each.task, each.unit)))


def waiting_list(frame: week.Frame, raised: Iterable[Raised]) -> tuple[week.Waiting, ...]:
    """Proposals that nobody has decided: items still open first, then the oldest."""
    today = clock.day_of(frame.as_of)
    return tuple(
        week.Waiting(
            id=each.id,
            name=each.name,
            task=each.task,
            title=each.title,
            label=each.label,
            unit=each.unit_name,
            raised_on=clock.day_of(each.raised_at),
            days=(today - clock.day_of(each.raised_at)).days,
            now=_now(each.obligation_state),
        )
        for each in sorted(raised, key=lambda each: each.obligation_state not in OPEN_STATES)
        if each.decided_at is None and each.state == "waiting"
    )


def _now(state: str) -> str:
    """A proposal whose item came in meanwhile is still to be decided, but with that in view."""
    return "仍未报" if state in OPEN_STATES else STATE_NAMES[state]


def coming_list(frame: week.Frame, items: Iterable[Item]) -> tuple[week.ComingDay, ...]:
    """What falls due in the next two weeks by day, one line for all units that owe the same."""
    first = clock.day_of(frame.as_of)
    last = first + timedelta(days=COMING_DAYS - 1)
    days: dict[date, dict[tuple[str, str, str], list[str]]] = {}
    for item in items:
        duty = item.duty
        if item.open and not item.how.overdue and duty.due_on and first <= duty.due_on <= last:
            owed = days.setdefault(duty.due_on, {})
            owed.setdefault((duty.task, duty.title, duty.label), []).append(duty.unit_name)
    return tuple(
        week.ComingDay(
            on=on,
            count=sum(map(len, owed.values())),
            items=tuple(week.Coming(*what, tuple(units)) for what, units in sorted(owed.items())),
        )
        for on, owed in sorted(days.items())
    )


def unreached_list(
    frame: week.Frame,
    items: Iterable[Item],
    detours: Iterable[Detour],
    vacancies: Mapping[str, str],
) -> tuple[week.Unreached, ...]:
    """Posts that a notice missed this week, and liaisons that cannot be reached at all."""
    found = [
        week.Unreached(each.unit_name, POST_NAMES.get(each.post, each.post), _what_became(each))
        for each in detours
    ]
    told = {(each.unit, each.post) for each in detours}
    owing = dict.fromkeys((i.duty.unit, i.duty.unit_name) for i in items if i.open)
    found += [
        week.Unreached(name, POST_NAMES["liaison"], vacancies[unit])
        for unit, name in owing
        if unit in vacancies and (unit, "liaison") not in told
    ]
    return tuple(dict.fromkeys(found))


def _what_became(detour: Detour) -> str:
    post = POST_NAMES.get(detour.to_post, detour.to_post)
    if not detour.address:
        return "没有可以送达的人，请补填在岗人和地址"
    if detour.state in {"failed", "unknown", "expired"}:
        return {"failed": "发送失败", "unknown": "是否送达不明", "expired": "过期未发出"}[
            detour.state
        ] + "，请电话联系并核对地址"
    if detour.to_unit != detour.unit:
        return f"已改发{detour.to_unit_name}{post}"
    return f"已改发本单位{post}"
