"""Planning 75,000 obligations against a bare INSERT … SELECT of the same rows into the same indexes.

SQLite in CPU seconds; PostgreSQL, whose work is done by another process, in seconds on the wall, both sides
measured alike in one run. Set DUBAN_TEST_POSTGRES to name the server.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import sqlalchemy as sa

from duban import clock
from duban.desk import read_desk
from duban.errors import Issues
from duban.ledger import tables
from duban.ledger.apply import apply
from duban.ledger.store import Ledger, open_ledger
from duban.matrix.model import Matrix, Unit, UnitKind
from duban.obligations import Wanted, expand
from duban.settings import Home
from duban.workdays import load_calendar

ROOT = Path(__file__).resolve().parent.parent
NOW = datetime(2024, 1, 2, 9, 0, tzinfo=clock.SHANGHAI)
TASKS, UNITS = 45, 46  # × 36 months = 74,520
POSTGRES = os.environ.get(
    "DUBAN_TEST_POSTGRES", "postgresql+psycopg://root@127.0.0.1:5432/postgres"
)


def big() -> tuple[Matrix, Wanted]:
    """A plan of 45 tasks that 46 units report each month for three years."""
    home = Home(ROOT)
    desk, _ = read_desk(home, date(2026, 1, 1))
    assert desk is not None
    calendar = load_calendar(home.config / "calendar.yaml", "config/calendar.yaml", Issues())
    units = {
        f"u{n:03}": Unit(
            f"u{n:03}", f"单位{n}", f"单位{n}", "", (), UnitKind.TOWNSHIP, "乡镇街道", "", {}
        )
        for n in range(UNITS)
    }
    sample = next(task for task in desk.matrix.plan.tasks if task.report is not None)
    assert sample.report is not None
    rule = replace(sample.report, due_phrase="每月25日前", by=tuple(units), lead_summary_phrase="")
    tasks = tuple(
        replace(
            sample,
            id=f"T-{n:03}",
            lead=("u000",),
            support=(),
            joint=False,
            deadline_phrase="持续推进",
            milestones=(),
            report=rule,
            indicators=(),
        )
        for n in range(TASKS)
    )
    matrix = Matrix(
        replace(desk.matrix.plan, tasks=tasks, in_use_from=date(2024, 1, 1)),
        replace(desk.matrix.directory, units=units),
        "bench",
    )
    return matrix, expand(matrix, calendar)


def spent(clock_of: Callable[[], float], work: Callable[[], object]) -> float:
    """What a piece of work takes by a clock."""
    start = clock_of()
    work()
    return clock_of() - start


def measure(url: str, clock_of: Callable[[], float]) -> tuple[float, float, float, int]:
    """First plan, plan again, the bare insert, and rows that the second plan wrote."""
    matrix, wanted = big()
    ledger = open_ledger(url, ask=lambda: NOW)
    try:
        first = spent(clock_of, lambda: apply(ledger, matrix, wanted, actor="bench"))
        again: list[int] = []
        second = spent(
            clock_of,
            lambda: again.append(len(apply(ledger, matrix, wanted, actor="bench").changes)),
        )
        return first, second, bare(ledger, clock_of), again[0]
    finally:
        ledger.close()


def bare(ledger: Ledger, clock_of: Callable[[], float]) -> float:
    """INSERT … SELECT of the same rows into a table with the same indexes."""
    named = sa.MetaData(naming_convention={"pk": "pk_%(table_name)s"})
    copy = tables.obligation.to_metadata(named, name="obligation_copy")
    for index in list(copy.indexes):
        index.name = sa.sql.elements.quoted_name(f"{index.name}_copy", quote=False)
    copy.primary_key.name = sa.sql.elements.quoted_name("pk_obligation_copy", quote=False)
    with ledger.engine.begin() as conn:
        copy.create(conn)
        conn.execute(sa.text("SELECT count(*) FROM obligation"))
    columns = [column.name for column in copy.columns]
    insert = copy.insert().from_select(
        columns, sa.select(*(tables.obligation.c[name] for name in columns))
    )

    def work() -> None:
        with ledger.engine.begin() as conn:
            conn.execute(insert)

    return spent(clock_of, work)


@contextmanager
def postgres_schema(name: str = "duban_bench") -> Iterator[str]:
    """A schema that is gone afterwards."""
    engine = sa.create_engine(POSTGRES)
    with engine.begin() as conn:
        conn.execute(sa.schema.DropSchema(name, cascade=True, if_exists=True))
        conn.execute(sa.schema.CreateSchema(name))
    try:
        url = sa.make_url(POSTGRES).update_query_dict({"options": f"-csearch_path={name}"})
        yield url.render_as_string(hide_password=False)
    finally:
        with engine.begin() as conn:
            conn.execute(sa.schema.DropSchema(name, cascade=True))
        engine.dispose()


def tell(name: str, first: float, second: float, base: float, rows: int) -> None:
    """Print the ratios with their goals."""
    for what, ratio, goal in (
        ("计划 ÷ 裸插入", first / base, 1.5),
        ("再计划 ÷ 首次", second / first, 0.5),
    ):
        print(f"{'达标' if ratio <= goal else '超出'}  {ratio:6.3f} ≤ {goal:.2f}  {name}：{what}")
    print(f"      再计划写入 {rows} 行（首次 {first:.2f} 秒，裸插入 {base:.2f} 秒）")


def main() -> None:
    """Measure both databases."""
    runs = []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as folder:
            runs.append(measure(f"sqlite:///{folder}/bench.sqlite3", time.process_time))
    tell("SQLite", *min(runs))
    try:
        with postgres_schema() as url:
            tell("PostgreSQL", *measure(url, time.perf_counter))
    except sa.exc.OperationalError:
        print("没有可用的 PostgreSQL，略过。")


if __name__ == "__main__":
    main()
