"""The record on both databases: append-only, chained, rebuilt, migrated, and honest when it fails."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from cast import REPORT_TASK, home_of
from conftest import Told
from duban import clock
from duban.desk import Desk, need_desk
from duban.errors import Exit, OutsideError
from duban.ledger import audit, events, ladder, queries, scans, store, tables, transitions
from duban.ledger.apply import apply
from duban.ledger.events import Draft
from duban.ledger.store import Ledger, open_ledger, rows_hash
from duban.office import Office
from duban.settings import Home
from duban.stages import SLOTS, stage_function


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    home = home_of(tmp_path / "home", {"tasks": [REPORT_TASK]})
    return need_desk(Home(home), date(2026, 3, 2))


def opened(desk: Desk, ledger: Ledger) -> Office:
    names = ("home", "settings", "matrix", "calendar", "reminders", "escalation", "lamps")
    return Office(**{name: getattr(desk, name) for name in names}, ledger=ledger)


def applied(desk: Desk, ledger: Ledger, told: Told) -> Office:
    told.set("2026-03-02 09:00")
    apply(ledger, desk.matrix, desk.planned(), actor="测试")
    return opened(desk, ledger)


def play(office: Office, told: Told) -> None:
    """A week and a half: one township reports, is returned and closed; the other stays silent."""
    key = "T-01/xindian/report:2026-03"
    for day in range(16, 28):
        for stage in ("publish", "collect", "escalate", "remind"):
            told.moment = clock.at(date(2026, 3, day), SLOTS[stage])
            stage_function(stage)(office, told.moment)
        if day in {19, 24}:
            told.set(f"2026-03-{day} 15:00")
            with office.ledger.write("联络员") as writing:
                transitions.submit(
                    writing,
                    key,
                    transitions.Report(progress="已办。", idem_key=f"k{day}"),
                    actor="甲",
                )
        if day in {20, 25}:
            told.set(f"2026-03-{day} 16:00")
            with office.ledger.write("办公室") as writing:
                last = queries.submissions(writing.conn, key)[0]["id"]
                if day == 20:
                    transitions.send_back(
                        writing, last, actor="乙", reason="缺材料", calendar=office.calendar, days=3
                    )
                else:
                    transitions.accept(writing, last, actor="乙")


def note(text: str = "x") -> Draft:
    return Draft("ledger.marked", "ledger", {"name": "note", "value": text})


# ---- append-only -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement", ["UPDATE event SET actor = 'other'", "DELETE FROM event", "TRUNCATE event"]
)
def test_events_cannot_be_changed(ledger: Ledger, statement: str) -> None:
    with ledger.write("测试") as writing:
        writing.record(note())
    with (
        pytest.raises(DatabaseError, match=r"append-only|syntax error"),
        ledger.engine.begin() as conn,
    ):
        conn.exec_driver_sql(statement)
    with ledger.read() as conn:
        assert events.verify_chain(conn) is None
        assert events.chain_head(conn)[0] == 1


def test_a_tampered_event_is_named(ledger: Ledger) -> None:
    with ledger.write("测试") as writing:
        writing.record(*(note(str(number)) for number in range(5)))
    with ledger.engine.begin() as conn:
        if conn.dialect.name == "sqlite":
            conn.exec_driver_sql("DROP TRIGGER event_no_update")
        else:
            conn.exec_driver_sql("ALTER TABLE event DISABLE TRIGGER ALL")
        conn.execute(tables.event.update().where(tables.event.c.seq == 3).values(actor="改过"))
    with ledger.read() as conn:
        broken = events.verify_chain(conn)
    assert broken is not None
    assert broken.seq == 3


def test_a_removed_event_is_named(ledger: Ledger) -> None:
    with ledger.write("测试") as writing:
        writing.record(*(note(str(number)) for number in range(5)))
    with ledger.engine.begin() as conn:
        if conn.dialect.name == "sqlite":
            conn.exec_driver_sql("DROP TRIGGER event_no_delete")
        else:
            conn.exec_driver_sql("ALTER TABLE event DISABLE TRIGGER ALL")
        conn.execute(tables.event.delete().where(tables.event.c.seq == 2))
    with ledger.read() as conn:
        broken = events.verify_chain(conn)
    assert broken is not None
    assert broken.seq == 3


def test_a_changed_row_differs_from_the_rebuild(desk: Desk, ledger: Ledger, told: Told) -> None:
    applied(desk, ledger, told)
    assert audit.rebuilt_differs(ledger) == []
    with ledger.engine.begin() as conn:
        conn.execute(tables.obligation.update().values(due_on=date(2026, 12, 31)))
    assert audit.rebuilt_differs(ledger) == ["obligation"]


# ---- rebuild, and the same on both databases -------------------------------------------------


def test_rebuild_gives_the_same_rows(desk: Desk, ledger: Ledger, told: Told) -> None:
    play(applied(desk, ledger, told), told)
    with ledger.read() as conn:
        before = rows_hash(conn)
    assert audit.rebuilt_differs(ledger) == []
    with ledger.write("测试") as writing:
        count = events.rebuild(writing.conn)
    with ledger.read() as conn:
        assert rows_hash(conn) == before
        assert count == events.chain_head(conn)[0]


@pytest.mark.postgres
def test_the_same_story_gives_the_same_rows_on_both(
    desk: Desk, tmp_path: Path, told: Told, postgres_url: str
) -> None:
    found = []
    for url in (f"sqlite:///{tmp_path / 'ledger.sqlite3'}", postgres_url):
        with closing(open_ledger(url, ask=told, durable=False)) as ledger:
            play(applied(desk, ledger, told), told)
            with ledger.read() as conn:
                found.append((rows_hash(conn), events.chain_head(conn)))
    assert found[0] == found[1]
    assert found[0][1][0] > 50


def test_two_times_are_kept(ledger: Ledger, told: Told) -> None:
    happened = told.moment - timedelta(days=3)
    with ledger.write("测试", happened) as writing:
        writing.record(note())
    with ledger.read() as conn:
        (found,) = events.read_events(conn)
    assert (found.occurred_at, found.recorded_at) == (happened, told.moment)


def test_a_failing_write_leaves_nothing(ledger: Ledger) -> None:
    def fails() -> None:
        with ledger.write("测试") as writing:
            writing.record(note())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    with ledger.read() as conn:
        assert queries.is_empty(conn)


# ---- migrations ------------------------------------------------------------------------------


def test_a_fresh_schema_is_the_one_in_the_code(ledger: Ledger) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with ledger.engine.connect() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True})
        assert compare_metadata(context, tables.metadata) == []


def test_a_newer_schema_is_refused(ledger: Ledger, ledger_url: str) -> None:
    with ledger.engine.begin() as conn:
        conn.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(OutsideError, match=r"9999.*请升级本程序"):
        open_ledger(ledger_url)


def test_opening_again_changes_nothing(ledger: Ledger, ledger_url: str) -> None:
    with ledger.write("测试") as writing:
        writing.record(note())
    with closing(open_ledger(ledger_url)) as again, again.read() as conn:
        assert events.chain_head(conn)[0] == 1


# ---- when something outside fails ------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, told: Told) -> Iterator[Ledger]:
    """A SQLite ledger that does not wait for a lock."""
    monkeypatch.setenv("DUBAN_BUSY_SECONDS", "0")
    with closing(open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}", ask=told)) as ledger:
        yield ledger


def failed(ledger: Ledger) -> OutsideError:
    with pytest.raises(OutsideError) as caught, ledger.write("测试") as writing:
        writing.record(note("a" * 20_000))
    assert caught.value.exit_code is Exit.OUTSIDE
    return caught.value


def test_a_locked_ledger_says_so(impatient: Ledger, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert "占用" in str(failed(impatient))
        other.execute("ROLLBACK")
    with impatient.write("测试") as writing:
        assert writing.record(note()) == [1]


def test_a_full_disk_leaves_nothing_half_written(impatient: Ledger) -> None:
    @sa.event.listens_for(impatient.engine, "connect")
    def _narrow(raw: sqlite3.Connection, _record: object) -> None:
        raw.execute("PRAGMA max_page_count = 1")  # never below what is there: no page can be added

    impatient.engine.dispose()
    assert "磁盘已满" in str(failed(impatient))
    with impatient.read() as conn:
        assert queries.is_empty(conn)
        assert events.verify_chain(conn) is None


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    with pytest.raises(OutsideError, match=r"台账文件夹建不起来.*检查路径和权限"):
        open_ledger(f"sqlite:///{tmp_path / 'file' / 'var' / 'ledger.sqlite3'}")


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    path.write_bytes(b"this is not a database, it only lies where one should" * 40)
    before = path.read_bytes()
    with pytest.raises(OutsideError, match="不是台账数据库"):
        open_ledger(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_a_server_that_does_not_answer() -> None:
    with pytest.raises(OutsideError, match="数据库") as caught:
        open_ledger("postgresql://duban@127.0.0.1:1/none")
    assert "DUBAN_DATABASE_URL" in caught.value.way_out


@pytest.mark.parametrize("url", ["mysql://x", "no url at all", "sqlite+nonsense:///x"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(OutsideError, match="数据库地址或驱动不可用"):
        open_ledger(url)


@pytest.mark.parametrize(("given", "seconds"), [("", 15), ("0", 0), ("3", 3), ("soon", 15)])
def test_patience(monkeypatch: pytest.MonkeyPatch, given: str, seconds: int) -> None:
    monkeypatch.setenv("DUBAN_BUSY_SECONDS", given)
    assert store.busy_seconds() == seconds


# ---- many writers ----------------------------------------------------------------------------


def test_writers_take_turns(ledger: Ledger, ledger_url: str, told: Told) -> None:
    """Two programs, each with its own engine, write at the same time: one chain comes of it."""
    problems: list[BaseException] = []

    def work(name: str) -> None:
        try:
            with closing(open_ledger(ledger_url, ask=told, durable=False)) as own:
                for _ in range(8):
                    with own.write(name) as writing:
                        writing.record(note(name))
        except Exception as problem:  # noqa: BLE001 - told to the test below
            problems.append(problem)

    threads = [threading.Thread(target=work, args=(name,)) for name in "甲乙丙"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert problems == []
    with ledger.read() as conn:
        assert events.chain_head(conn)[0] == 24
        assert events.verify_chain(conn) is None


# ---- scheduled scans -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        scans.due_query([date(2026, 3, 25), date(2026, 3, 28)]),
        ladder.overdue_query(date(2026, 3, 25), date(2026, 3, 26)),
        scans.oldest_open_due_query(),
    ],
    ids=["due", "overdue", "oldest"],
)
def test_scheduled_scans_seek_the_open_dues(tmp_path: Path, query: sa.Select[Any]) -> None:
    with closing(open_ledger(f"sqlite:///{tmp_path / 'l.sqlite3'}", durable=False)) as ledger:
        text = str(query.compile(ledger.engine, compile_kwargs={"literal_binds": True}))
        with ledger.read() as conn:
            plan = [row[3] for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")]
    assert any("ix_obligation_open_due" in step for step in plan), plan
    assert not any(step.startswith("SCAN obligation") and "INDEX" not in step for step in plan)


def test_a_rehearsal_is_forgotten(desk: Desk, ledger: Ledger, told: Told) -> None:
    office = applied(desk, ledger, told)
    with ledger.read() as conn:
        before = rows_hash(conn), events.chain_head(conn)
    with ledger.rehearse(told) as rehearsal, rehearsal.write("预演") as writing:
        writing.record(note())
        assert events.chain_head(writing.conn)[0] == before[1][0] + 1
    with ledger.read() as conn:
        assert (rows_hash(conn), events.chain_head(conn)) == before
    assert office.ledger is ledger
