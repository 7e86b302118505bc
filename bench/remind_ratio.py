"""The morning's due scan against what it cannot do without, measured side by side in one run.

Three ratios at about 75,000 obligations: windows, candidates and decision against a bare fetch of the
same rows by the same index; the same hits in a ledger 150 times as large; and a loop over mapped objects of
everything open, as one would first write it, against ours. SQLite in CPU seconds, PostgreSQL on the wall.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from plan_ratio import big, postgres_schema
from sqlalchemy.engine import Connection
from sqlalchemy.orm import DeclarativeBase, Session

from duban import clock
from duban.errors import Issues
from duban.ledger import scans, tables
from duban.ledger.apply import apply
from duban.ledger.store import Ledger, open_ledger
from duban.reminderfile import load_reminders
from duban.reminders import Candidate, ReminderPolicy, decide, windows
from duban.workdays import Calendar, load_calendar

ROOT = Path(__file__).resolve().parent.parent
START = datetime(2024, 1, 2, 9, 0, tzinfo=clock.SHANGHAI)
NOW = datetime(
    2025, 6, 24, 8, 30, tzinfo=clock.SHANGHAI
)  # the working day before a month's reports
RUNS = 15
SMALL = 150
GOALS = {"bare": 3.0, "large": 1.5, "naive": 100.0}

CALENDAR: Calendar = load_calendar(ROOT / "config" / "calendar.yaml", "calendar.yaml", Issues())


def _policy() -> ReminderPolicy:
    found = load_reminders(ROOT / "config" / "reminders.yaml", "reminders.yaml", Issues())
    assert found is not None
    return found


POLICY = _policy()
Clock = Callable[[], float]


def scan(conn: Connection) -> int:
    """What the morning does: the few due dates, their open obligations, the claims."""
    since = NOW - timedelta(days=1)
    moments = windows(POLICY, CALENDAR, since, NOW, scans.oldest_open_due(conn))
    return len(decide(POLICY, moments, scans.due_candidates(conn, list(moments))))


def bare(conn: Connection) -> int:
    """The same rows by the same index, and nothing else."""
    since = NOW - timedelta(days=1)
    dues = sorted(windows(POLICY, CALENDAR, since, NOW, scans.oldest_open_due(conn)))
    return len(conn.execute(scans.due_query(dues)).all())


class Base(DeclarativeBase):
    """Mapped objects on the ledger's own tables."""


class Obligation(Base):
    __table__ = tables.obligation


def naive(conn: Connection) -> int:
    """Every open obligation as an object, each asked in turn whether something is due."""
    since = NOW - timedelta(days=1)
    found = 0
    with Session(conn) as session:
        for each in session.scalars(sa.select(Obligation).where(tables.obligation.c.is_open == 1)):
            one = _candidate(each)
            moments = windows(POLICY, CALENDAR, since, NOW, one.due_on)
            found += len(decide(POLICY, moments, [one]))
    return found


def _candidate(each: Any) -> Candidate:
    return Candidate(
        each.key,
        each.unit,
        each.task,
        each.due_on,
        each.round,
        bool(each.urgent),
        each.opens_on,
        None,
        each.role,
        each.kind,
        each.deadline_class,
    )


def filled(url: str) -> Ledger:
    """A ledger with three years of monthly reports; what fell due long ago came in."""
    ledger = open_ledger(url, ask=lambda: START, durable=False)
    matrix, wanted = big()
    apply(ledger, matrix, wanted, actor="bench")
    with ledger.engine.begin() as conn:
        done = tables.obligation.update().where(tables.obligation.c.due_on < NOW.date())
        conn.execute(done.values(is_open=0, state="closed"))
    return ledger


def shrink(ledger: Ledger, hits: list[date]) -> int:
    """Take everything away but the hits and a share of the rest; how many rows are left."""
    o = tables.obligation.c
    with ledger.engine.begin() as conn:
        conn.execute(tables.obligation.delete().where(o.due_on.not_in(hits)))
        return int(
            conn.execute(sa.select(sa.func.count()).select_from(tables.obligation)).scalar() or 0
        )


def grow(ledger: Ledger, times: int) -> int:
    """Make the table ``times`` as large with rows whose due lies elsewhere; how many rows there are."""
    columns = [column.name for column in tables.obligation.columns]
    o = tables.obligation.c
    with ledger.engine.begin() as conn:
        count = int(
            conn.execute(sa.select(sa.func.count()).select_from(tables.obligation)).scalar() or 0
        )
        number = 0
        while number < times - 1:
            values = [
                (o.key + f"~{number}")
                if name == "key"
                else sa.literal(date(2031, 1, 1) + timedelta(days=number), sa.Date)
                if name == "due_on"
                else o[name]
                for name in columns
            ]
            query = sa.select(*values).where(o.due_on < date(2031, 1, 1)).limit(count)
            conn.execute(tables.obligation.insert().from_select(columns, query))
            number += 1
        return int(
            conn.execute(sa.select(sa.func.count()).select_from(tables.obligation)).scalar() or 0
        )


def least(ledger: Ledger, work: Callable[[Connection], int], of: Clock, runs: int = RUNS) -> float:
    """The least time of several runs: noise only ever adds."""
    taken = []
    for _ in range(runs):
        with ledger.read() as conn:
            start = of()
            work(conn)
            taken.append(of() - start)
    return min(taken)


def noted(found: list[int], number: int) -> int:
    """Keep a number and give it back."""
    found.append(number)
    return number


def measure(url: str, of: Clock) -> dict[str, float]:
    """The three ratios on one database."""
    with closing(filled(url)) as ledger:
        claims: list[int] = []
        by_hand = least(ledger, lambda conn: noted(claims, naive(conn)), of, 1)
        with ledger.read() as conn:
            assert [scan(conn)] == claims
        ours = least(ledger, scan, of)
        found = {"bare": ours / least(ledger, bare, of), "naive": by_hand / ours}
        hits = sorted(windows(POLICY, CALENDAR, NOW - timedelta(days=1), NOW, None))
        small = shrink(ledger, hits)
        alone = least(ledger, scan, of)
        large = grow(ledger, SMALL)
        with ledger.engine.begin() as conn:
            conn.exec_driver_sql("ANALYZE")  # as either database does by itself in time
        found["large"] = least(ledger, scan, of) / alone
        found |= {"rows": small, "grown": large, "seconds": ours}
        return found


def tell(name: str, found: dict[str, float]) -> None:
    """Print the ratios with their goals."""
    rows = (
        ("扫描（窗口、候选、判定）÷ 按索引取同样的行", found["bare"], GOALS["bare"], False),
        (
            f"同样的命中，表大 {found['grown'] / found['rows']:.0f} 倍 ÷ 小表",
            found["large"],
            GOALS["large"],
            False,
        ),
        ("逐件对象循环 ÷ 本扫描（75,000 件）", found["naive"], GOALS["naive"], True),
    )
    for what, ratio, goal, least_ in rows:
        good = ratio >= goal if least_ else ratio <= goal
        print(
            f"{'达标' if good else '超出'}  {ratio:7.2f} {'≥' if least_ else '≤'} {goal:.1f}  {name}：{what}"
        )
    print(f"      一次扫描 {found['seconds'] * 1000:.1f} 毫秒")


def main() -> None:
    """Measure both databases."""
    with tempfile.TemporaryDirectory() as folder:
        tell("SQLite", measure(f"sqlite:///{folder}/bench.sqlite3", time.process_time))
    try:
        with postgres_schema("duban_bench_remind") as url:
            tell("PostgreSQL", measure(url, time.perf_counter))
    except sa.exc.OperationalError:
        print("没有可用的 PostgreSQL，略过。")


if __name__ == "__main__":
    main()
