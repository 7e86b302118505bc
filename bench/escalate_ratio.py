"""The escalation scan against a bare index fetch of the same rows, on a ledger of 75,000 obligations.

The scan finds what may climb, with the steps taken and the frozen policy, and decides that on a steady
morning nothing is new. The yardstick fetches the same obligations by the same index and does nothing.
SQLite in CPU seconds, PostgreSQL in seconds on the wall; both sides measured alike in one run.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from plan_ratio import ROOT, big, postgres_schema, spent

from duban import clock
from duban.desk import read_desk
from duban.escalation import Ladders, Shortlist, latest_due
from duban.ledger import ladder, tables
from duban.ledger.apply import apply
from duban.ledger.store import Ledger, open_ledger
from duban.office import Office
from duban.settings import Home

GOAL = 2.0
STARTED = datetime(2024, 1, 2, 9, 0, tzinfo=clock.SHANGHAI)
MORNING = datetime(2024, 6, 28, 8, 10, tzinfo=clock.SHANGHAI)
MONTHS = 5
RUNS = 5


def filled(ledger: Ledger) -> Office:
    """The ledger with five months of reports that nobody handed in, each with its steps taken."""
    desk, _ = read_desk(Home(ROOT), date(2026, 1, 1))
    assert desk is not None
    matrix, wanted = big()
    apply(ledger, matrix, wanted, actor="bench")
    names = ("home", "settings", "matrix", "calendar", "reminders", "escalation", "lamps")
    office = Office(**{name: getattr(desk, name) for name in names}, ledger=ledger)
    o = tables.obligation.c
    with ledger.write("bench") as writing:
        query = sa.select(o.key, o.unit, o.task).where(o.due_on <= clock.day_of(MORNING))
        rows = writing.conn.execute(query).all()
        newest = {
            row[0] for row in rows if "2024-05" in row[0]
        }  # the newest missing carries the row
        policy = office.escalation
        steps = policy.ladders[-1].steps
        writing.conn.execute(
            tables.climb.insert(),
            [
                {
                    "obligation": r[0],
                    "policy": policy.version,
                    "ladder": "default",
                    "step": "talk" if r[0] in newest else "circular",
                    "started_at": MORNING,
                }
                for r in rows
            ],
        )
        writing.conn.execute(
            tables.proposal.insert(),
            [
                {
                    "id": f"{r[0]}|{s.id}|1", "obligation": r[0], "unit": r[1], "task": r[2], "step": s.id,
                    "round": 1, "name": s.name, "paper": s.paper, "policy": policy.version,
                    "raised_at": MORNING - timedelta(days=3), "state": "taken",
                }
                for r in rows
                for s in steps
            ],
        )  # fmt: skip
    with ledger.engine.begin() as conn:
        conn.execute(sa.text("ANALYZE"))
    return office


def scan(office: Office, conn: sa.engine.Connection) -> int:
    """What the stage does on a morning on which nothing is new: how many it would look at closely."""
    ladders = Ladders(office.escalation, ladder.policies(conn))
    shortlist = Shortlist(ladders, office.calendar, MORNING)
    bound = latest_due(ladders, office.calendar, MORNING)
    return len(ladder.overdue(conn, bound, clock.day_of(MORNING), shortlist.steps))


def bare(conn: sa.engine.Connection) -> int:
    """The same obligations by the same index."""
    o = tables.obligation.c
    query = (
        sa.select(
            o.key, o.unit, o.task, o.kind, o.due_on, o.round, o.urgent, o.deadline_class, o.climb_round,
            o.climb_since, o.late_days, o.late_working,
        )
        .where(sa.text("obligation.is_open = 1"), o.due_on <= clock.day_of(MORNING))
        .order_by(o.due_on, o.key)
    )  # fmt: skip
    return len(conn.execute(query).all())


def measure(url: str, clock_of: Callable[[], float]) -> tuple[float, float, int, int]:
    """The least of several runs: scan and bare fetch, rows looked at, rows shortlisted."""
    ledger = open_ledger(url, ask=lambda: STARTED)
    try:
        office = filled(ledger)
        with ledger.read() as conn:
            left, looked = scan(office, conn), bare(conn)
            scans = [spent(clock_of, lambda: scan(office, conn)) for _ in range(RUNS)]
            bares = [spent(clock_of, lambda: bare(conn)) for _ in range(RUNS)]
        return min(scans), min(bares), looked, left
    finally:
        ledger.close()


def tell(name: str, found: tuple[float, float, int, int]) -> None:
    """Print the ratio with its goal."""
    took, base, looked, left = found
    ratio = took / base
    print(
        f"{'达标' if ratio <= GOAL else '超出'}  {ratio:6.3f} ≤ {GOAL:.2f}  {name}：督办扫描 ÷ 裸索引读取"
        f"（{looked}行，其中要细看{left}行；{took * 1000:.0f} 与 {base * 1000:.0f} 毫秒）"
    )


def main() -> None:
    """Measure both databases."""
    with tempfile.TemporaryDirectory() as folder:
        tell("SQLite", measure(f"sqlite:///{folder}/bench.sqlite3", time.process_time))
    try:
        with postgres_schema() as url:
            tell("PostgreSQL", measure(url, time.perf_counter))
    except sa.exc.OperationalError:
        print("没有可用的 PostgreSQL，略过。")


if __name__ == "__main__":
    main()
