"""Opens the ledger, reads from it, and holds write transactions.

SQLite by default: WAL, ``synchronous=FULL`` because an acknowledgement is a promise, and
``BEGIN IMMEDIATE`` for writers (a deferred ``BEGIN`` failed 87 % of the time with eight writers).
PostgreSQL by URL; there an advisory lock makes writers take turns, as the hash chain needs.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import Connection, Engine

from duban import clock
from duban.clock import Clock
from duban.errors import OutsideError
from duban.ledger import events, tables
from duban.ledger.canon import canonical
from duban.ledger.events import Draft

SCHEMA = "0003"
_WRITERS_LOCK = 0x6475_6261  # PostgreSQL advisory lock: "duba"
_WRITE_OPTION = "duban_write"


class Writing:
    """A write transaction: everything recorded in it happens together or not at all."""

    def __init__(self, conn: Connection, actor: str, recorded_at: datetime, at: datetime) -> None:
        self.conn = conn
        self.actor = actor
        self.recorded_at = recorded_at
        self.at = at

    def record(
        self, *drafts: Draft, actor: str | None = None, at: datetime | None = None
    ) -> list[int]:
        """Append events and change the rows they describe; their sequence numbers."""
        return events.append(
            self.conn,
            drafts,
            actor=actor or self.actor,
            recorded_at=self.recorded_at,
            occurred_at=at or self.at,
        )


class Ledger:
    """A ledger that is open. ``ask`` is the clock that stamps records: told in simulations."""

    def __init__(self, engine: Engine, ask: Clock = clock.now) -> None:
        self.engine = engine
        self._writers = engine.execution_options(**{_WRITE_OPTION: True})
        self._ask = ask
        # Waiting here is fair and cheap; waiting in SQLite's busy handler made p99 nine times worse.
        self._turn = threading.Lock()

    def now(self) -> datetime:
        """The moment by this ledger's clock."""
        return self._ask()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read transaction: one consistent view."""
        with _sentences(), self.engine.connect() as conn, conn.begin():
            yield conn

    @contextmanager
    def write(self, actor: str, at: datetime | None = None) -> Iterator[Writing]:
        """A write transaction of ``actor``; ``at``: when the things recorded happened (default: now)."""
        with self._turn, _sentences(), self._writers.connect() as conn, conn.begin():
            if conn.dialect.name == "postgresql":
                conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_WRITERS_LOCK)))
            recorded_at = self._ask()
            yield Writing(conn, actor, recorded_at, at or recorded_at)

    def close(self) -> None:
        """Give connections back."""
        self.engine.dispose()

    @contextmanager
    def rehearse(self, ask: Clock) -> Iterator[Ledger]:
        """A ledger that behaves like this one and forgets everything at the end: plan mode.

        Works in one transaction that is rolled back, with the clock ``ask``; other writers wait.
        """
        with self._turn, _sentences(), self._writers.connect() as conn:
            outer = conn.begin()
            if conn.dialect.name == "postgresql":  # two writers would give one number twice
                conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_WRITERS_LOCK)))
            try:
                yield _Rehearsal(conn, ask)
            finally:
                outer.rollback()


class _Rehearsal(Ledger):
    """Reads and writes on one connection whose transaction will be rolled back."""

    def __init__(self, conn: Connection, ask: Clock) -> None:
        super().__init__(conn.engine, ask)
        self._conn = conn

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """The rehearsal's own view."""
        yield self._conn

    @contextmanager
    def write(self, actor: str, at: datetime | None = None) -> Iterator[Writing]:
        """A write that is undone with all the others; a failing one is undone at once."""
        with self._conn.begin_nested():
            recorded_at = self.now()
            yield Writing(self._conn, actor, recorded_at, at or recorded_at)

    def close(self) -> None:
        """Nothing to give back: the connection belongs to the rehearsed ledger."""


def open_ledger(url: str, *, ask: Clock = clock.now, durable: bool = True) -> Ledger:
    """Open the ledger at a database URL, creating or upgrading its schema.

    ``durable=False`` lets SQLite skip waiting for the disk: only for data that can be made again.
    Raises OutsideError with a sentence when the database cannot be reached, written or understood.
    """
    engine = _engine(url, durable=durable)
    try:
        with _sentences():
            _prepare(engine)
    except BaseException:
        engine.dispose()
        raise
    return Ledger(engine, ask)


def _prepare(engine: Engine) -> None:
    found = _schema_of(engine)
    if found is None or found < SCHEMA:
        _upgrade(engine)
    elif found > SCHEMA:
        raise OutsideError(
            f"台账的结构版本是 {found}，比本程序认识的 {SCHEMA} 新。",
            "请升级本程序，不要用旧程序写新台账。",
        )


def _engine(url: str, *, durable: bool) -> Engine:
    try:
        target = sa.make_url(url)
        if target.get_backend_name() == "sqlite":
            return _sqlite(target, durable=durable)
        if target.drivername == "postgresql":
            target = target.set(drivername="postgresql+psycopg")
        return sa.create_engine(target, pool_pre_ping=True, connect_args={"connect_timeout": 10})
    except (exc.ArgumentError, exc.NoSuchModuleError, ModuleNotFoundError) as problem:
        raise OutsideError(
            f"数据库地址或驱动不可用（{type(problem).__name__}）。",
            "DUBAN_DATABASE_URL 写成 sqlite:///路径 或 postgresql://…；PostgreSQL 需安装 duban[postgres]。",
        ) from None


def _sqlite(target: sa.URL, *, durable: bool) -> Engine:
    if target.database:
        try:
            Path(target.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise OutsideError(
                f"台账文件夹建不起来（{problem.strerror}）：{Path(target.database).parent}。",
                "检查路径和权限。",
            ) from None
    patience = busy_seconds()
    engine = sa.create_engine(target, connect_args={"timeout": patience})

    @sa.event.listens_for(engine, "connect")
    def _connect(raw: Any, _record: Any) -> None:
        raw.isolation_level = None  # SQLAlchemy's "begin" event below decides, not the driver
        for pragma in (
            "journal_mode=WAL",
            f"synchronous={'FULL' if durable else 'OFF'}",
            "foreign_keys=ON",
            f"busy_timeout={patience * 1000}",
        ):
            raw.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(conn: Connection) -> None:
        writing = conn.get_execution_options().get(_WRITE_OPTION)
        conn.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def busy_seconds() -> int:
    """How long SQLite waits for another program's write: ``DUBAN_BUSY_SECONDS``, else 15."""
    given = os.environ.get("DUBAN_BUSY_SECONDS", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 5 else 15


def _schema_of(engine: Engine) -> str | None:
    with engine.connect() as conn:
        if not sa.inspect(conn).has_table("alembic_version"):
            return None
        found = conn.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
        return None if found is None else str(found)


def _upgrade(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.execution_options(**{_WRITE_OPTION: True}).connect() as conn, conn.begin():
        if conn.dialect.name == "postgresql":
            conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_WRITERS_LOCK)))
        config.attributes["connection"] = conn
        command.upgrade(config, "head")


@contextmanager
def _sentences() -> Iterator[None]:
    """Turn a database that fails into a sentence for the clerk."""
    try:
        yield
    except (
        exc.OperationalError,
        exc.InternalError,
        exc.InterfaceError,
        sqlite3.OperationalError,
    ) as problem:
        raise _outside(problem) from problem
    except exc.DatabaseError as problem:
        if isinstance(problem, exc.DataError):
            raise OutsideError(
                "有内容超出台账能存的长度或范围，没有写入。", "把过长的文字或过大的数改短后再试。"
            ) from problem
        if isinstance(problem, exc.IntegrityError | exc.ProgrammingError):
            raise
        raise _outside(problem) from problem


_CAUSES: Sequence[tuple[str, str, str]] = (
    ("locked", "台账正被别的程序占用，等了一阵仍写不进去。", "稍后再试；什么也没有丢。"),
    ("disk is full", "磁盘已满，没有写入。", "清理磁盘后再试；已有的记录完好。"),
    ("disk i/o", "磁盘读写出错，没有写入。", "检查磁盘后再试。"),
    ("readonly", "台账文件不可写。", "检查文件权限。"),
    ("unable to open", "台账文件打不开。", "检查路径和权限。"),
    (
        "not a database",
        "这个文件不是台账数据库，或已损坏。",
        "换成正确的文件，或用 duban restore 恢复备份。",
    ),
    ("malformed", "台账文件已损坏。", "用 duban restore 恢复备份。"),
    ("connection", "连不上数据库。", "检查 DUBAN_DATABASE_URL 和数据库服务；稍后再试。"),
)


def _outside(problem: Exception) -> OutsideError:
    said = str(getattr(problem, "orig", problem)).lower()
    for words, message, way_out in _CAUSES:
        if words in said:
            return OutsideError(message, way_out)
    return OutsideError(
        f"数据库出错（{type(problem).__name__}）：{said.splitlines()[0][:200] if said else ''}",
        "稍后再试；没有写入任何内容。",
    )


_HOME_SECRETS = {"link": frozenset({"token_hash"})}
"""Columns that depend on a home's own key, not on what happened in it."""


def rows_hash(conn: Connection) -> str:
    """One hash over all projected rows (not the operational columns): equal ledgers, equal hash."""
    import hashlib

    total = hashlib.sha256()
    for table in sorted(tables.metadata.tables.values(), key=lambda each: each.name):
        if table is tables.event or table.name in tables.UNRECORDED:
            continue
        skip = tables.OPERATIONAL.get(table.name, frozenset()) | _HOME_SECRETS.get(
            table.name, frozenset()
        )
        columns = [column for column in table.c if column.name not in skip]
        found = sorted(canonical(list(row)) for row in conn.execute(sa.select(*columns)))
        total.update(f"{table.name}:{len(found)}\n".encode())
        for line in found:
            total.update(line.encode())
    return total.hexdigest()
