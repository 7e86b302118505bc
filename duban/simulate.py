"""Plays an office: a told clock, units that behave as units do, and the same functions as in service.

First version: units are diligent, last-minute, late or silent, drawn from a seed; the office reviews,
returns and decides. Everything goes through the stages and transitions that serve the real office; only
the clock and the people are invented, and the ledger is marked as an example before its first record.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal

from duban import clock
from duban.desk import need_desk
from duban.errors import NOWHERE, InputError
from duban.ledger import queries, transitions
from duban.ledger.apply import apply
from duban.ledger.events import Draft
from duban.ledger.store import Writing, open_ledger, rows_hash
from duban.ledger.transitions import Report
from duban.matrix.model import Indicator, Matrix
from duban.office import Office
from duban.settings import Home
from duban.stages import SLOTS, stage_function

REVIEWER = "办公室经办人（示例）"
DAILY = ("publish", "collect", "escalate", "remind", "deliver")
DIGEST_WEEKS = 3
"""Only the last weeks' papers are written: they are what a newcomer opens, and each takes a while."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a unit works: working days before (+) or after (−) the due, and how often it stays silent."""

    name: str
    earliest: int
    latest: int
    silent_percent: int
    nil_percent: int


BEHAVIOURS: Mapping[str, Behaviour] = {
    "diligent": Behaviour("勤勉", 6, 1, 0, 5),
    "last_minute": Behaviour("踩点", 1, 0, 3, 10),
    "late": Behaviour("拖延", 1, -6, 8, 15),
    "silent": Behaviour("沉默", 0, -12, 55, 20),
}
_SHARES = (("diligent", 56), ("last_minute", 26), ("late", 13), ("silent", 5))


@dataclass(slots=True)
class ToldClock:
    """The clock of a simulation: it shows what it was told."""

    moment: datetime

    def __call__(self) -> datetime:
        """The told moment."""
        return self.moment


@dataclass(slots=True)
class Tally:
    """What happened, by Chinese name."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, number: int = 1) -> None:
        """Count something."""
        self.counts[name] = self.counts.get(name, 0) + number


@dataclass(frozen=True, slots=True)
class Played:
    """The result of a simulation: days, counts, and a hash over all rows of the ledger."""

    first: date
    last: date
    seed: int
    counts: Mapping[str, int]
    state_hash: str


Progress = Callable[[date, int, int], None]


def simulate(
    home: Home, first: date, last: datetime, *, seed: int = 1, progress: Progress | None = None
) -> Played:
    """Play from ``first`` up to the moment ``last`` in the example ledger of ``home``.

    An example that was played before is continued from its last day. Raises InputError for a ledger
    that holds an office's record: examples never mix with it.
    """
    told = ToldClock(clock.at(first, time(6, 0)))
    desk = need_desk(home, first)
    ledger = open_ledger(home.database_url, ask=told, durable=False)
    try:
        office = Office(**{name: getattr(desk, name) for name in _DESK}, ledger=ledger)
        begin = _open_example(office, told, first)
        actors = _Actors(office, seed)
        tally = Tally()
        days = [day for day in _days(begin, clock.day_of(last)) if office.calendar.is_workday(day)]
        for number, day in enumerate(days, 1):
            _play_day(office, told, actors, tally, day=day, last=last)
            if progress is not None:
                progress(day, number, len(days))
        with ledger.read() as conn:
            return Played(
                begin, clock.day_of(last), seed, dict(sorted(tally.counts.items())), rows_hash(conn)
            )
    finally:
        ledger.close()


_DESK = ("home", "settings", "matrix", "calendar", "reminders", "escalation", "lamps")


def _days(first: date, last: date) -> Iterator[date]:
    day = first
    while day <= last:
        yield day
        day += timedelta(days=1)


def _open_example(office: Office, told: ToldClock, first: date) -> date:
    """Mark an empty ledger as an example and apply the plan; the day to go on from."""
    with office.ledger.read() as conn:
        empty, example = queries.is_empty(conn), queries.is_example(conn)
        newest = max((tick.logical_at for tick in queries.ticks(conn)), default=None)
    if not empty and not example:
        raise InputError.one(
            "not-example",
            NOWHERE,
            "这是正式台账，不能在里面演示。",
            "设 DUBAN_EXAMPLE=1，示例台账放在 var/example/ 下。",
        )
    if empty:
        with office.ledger.write("duban:simulate") as writing:
            row = {"name": "example", "value": "1"}
            writing.record(
                Draft(
                    "ledger.opened", "ledger", row, why="示例数据：由程序按种子生成，不是真实报送"
                )
            )
    if newest is not None:
        told.moment = max(newest, told.moment)
        first = clock.day_of(newest) + timedelta(days=1)
    plan = replace(office.matrix.plan, in_use_from=first)
    apply(
        office.ledger,
        replace(office.matrix, plan=plan),
        office.planned(),
        actor="duban:simulate",
        confirmed="示例",
    )
    return first


def _play_day(
    office: Office, told: ToldClock, actors: _Actors, tally: Tally, *, day: date, last: datetime
) -> None:
    """One working day: the morning's stages, the units' reports, the office's reviews."""
    for name in _stages_of(day, clock.day_of(last)):
        moment = clock.at(day, SLOTS[name])
        if moment <= last:
            told.moment = moment
            for what, number in stage_function(name)(office, moment).counts.items():
                tally.add(f"{name}：{what}", number)
    for moment, act in actors.day(day, last):
        told.moment = moment
        act(tally)


def _stages_of(day: date, last: date) -> Iterator[str]:
    for name in DAILY:
        yield name
        if name == "collect" and day.weekday() == 0 and (last - day).days < DIGEST_WEEKS * 7:
            yield "digest"


class _Actors:
    """The people of the play: each unit's temper, and what everybody does on a day."""

    def __init__(self, office: Office, seed: int) -> None:
        self._office = office
        self._seed = seed
        self._writer = _Writer(office.matrix, seed)

    def _dice(self, *what: object) -> random.Random:
        """Dice that fall the same for the same seed and thing, in whatever order they are thrown."""
        return random.Random(f"{self._seed}:{':'.join(map(str, what))}")

    def temper(self, unit: str) -> Behaviour:
        """The behaviour of a unit, fixed by the seed."""
        office = self._office.office_unit
        if office is not None and unit == office.id:
            return BEHAVIOURS["diligent"]  # the office that asks is not the one that is late
        throw = self._dice("unit", unit).randrange(100)
        for name, share in _SHARES:
            if throw < share:
                return BEHAVIOURS[name]
            throw -= share
        return BEHAVIOURS["silent"]

    def day(self, day: date, last: datetime) -> Iterator[tuple[datetime, Callable[[Tally], None]]]:
        """What people do on a day, in the order of the clock."""
        acts = (
            (time(10, 0), self._extensions),
            (time(15, 0), self._reports),
            (time(16, 0), self._reviews),
            (time(16, 30), self._decisions),
        )
        for at, act in acts:
            moment = clock.at(day, at)
            if moment <= last:
                yield moment, lambda tally, act=act, moment=moment: act(tally, moment, last)  # type: ignore[misc]

    # ---- units ----

    def _reports(self, tally: Tally, at: datetime, last: datetime) -> None:
        """Everything that its unit sends today, in one transaction."""
        day = clock.day_of(at)
        with self._office.ledger.write("示例单位", at) as writing:
            horizon = self._office.calendar.add(day, 25)
            for row in queries.obligations(
                writing.conn, states=("waiting", "active", "returned"), due_until=horizon
            ):
                on = self._sends_on(row)
                if (
                    on is not None and on <= day
                ):  # what its day was before the play began is sent now
                    self._send(writing, row, tally)

    def _sends_on(self, row: queries.Row) -> date | None:
        """The day on which a unit sends this obligation's report; None: it stays silent."""
        temper = self.temper(row["unit"])
        dice = self._dice(row["key"], row["round"])
        calendar = self._office.calendar
        if dice.randrange(100) < temper.silent_percent:
            # Most silences end when the ladder reaches the section or the circular; some never do.
            return (
                calendar.add(row["due_on"], dice.randint(4, 20))
                if dice.randrange(100) < 75
                else None
            )
        if row["state"] == "returned":
            return calendar.add(row["due_on"], -dice.randint(0, 2))
        ahead = dice.randint(temper.latest, temper.earliest)
        if row["kind"] in transitions.FINISHES and ahead > 0:
            ahead *= dice.randint(1, 3)
        day = calendar.add(row["due_on"], -ahead)
        opens = row["opens_on"]
        return max(day, opens) if opens is not None else calendar.roll(day)

    def _send(self, writing: Writing, row: queries.Row, tally: Tally) -> None:
        report = self._writer.report(
            row, self.temper(row["unit"]), self._dice("text", row["key"], row["versions"])
        )
        short = self._office.matrix.directory.units[row["unit"]].short
        receipt = transitions.submit(writing, row["key"], report, actor=f"{short}联络员（示例）")
        tally.add("报送")
        if receipt.late:
            tally.add("其中迟报")

    def _extensions(self, tally: Tally, at: datetime, last: datetime) -> None:
        """A few tasks ask for more time before their due."""
        day = clock.day_of(at)
        due_on = self._office.calendar.add(day, 8)
        with self._office.ledger.write("示例单位", at) as writing:
            for row in queries.obligations(
                writing.conn, states=("waiting", "active"), due_from=due_on, due_until=due_on
            ):
                dice = self._dice("extend", row["key"])
                if (
                    row["kind"] in transitions.FINISHES
                    and not row["extended"]
                    and dice.randrange(100) < 12
                ):
                    until = self._office.calendar.add(due_on, dice.randint(15, 30))
                    transitions.extend(
                        writing,
                        row["key"],
                        until,
                        actor=f"{row['unit']}（示例）",
                        reason="上级批次时间推后，申请顺延，已完成前期工作（示例）",
                    )
                    tally.add("延期")

    # ---- the office ----

    def _reviews(self, tally: Tally, at: datetime, last: datetime) -> None:
        """The office reviews what came in before today; today's reports wait in the queue."""
        with self._office.ledger.write(REVIEWER, at) as writing:
            for row in queries.to_review(writing.conn):
                if clock.day_of(row["received_at"]) < clock.day_of(at):
                    self._review(writing, row, tally)

    def _review(self, writing: Writing, row: queries.Row, tally: Tally) -> None:
        dice = self._dice("review", row["id"])
        if row["version"] == 1 and dice.randrange(100) < 7:
            days = self._office.reminders.resubmit_days
            reason = dice.choice(_RETURNS)
            transitions.send_back(
                writing,
                row["id"],
                actor=REVIEWER,
                reason=reason,
                calendar=self._office.calendar,
                days=days,
            )
            tally.add("退回")
        else:
            transitions.accept(writing, row["id"], actor=REVIEWER)
            tally.add("办结")

    def _decisions(self, tally: Tally, at: datetime, last: datetime) -> None:
        """The office decides on severe steps after two to eight days; the newest wait for the reader.

        Nothing here asks when the play ends: going on the next day must equal playing in one go.
        """
        with self._office.ledger.write(REVIEWER, at) as writing:
            for row in queries.proposals(writing.conn, states=("waiting",)):
                days = self._dice("decides after", row["id"]).randint(2, 8)
                if at - row["raised_at"] < timedelta(days=days):
                    continue
                confirm = self._dice("decide", row["id"]).randrange(100) < 65
                reason = (
                    "逾期事实清楚（示例）"
                    if confirm
                    else "已来电说明正当理由，改为继续催办（示例）"
                )
                transitions.decide_proposal(
                    writing, row["id"], confirm=confirm, actor=REVIEWER, reason=reason
                )
                tally.add("确认督办" if confirm else "不予采纳")


_RETURNS = (
    "完成数与统计口径不一致，请核对后补报（示例）",
    "缺佐证材料，请补充印发文件或照片（示例）",
    "只写了开会发文，请补充实际成效（示例）",
)


class _Writer:
    """Writes what units report: plain sentences, progress by schedule, figures around the target."""

    def __init__(self, matrix: Matrix, seed: int) -> None:
        self._tasks = matrix.tasks_by_id
        self._indicators = {each.id: each for each in matrix.plan.indicators}
        self._plan = matrix.plan
        self._seed = seed

    def report(self, row: queries.Row, temper: Behaviour, dice: random.Random) -> Report:
        """A report for an obligation."""
        finishes = row["kind"] in transitions.FINISHES
        nil = (
            not finishes
            and not self._figures(row, dice)
            and dice.randrange(100) < temper.nil_percent
        )
        percent = 100 if finishes else self._percent(row, dice)
        what = row["title"]
        return Report(
            progress="" if nil else dice.choice(_PROGRESS).format(what=what, label=row["label"]),
            problem="" if dice.randrange(100) < 60 else dice.choice(_PROBLEMS),
            next_step="" if nil else dice.choice(_NEXT),
            percent=percent,
            nil=nil,
            figures=self._figures(row, dice),
            signed_by="分管负责人（示例）",
            door="simulation",
        )

    def _percent(self, row: queries.Row, dice: random.Random) -> int:
        """Around the share of the plan's term that has gone."""
        plan = self._plan
        whole = max((plan.ends_on - plan.starts_on).days, 1)
        gone: int = (row["due_on"] - plan.starts_on).days * 100 // whole
        return max(5, min(95, gone + dice.randint(-12, 6)))

    def _figures(self, row: queries.Row, dice: random.Random) -> dict[str, Decimal]:
        if row["kind"] != "report":
            return {}
        found = {}
        for name in self._tasks[row["task"]].indicators:
            value = self._figure(self._indicators[name], row)
            if value is not None:
                found[name] = value
        return found

    def _figure(self, indicator: Indicator, row: queries.Row) -> Decimal | None:
        """A flow brings its period's share, a stock or cumulative number grows towards the target."""
        year = row["due_on"].year
        targets = indicator.unit_targets.get(
            row["unit"], indicator.targets if not indicator.unit_targets else {}
        )
        if year not in targets:
            return None
        dice = random.Random(f"{self._seed}:figure:{row['key']}:{indicator.id}")
        wobble = Decimal(dice.randint(82, 112)) / 100
        month = row["due_on"].month
        if indicator.measure == "flow":
            return _rounded(targets[year] / _periods(row["period"]) * wobble, targets[year])
        start = targets.get(year - 1, indicator.baseline or Decimal(0))
        wobble = Decimal(dice.randint(94, 103)) / 100
        return _rounded((start + (targets[year] - start) * month / 12) * wobble, targets[year])


def _periods(period: str) -> int:
    """How many such periods a year has."""
    if "Q" in period:
        return 4
    if "H" in period:
        return 2
    return 52 if "W" in period else 12 if "-" in period else 1


def _rounded(value: Decimal, like: Decimal) -> Decimal:
    """As exact as the target is written."""
    places = Decimal(1) if like == like.to_integral() else Decimal("0.01")
    return value.quantize(places, ROUND_HALF_UP)


_PROGRESS = (
    "围绕“{what}”，本期召开推进会1次，走访企业和站点，台账已更新，按计划推进。",
    "“{what}”本期完成阶段任务，相关材料已归档，成效正在汇总。",
    "已会同配合单位研究“{what}”具体措施，印发任务清单，正在逐项落实。",
    "{label}：组织专题培训和现场指导，发放资料，企业反映的问题已逐条回复。",
)
_PROBLEMS = (
    "基层专业人员不足，请求安排一次业务培训。",
    "部分企业积极性不高，正在逐户对接。",
    "上级系统升级，数据口径有调整，需核对。",
    "经费拨付进度偏慢，已商财政部门。",
)
_NEXT = (
    "下一步抓好重点企业对接，按月通报进度。",
    "下一步补齐佐证材料，迎接检查。",
    "继续按计划推进，下期集中攻坚。",
)
