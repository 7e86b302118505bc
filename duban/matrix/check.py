"""Checks a matrix that could be read. One rule a function; its docstring says what it refuses.

Every rule yields issues; all of them run, so that the clerk sees every mistake at once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from decimal import Decimal
from itertools import pairwise

from duban.errors import Issue, Level, Place
from duban.matrix.deadlines import Kind, Reading, event_name, read
from duban.matrix.model import Every, Indicator, Matrix, Task
from duban.matrix.names import Names
from duban.matrix.phrases import read_deadline
from duban.workdays import Calendar

Rule = Callable[[Matrix], Iterable[Issue]]


def check(matrix: Matrix, calendar: Calendar, today: date) -> list[Issue]:
    """Every issue that the rules below find, in the order of file and line."""
    found = [issue for rule in RULES for issue in rule(matrix)]
    missing = calendar.missing_year_warning(today)
    if missing:
        found.append(
            Issue(
                Level.WARNING,
                "calendar-year",
                Place("config/calendar.yaml"),
                missing,
                "国务院办公厅通知公布后，把那一年加进 config/calendar.yaml。",
            )
        )
    return sorted(found, key=lambda issue: (issue.place.file, issue.place.line or 0, issue.code))


def _error(code: str, place: Place, message: str, way_out: str) -> Issue:
    return Issue(Level.ERROR, code, place, message, way_out)


def _warning(code: str, place: Place, message: str, way_out: str) -> Issue:
    return Issue(Level.WARNING, code, place, message, way_out)


def ids_are_unique(matrix: Matrix) -> Iterator[Issue]:
    """A task's or indicator's id is used once and never again."""
    seen: dict[str, Place] = {}
    things: list[Task | Indicator] = [*matrix.plan.tasks, *matrix.plan.indicators]
    for thing in things:
        if thing.id in seen:
            yield _error(
                "id-twice",
                thing.place,
                f"编号“{thing.id}”已在 {seen[thing.id]} 用过。",
                "编号从不重复使用，换一个新的。",
            )
        seen.setdefault(thing.id, thing.place)
    for task in matrix.plan.tasks:
        if "/" in task.id or ":" in task.id or len(task.id) > 60:
            yield _error(
                "id-form",
                task.place,
                f"编号“{task.id}”含有“/”或“:”，或超过60个字。",
                "用字母、数字和“-”。",
            )


def parts_exist(matrix: Matrix) -> Iterator[Issue]:
    """Area, goals and indicators of a task are written in plan.yaml."""
    plan = matrix.plan
    areas = {item.id for item in (*plan.areas, *plan.safeguards)}
    goals, indicators = {item.id for item in plan.goals}, {each.id for each in plan.indicators}
    for task in plan.tasks:
        if task.area and task.area not in areas:
            yield _error(
                "unknown-area",
                task.place,
                f"任务 {task.id} 的 area“{task.area}”不在 plan.yaml 的重点工作和保障措施里。",
                f"可用：{'、'.join(sorted(areas))}。",
            )
        for goal in task.goals:
            if goal not in goals:
                yield _error(
                    "unknown-goal",
                    task.place,
                    f"任务 {task.id} 的目标“{goal}”不在 plan.yaml 里。",
                    f"可用：{'、'.join(sorted(goals))}。",
                )
        for each in task.indicators:
            if each not in indicators:
                yield _error(
                    "unknown-indicator",
                    task.place,
                    f"任务 {task.id} 的指标“{each}”不在 plan.yaml 里。",
                    f"可用：{'、'.join(sorted(indicators))}。",
                )


def deadlines_can_be_read(matrix: Matrix) -> Iterator[Issue]:
    """Every deadline phrase is understood as a whole; a doubtful one is settled by a person."""
    for task in matrix.plan.tasks:
        yield from _about(read_deadline(task, matrix.plan), task.id, task.deadline_place)
        for stone in task.milestones:
            reading = read(stone.deadline_phrase, year=matrix.plan.year)
            yield from _about(reading, f"{task.id} 节点 {stone.id}", stone.place)


_UNDATED = frozenset({Kind.NOT_A_DATE, Kind.BLANK})


def _about(reading: Reading, who: str, place: Place) -> Iterator[Issue]:
    if reading.kind is Kind.BLANK:
        yield _error(
            "deadline-blank",
            place,
            f"任务 {who} 没有完成时限。",
            "补上 deadline；长期任务写“持续推进”。",
        )
    elif reading.kind is Kind.NOT_A_DATE:
        yield _error(
            "deadline-unread",
            place,
            f"任务 {who} 的时限“{reading.phrase}”读不懂：{reading.note}",
            "写成如“2026年6月30日前”“自批复之日起2个月内”“持续推进”。用 duban deadline 试读。",
        )
    elif reading.level is Level.WARNING:
        yield _warning(
            "deadline-doubt",
            place,
            f"任务 {who} 的时限“{reading.phrase}”：{reading.note}",
            "改成写明日子的说法，如“2022年9月底前”。",
        )
    elif reading.level is Level.ERROR:
        yield _error(
            "deadline-unread",
            place,
            f"任务 {who} 的时限“{reading.phrase}”：{reading.note}",
            "改成写明日子的说法。",
        )


def anchors_exist(matrix: Matrix) -> Iterator[Issue]:
    """A deadline that counts from an event names an anchor of plan.yaml."""
    plan = matrix.plan
    known = {event_name(name): anchor for name, anchor in plan.anchor_names.items()}
    for task in plan.tasks:
        reading = read_deadline(task, plan)
        if reading.offset is None and not (reading.anchor and reading.kind is Kind.RELATIVE):
            continue
        name = event_name(reading.anchor)
        if name not in known:
            yield _error(
                "unknown-anchor",
                task.deadline_place,
                f"任务 {task.id} 的时限从“{reading.anchor}”算起，但 plan.yaml 的 anchors 里没有它。",
                "在 anchors 里登记这个时点（日期未定可留空），或用 anchor: 指明。",
            )
        elif plan.anchors[known[name]] is None:
            yield Issue(
                Level.INFO,
                "anchor-open",
                task.deadline_place,
                f"任务 {task.id} 的起算点“{reading.anchor}”还没有日期，暂列未起算。",
                "日期确定后填进 plan.yaml 的 anchors。",
            )


def deadlines_lie_in_term(matrix: Matrix) -> Iterator[Issue]:
    """A deadline lies within the plan's term."""
    plan = matrix.plan
    for task in plan.tasks:
        due = read_deadline(task, plan).due
        if due is not None and not plan.starts_on <= due <= plan.ends_on:
            yield _warning(
                "deadline-term",
                task.deadline_place,
                f"任务 {task.id} 的时限 {due} 不在方案期限 {plan.starts_on} 至 {plan.ends_on} 内。",
                "核对年份。",
            )


def weights_are_positive(matrix: Matrix) -> Iterator[Issue]:
    """A task weighs more than nothing."""
    for task in matrix.plan.tasks:
        if task.weight > 1000 or task.weight != round(task.weight, 3):
            yield _error(
                "weight",
                task.place,
                f"任务 {task.id} 的权重应在 1000 以内，最多三位小数。",
                "写成如 weight: 2 或 1.5。",
            )
        elif task.weight <= Decimal(0):
            yield _error(
                "weight", task.place, f"任务 {task.id} 的权重应大于 0。", "写成如 weight: 2。"
            )


def leads_can_be_supervised(matrix: Matrix) -> Iterator[Issue]:
    """A lead is a unit that may be supervised; enterprises and institutions are only asked."""
    for task in matrix.plan.tasks:
        for lead in task.lead:
            unit = matrix.directory.units[lead]
            if not unit.kind.supervised:
                yield _error(
                    "lead-kind",
                    task.place,
                    f"任务 {task.id} 的牵头单位“{unit.short}”是企业或事业单位，不能作为督办对象。",
                    "由其主管部门牵头，把它写进配合单位。",
                )


_RANK = {Every.WEEK: 1, Every.MONTH: 2, Every.QUARTER: 3, Every.HALF: 4, Every.YEAR: 5}


def reports_recur(matrix: Matrix) -> Iterator[Issue]:
    """A reporting day recurs as often as the rule says."""
    for task in matrix.plan.tasks:
        if task.report is None:
            continue
        phrases = [task.report.due_phrase, task.report.lead_summary_phrase]
        for phrase in (each for each in phrases if each):
            recurrence = read(phrase, year=matrix.plan.year).recurrence
            if recurrence is None:
                yield _error(
                    "report-day",
                    task.place,
                    f"任务 {task.id} 的报送日“{phrase}”不是按期重复的说法。",
                    "写成如“每月25日前”“每季度最后一个月25日前”。",
                )
            elif task.report.every and recurrence.every is not task.report.every:
                yield _error(
                    "report-every",
                    task.place,
                    f"任务 {task.id} 写的是 every: {task.report.every.value}，报送日却是“{phrase}”。",
                    "让两处一致。",
                )


def long_tasks_are_asked(matrix: Matrix) -> Iterator[Issue]:
    """A task that never ends is at least reported, else nobody would ever hear of it."""
    for task in matrix.plan.tasks:
        if task.report is None and read_deadline(task, matrix.plan).kind in {
            Kind.OPEN,
            Kind.CONDITIONAL,
        }:
            yield _warning(
                "never-asked",
                task.deadline_place,
                f"任务 {task.id} 没有截止日，又没有报送要求，系统不会再过问它。",
                "加上 report，如每季度报送。",
            )


def numbers_are_asked_once(matrix: Matrix) -> Iterator[Issue]:
    """No unit is asked for the same indicator by two tasks (国办函〔2026〕12号：不得重复填报)."""
    asked: dict[tuple[str, str], Task] = {}
    for task in matrix.plan.tasks:
        reporters = task.report.by if task.report else task.lead[:1]
        for unit in reporters:
            for indicator in task.indicators:
                first = asked.setdefault((unit, indicator), task)
                if first is not task:
                    short = matrix.directory.units[unit].short
                    yield _error(
                        "asked-twice",
                        task.place,
                        f"任务 {first.id} 与 {task.id} 向{short}重复要同一指标“{indicator}”。",
                        "只在一个任务里要这个数（国办函〔2026〕12号不许重复填报）。",
                    )


def targets_add_up(matrix: Matrix) -> Iterator[Issue]:
    """The units' targets add up to the county's, for flows and cumulative numbers."""
    for indicator in matrix.plan.indicators:
        if not indicator.unit_targets:
            continue
        sums: Counter[int] = Counter()
        for yearly in indicator.unit_targets.values():
            for year, value in yearly.items():
                sums[year] += value  # type: ignore[assignment]  # Counter adds exact decimals as well
        for year, total in sorted(sums.items()):
            target = indicator.targets.get(year)
            if target is not None and total != target:
                yield _error(
                    "targets-sum",
                    indicator.place,
                    f"指标“{indicator.name}”{year}年分到各单位的目标合计 {total}，全市目标是 {target}。",
                    "改正 unit_targets 或 targets，使两者相等。",
                )


def units_have_someone(matrix: Matrix) -> Iterator[Issue]:
    """A unit that leads or reports can be reached by somebody."""
    owing = {
        unit
        for task in matrix.plan.tasks
        for unit in (*task.lead, *(task.report.by if task.report else ()))
    }
    for key in sorted(owing):
        unit = matrix.directory.units[key]
        if not any(holder.address for holders in unit.posts.values() for holder in holders):
            yield _warning(
                "nobody",
                unit.place,
                f"{unit.short}的各岗位都没有可用的地址，发给它的消息会转到办公室清单。",
                "在 posts 里补上联络员和地址。",
            )
        elif not any(holder.address for holder in unit.posts.get("liaison", ())):
            yield Issue(
                Level.INFO,
                "no-liaison",
                unit.place,
                f"{unit.short}没有联络员地址，消息改发上一级岗位。",
                "补上联络员。",
            )


def clauses_are_named(matrix: Matrix) -> Iterator[Issue]:
    """A task says which clause of the plan it comes from, once the plan's tasks do so at all."""
    named = sum(bool(task.clause) for task in matrix.plan.tasks)
    if named * 2 < len(matrix.plan.tasks):
        return  # this office does not cite clauses
    for task in matrix.plan.tasks:
        if not task.clause:
            yield _warning(
                "no-clause",
                task.place,
                f"任务 {task.id} 没有写依据方案的哪一条（clause）。",
                "补上如 clause: 重点工作三（二）。",
            )


def milestones_come_before_the_end(matrix: Matrix) -> Iterator[Issue]:
    """A milestone does not fall due after its task, and the phrases do not contradict each other."""
    for task in matrix.plan.tasks:
        end = read_deadline(task, matrix.plan).due
        for stone in task.milestones:
            due = read(stone.deadline_phrase, year=matrix.plan.year).due
            if end is not None and due is not None and due > end:
                yield _error(
                    "milestone-late",
                    stone.place,
                    f"任务 {task.id} 的节点“{stone.title}”时限 {due} 晚于任务时限 {end}。",
                    "改正其中一个时限。",
                )


def responsibility_names_the_lead(matrix: Matrix) -> Iterator[Issue]:
    """The verbatim responsibility phrase, where it names a lead, names the task's own."""
    names = Names(matrix.directory)
    for task in matrix.plan.tasks:
        said, mark, _ = task.responsibility.partition("牵头")
        meaning = names.find(said.rsplit("，", 1)[-1]) if mark else None
        if meaning is not None and task.lead and not set(meaning.units) & set(task.lead):
            yield _warning(
                "lead-contradicts",
                task.place,
                f"任务 {task.id} 的分工用语写“{said}牵头”，lead 却是别的单位。",
                "核对分工用语和 lead，以文件为准改正。",
            )


def joint_leads_are_said(matrix: Matrix) -> Iterator[Issue]:
    """Several leads without the joint flag: only the first owes the finish – is that meant?"""
    for task in matrix.plan.tasks:
        if len(task.lead) > 1 and not task.joint and "按职责分工" in task.responsibility:
            yield _warning(
                "joint-unsaid",
                task.place,
                f"任务 {task.id} 的分工用语是“按职责分工负责”，但没有写 joint: 是。",
                "几家都要办结就加 joint: 是；只由第一家汇总就改分工用语。",
            )


_FALLS = "存量和累计指标逐年不应倒退"


def targets_fit_their_measure(matrix: Matrix) -> Iterator[Issue]:
    """Stock and cumulative targets do not fall from year to year (nor rise, for reverse indicators)."""
    for indicator in matrix.plan.indicators:
        if indicator.measure == "flow":
            yield from _flow_like_stock(indicator)
            continue
        yearly = [indicator.targets[year] for year in sorted(indicator.targets)]
        if indicator.baseline is not None and indicator.measure == "stock":
            yearly = [indicator.baseline, *yearly]
        wrong = _rises if indicator.direction == "reverse" else _falls
        if wrong(yearly):
            yield _warning(
                "measure",
                indicator.place,
                f"指标“{indicator.name}”写作{_MEASURES[indicator.measure]}，目标值却逐年倒退。",
                f"{_FALLS}；若是每年单算，改成 measure: flow。",
            )


_MEASURES = {"stock": "存量", "cumulative": "累计", "flow": "当年"}


def _falls(values: list[Decimal]) -> bool:
    return any(later < earlier for earlier, later in pairwise(values))


def _rises(values: list[Decimal]) -> bool:
    return any(later > earlier for earlier, later in pairwise(values))


def _flow_like_stock(indicator: Indicator) -> Iterator[Issue]:
    """A yearly flow whose name says it is a holding or a running total."""
    if re.search(r"拥有量|保有量|存量|累计", indicator.name):
        yield _warning(
            "measure",
            indicator.place,
            f"指标“{indicator.name}”的名称像存量或累计，却写作当年值（flow）。",
            "改成 measure: stock 或 cumulative，或改指标名称。",
        )


def replaced_tasks_are_gone(matrix: Matrix) -> Iterator[Issue]:
    """A task that another replaces is no longer in the matrix."""
    live = {task.id for task in matrix.plan.tasks if task.withdrawn_on is None}
    for task in matrix.plan.tasks:
        for old in task.replaces:
            if old in live:
                yield _error(
                    "replaces-live",
                    task.place,
                    f"任务 {task.id} 说它取代 {old}，可 {old} 还在分工表里。",
                    f"删去 {old} 那一行，或去掉 replaces。",
                )


_LONGEST = 200
"""Characters of a title or phrase: what a line of a paper and a column of the ledger can hold."""


def texts_fit(matrix: Matrix) -> Iterator[Issue]:
    """Titles, phrases and names are not longer than papers and ledger can hold."""
    for task in matrix.plan.tasks:
        stones = (
            text for stone in task.milestones for text in (stone.title, stone.deadline_phrase)
        )
        for text in (task.title, task.deadline_phrase, *stones):
            if len(text) > _LONGEST:
                yield _error(
                    "too-long",
                    task.place,
                    f"任务 {task.id} 的“{text[:20]}……”超过{_LONGEST}字。",
                    "标题和时限写短，细节写进 text。",
                )
    for unit in matrix.directory.units.values():
        if max(len(unit.name), len(unit.short)) > 80 or len(unit.id) > 60:
            yield _error(
                "too-long",
                unit.place,
                f"单位“{unit.name[:20]}……”的名称或编号过长。",
                "名称不超过80字，编号不超过60字。",
            )


RULES: tuple[Rule, ...] = (
    texts_fit,
    replaced_tasks_are_gone,
    clauses_are_named,
    milestones_come_before_the_end,
    responsibility_names_the_lead,
    joint_leads_are_said,
    targets_fit_their_measure,
    ids_are_unique,
    parts_exist,
    deadlines_can_be_read,
    anchors_exist,
    deadlines_lie_in_term,
    weights_are_positive,
    leads_can_be_supervised,
    reports_recur,
    long_tasks_are_asked,
    numbers_are_asked_once,
    targets_add_up,
    units_have_someone,
)
