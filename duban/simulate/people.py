"""The people of a play: how units behave, and what everybody does on a day."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from duban import clock
from duban.ledger import ladder, queries, requests, transitions
from duban.ledger.request_rules import Asked, Bounds
from duban.ledger.store import Writing
from duban.office import Office
from duban.simulate.reports import Writer

REVIEWER = "办公室经办人（示例）"


@dataclass(slots=True)
class Tally:
    """What happened, by Chinese name."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, number: int = 1) -> None:
        """Count something."""
        self.counts[name] = self.counts.get(name, 0) + number


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a unit works: working days before (+) or after (−) the due, and how often it stays silent.

    ``copies``: it sends the same words every time; ``leaves``: its liaison goes, and for a while nobody is
    there. ``idle``: it never does anything.
    """

    name: str
    earliest: int
    latest: int
    silent_percent: int
    nil_percent: int
    copies: bool = False
    leaves: bool = False
    idle: bool = False


BEHAVIOURS: Mapping[str, Behaviour] = {
    "diligent": Behaviour("勤勉", 6, 1, 0, 5),
    "last_minute": Behaviour("踩点", 1, 0, 3, 10),
    "late": Behaviour("拖延", 1, -6, 8, 15),
    "silent": Behaviour("沉默", 0, -12, 55, 20),
    "copy_paste": Behaviour("照抄上期", 3, 0, 2, 0, copies=True),
    "leaving": Behaviour("联络员离任", 3, -2, 10, 10, leaves=True),
    "idle": Behaviour("毫无动静", 0, 0, 100, 0, idle=True),
}
Shares = Sequence[tuple[str, int]]
EXAMPLE: Shares = (("diligent", 56), ("last_minute", 26), ("late", 13), ("silent", 5))
"""The units of the living example, in percent."""
YEARS: Shares = (
    ("diligent", 44),
    ("last_minute", 24),
    ("late", 12),
    ("copy_paste", 8),
    ("leaving", 6),
    ("silent", 6),
)
"""The units of simulated years, in percent."""
IDLE: Shares = (("idle", 100),)
"""Nobody does anything: what a preview assumes."""


def temper_of(office: Office, shares: Shares, seed: int, unit: str) -> Behaviour:
    """The behaviour of a unit, fixed by the seed. The office that asks is not the one that is late."""
    own = office.office_unit
    if own is not None and unit == own.id and shares is not IDLE:
        return BEHAVIOURS["diligent"]
    throw = thrown(seed, "unit", unit).randrange(100)
    for name, share in shares:
        if throw < share:
            return BEHAVIOURS[name]
        throw -= share
    return BEHAVIOURS[shares[-1][0]]


def thrown(seed: int, *what: object) -> random.Random:
    """Dice that fall the same for the same seed and thing, in whatever order they are thrown."""
    return random.Random(f"{seed}:{':'.join(map(str, what))}")


class Actors:
    """The people of the play: each unit's temper, and what everybody does on a day."""

    def __init__(self, office: Office, seed: int, shares: Shares = EXAMPLE) -> None:
        self.office = office
        self._seed = seed
        self._shares = shares
        self._writer = Writer(office.matrix, seed)
        self._tempers: dict[str, Behaviour] = {}

    def _dice(self, *what: object) -> random.Random:
        return thrown(self._seed, *what)

    def temper(self, unit: str) -> Behaviour:
        """The behaviour of a unit."""
        known = self._tempers.get(unit)
        if known is None:
            known = temper_of(self.office, self._shares, self._seed, unit)
            self._tempers[unit] = known
        return known

    def day(self, day: date, last: datetime) -> Iterator[tuple[datetime, Callable[[Tally], None]]]:
        """What people do on a day, in the order of the clock."""
        acts = (
            (time(10, 0), self._extensions),
            (time(15, 0), self._reports),
            (time(16, 0), self._reviews),
            (time(16, 15), self._answers),
            (time(16, 30), self._decisions),
        )
        for at, act in acts:
            moment = clock.at(day, at)
            if moment <= last:
                yield moment, lambda tally, act=act, moment=moment: act(tally, moment, last)  # type: ignore[misc]

    # ---- units ----

    def _reports(self, tally: Tally, at: datetime, last: datetime) -> None:
        """Everything that its unit sends today, in one transaction."""
        if self._shares is IDLE:
            return
        day = clock.day_of(at)
        with self.office.ledger.write("示例单位", at) as writing:
            horizon = self.office.calendar.add(day, 25)
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
        calendar = self.office.calendar
        if temper.idle:
            return None
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
        temper = self.temper(row["unit"])
        words = (row["unit"], row["task"]) if temper.copies else (row["key"], row["versions"])
        report = self._writer.report(row, temper.nil_percent, self._dice("text", *words))
        unit = self.office.matrix.directory.units.get(row["unit"])
        short = unit.short if unit else row["unit"]
        receipt = transitions.submit(writing, row["key"], report, actor=f"{short}联络员（示例）")
        tally.add("报送")
        if receipt.late:
            tally.add("其中迟报")

    def _extensions(self, tally: Tally, at: datetime, last: datetime) -> None:
        """A few tasks ask for more time before their due."""
        if self._shares is IDLE:
            return
        day = clock.day_of(at)
        due_on = self.office.calendar.add(day, 8)
        with self.office.ledger.write("示例单位", at) as writing:
            for row in queries.obligations(
                writing.conn, states=("waiting", "active"), due_from=due_on, due_until=due_on
            ):
                dice = self._dice("extend", row["key"])
                if (
                    row["kind"] in transitions.FINISHES
                    and not row["extended"]
                    and dice.randrange(100) < 12
                ):
                    until = self.office.calendar.add(due_on, dice.randint(15, 30))
                    self._ask(writing, row, until)
                    tally.add("申请延期")

    def _ask(self, writing: Writing, row: queries.Row, until: date) -> None:
        asked = Asked(
            "extension",
            "上级批次时间推后，申请顺延（示例）",
            "已完成前期工作（示例）",
            {"until": until.isoformat()},
        )
        requests.ask(
            writing,
            row["key"],
            asked,
            actor=f"{row['unit']}（示例）",
            calendar=self.office.calendar,
            bounds=Bounds.of(self.office.settings),
        )

    # ---- the office ----

    def _reviews(self, tally: Tally, at: datetime, last: datetime) -> None:
        """The office reviews what came in before today; today's reports wait in the queue."""
        with self.office.ledger.write(REVIEWER, at) as writing:
            for row in queries.to_review(writing.conn):
                if clock.day_of(row["received_at"]) < clock.day_of(at):
                    self._review(writing, row, tally)

    def _review(self, writing: Writing, row: queries.Row, tally: Tally) -> None:
        dice = self._dice("review", row["id"])
        if row["version"] == 1 and dice.randrange(100) < 7:
            days = self.office.reminders.resubmit_days
            reason = dice.choice(_RETURNS)
            transitions.send_back(
                writing,
                row["id"],
                actor=REVIEWER,
                reason=reason,
                calendar=self.office.calendar,
                days=days,
            )
            tally.add("退回")
        else:
            transitions.accept(writing, row["id"], actor=REVIEWER)
            tally.add("办结")

    def _answers(self, tally: Tally, at: datetime, last: datetime) -> None:
        """The office answers what was asked today; most of it is granted."""
        if self._shares is IDLE:
            return
        with self.office.ledger.write(REVIEWER, at) as writing:
            for row in requests.waiting(writing.conn):
                grant = self._dice("answer", row["id"]).randrange(100) < 85
                reason = "理由充分（示例）" if grant else "请按原时限完成（示例）"
                requests.decide(
                    writing,
                    row["id"],
                    grant=grant,
                    by=REVIEWER,
                    reason=reason,
                    calendar=self.office.calendar,
                )
                tally.add("同意延期" if grant else "不同意延期")

    def _decisions(self, tally: Tally, at: datetime, last: datetime) -> None:
        """The office decides on severe steps after two to eight days; the newest wait for the reader.

        Nothing here asks when the play ends: going on the next day must equal playing in one go.
        """
        if self._shares is IDLE:
            return
        with self.office.ledger.write(REVIEWER, at) as writing:
            for row in ladder.proposals(writing.conn, states=("waiting",)):
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
