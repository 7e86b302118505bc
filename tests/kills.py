"""Kills real processes at chosen instants of real commands, and looks at what became of every letter.

A process that has everything imported (``kills_nursery.py``) forks one child per command, which kills
itself at the point it was told. Both databases, real SMTP. By hand, with as many kills as wanted:

    python tests/kills.py --kills 200 --seed 7 [--postgres URL]
"""

from __future__ import annotations

import argparse
import asyncio
import email
import email.policy
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from aiosmtpd.controller import Controller

from duban import clock

FIRST = date(2026, 3, 2)  # a Monday
UNITS = 10
HAND_DAYS = 10
POSTGRES = "postgresql+psycopg://root@127.0.0.1:5432/postgres"


# ---- outside -------------------------------------------------------------------------------------


@dataclass
class Sink:
    """A mail server that keeps what it was given, and may keep one sender waiting for the receipt."""

    taken: list[bytes] = field(default_factory=list)
    hold_at: int = 0
    held: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    async def handle_DATA(self, server, session, envelope):  # type: ignore[no-untyped-def]  # noqa: N802 - aiosmtpd's
        self.taken.append(envelope.content)
        if len(self.taken) == self.hold_at:
            self.held.set()
            while not self.go_on.is_set():
                await asyncio.sleep(0.01)
        return "250 taken"

    def copies(self) -> dict[str, list[str]]:
        """Our number of each letter that came in, with the Message-ID of every copy."""
        found: dict[str, list[str]] = {}
        for raw in list(self.taken):
            mail = email.message_from_bytes(raw, policy=email.policy.default)
            found.setdefault(str(mail["X-Notify-Id"]), []).append(str(mail["Message-ID"]))
        return found


@contextmanager
def listening(sink: Sink) -> Iterator[str]:
    """The sink on a free port; the URL of a channel that leads there."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    controller = Controller(sink, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield f"dubanmail://127.0.0.1:{port}?from=duban@cast.example"
    finally:
        sink.go_on.set()
        controller.stop()


@dataclass(frozen=True)
class Ended:
    """How a child ended: its exit code (-9 when killed), what it said, how many points it passed."""

    code: int
    said: dict[str, Any]

    @property
    def points(self) -> int:
        return int(self.said.get("points", 0))


class Nursery:
    """The forking process from outside."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        self._outs: dict[int, Path] = {}
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("kills_nursery.py"))],
            cwd=Path(__file__).parent.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()

    def close(self) -> None:
        """Let it end."""
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait(20)
        if self._process.stdout:
            self._process.stdout.close()

    def start(
        self,
        args: list[str],
        moment: datetime,
        environment: dict[str, str],
        *,
        kill_at: int = 0,
        lease: float = 0,
        began: datetime | None = None,
    ) -> int:
        """Begin a command; the number of its process. ``kill_at``: the point where it kills itself."""
        self._number += 1
        out = self._folder / f"run{self._number}.json"
        order = {"args": args, "moment": moment.isoformat(), "environment": environment}
        more = {"kill_at": kill_at, "lease": lease, "out": str(out)}
        child = int(self._ask(order | more | {"began": began.isoformat() if began else ""}))
        self._outs[child] = out
        return child

    def wait(self, child: int) -> Ended:
        """Wait for the end of a command."""
        code = int(self._ask({"wait": child}))
        out = self._outs.pop(child)
        said = json.loads(out.read_text("utf-8")) if out.exists() else {}
        if code not in {0, -signal.SIGKILL}:
            raise RuntimeError(f"{code} {said} {out.with_suffix('.txt').read_text('utf-8')}")
        return Ended(code, said)

    def _ask(self, order: dict[str, Any]) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps(order)}\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        if not said:
            raise RuntimeError("the nursery has died")
        return said.strip()


# ---- the story -----------------------------------------------------------------------------------


def write_home(root: Path, days: int) -> Path:
    """An office with ten units, each with something to be reminded of on every working day."""
    from cast import home_of

    names = [f"第{n}镇" for n in range(UNITS)]
    due = [FIRST + timedelta(days=n) for n in range(1, days * 7 // 5 + 6)]
    tasks = [
        {
            "id": f"K-{n:02}",
            "title": f"第{n}件",
            "lead": names,
            "joint": "是",
            "deadline": f"{day.year}年{day.month}月{day.day}日前",
        }
        for n, day in enumerate(day for day in due if day.weekday() < 5)
    ]
    home = home_of(root, {"tasks": tasks})
    units = home / "config" / "units.yaml"
    more = "".join(
        f"  - {{id: u{n}, name: {name}人民政府, short: {name}, kind: township, group: 乡镇街道, "
        f"posts: {{liaison: [{{name: 联络员（待填）, address: u{n}@cast.example}}]}}}}\n"
        for n, name in enumerate(names)
    )
    units.write_text(units.read_text("utf-8").replace("units:\n", f"units:\n{more}", 1), "utf-8")
    return home


def apply_plan(home: Path, url: str) -> None:
    """The plan in the ledger, before the first day."""
    from duban.desk import need_desk
    from duban.ledger.apply import apply
    from duban.ledger.store import open_ledger
    from duban.settings import Home

    desk = need_desk(Home(home), FIRST)
    before = clock.at(FIRST) - timedelta(days=3)
    ledger = open_ledger(url, ask=lambda: before)
    apply(ledger, desk.matrix, desk.planned(), actor="办公室")
    ledger.close()


@dataclass
class Played:
    """What a story left: letters by state, unknown attempts, what is wrong with the record, kills."""

    states: dict[str, str]
    said: set[tuple[str, str]]  # (notice, message)
    unknown: int
    wrong: list[str]
    kills: int = 0
    points: dict[tuple[int, str], int] = field(default_factory=dict)


def play(
    nursery: Nursery,
    home: Path,
    environment: dict[str, str],
    days: int,
    instants: Callable[[int, str], list[int]],
) -> Played:
    """Remind and deliver on so many working days, each killed at its instants until it came through."""
    kills = 0
    points: dict[tuple[int, str], int] = {}
    working = [FIRST + timedelta(days=n) for n in range(days * 2) if n % 7 < 5][:days]
    for number, day in enumerate(working):
        moment = clock.at(day) + timedelta(hours=9)
        for stage in ("remind", "deliver"):
            args = ["run", stage, "--direct", "--home", str(home)]
            for kill_at in [*instants(number, stage), 0]:
                child = nursery.start(args, moment, environment, kill_at=kill_at)
                ended = nursery.wait(child)
                kills += ended.code == -signal.SIGKILL
                points.setdefault((number, stage), ended.points)
                moment += timedelta(minutes=3)  # a lease is over
        nursery.wait(nursery.start(args, moment, environment))
    found = look(environment["DUBAN_DATABASE_URL"])
    found.kills, found.points = kills, points
    return found


def look(url: str) -> Played:
    """Read everything back: letters, what they say, attempts, chain and rebuild."""
    from duban.ledger import audit, events
    from duban.ledger.store import open_ledger
    from duban.ledger.tables import attempt, message, notice

    ledger = open_ledger(url)
    with ledger.read() as conn:
        states = dict(conn.execute(sa.select(message.c.id, message.c.state)).tuples().all())
        grouped = sa.select(notice.c.id, notice.c.message).where(notice.c.message.is_not(None))
        said = set(conn.execute(grouped).tuples().all())
        lost = sa.select(sa.func.count()).where(attempt.c.outcome == "unknown")
        unknown = int(conn.execute(lost).scalar() or 0)
        broken = events.verify_chain(conn)
    wrong = audit.rebuilt_differs(ledger) + (["chain"] if broken else [])
    ledger.close()
    return Played(states, said, unknown, wrong)


@contextmanager
def database(kind: str, folder: Path, postgres: str = POSTGRES) -> Iterator[str]:
    """An empty database of a kind; gone afterwards."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/{uuid.uuid4().hex}.sqlite3"
        return
    schema = f"duban_{uuid.uuid4().hex[:12]}"
    engine = sa.create_engine(postgres)
    with engine.begin() as conn:
        conn.execute(sa.schema.CreateSchema(schema))
    url = sa.make_url(postgres).update_query_dict({"options": f"-csearch_path={schema}"})
    yield url.render_as_string(hide_password=False)
    with engine.begin() as conn:
        conn.execute(sa.schema.DropSchema(schema, cascade=True))
    engine.dispose()


def spread(chance: random.Random, points: int, count: int) -> list[int]:
    """So many instants, one in each equal part of a command, in chance order."""
    edges = [points * n // count for n in range(count + 1)]
    found = [chance.randint(low + 1, max(high, low + 1)) for low, high in pairwise(edges)]
    chance.shuffle(found)
    return found


@dataclass(frozen=True)
class Verdict:
    """Two stories side by side: one left in peace, one with kills."""

    kills: int
    letters: int
    missing: set[str]  # said in peace, not said with kills
    unsent: dict[str, str]  # not in state sent
    lost: set[str]  # in state sent, never arrived
    duplicates: int
    other_numbers: dict[str, list[str]]  # copies under different Message-IDs
    unknown: int
    wrong: list[str]

    @property
    def good(self) -> bool:
        bad = (self.missing, self.unsent, self.lost, self.other_numbers, self.wrong)
        return not any(bad) and self.duplicates <= self.unknown


class Theatre:
    """A home, a nursery, and the story as it goes when nobody is killed."""

    def __init__(self, folder: Path, days: int) -> None:
        self.folder, self.days = folder, days
        self.home = write_home(folder / "home", days)
        self.nursery = Nursery(folder)
        try:
            self.calm, _ = self._play("sqlite", lambda _day, _stage: [], "")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Theatre:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.nursery.close()

    def with_kills(
        self, kind: str, per_command: int, seed: int, postgres: str = POSTGRES
    ) -> Verdict:
        """The same story with so many kills a command, compared with the calm one."""
        chance = random.Random(seed)

        def instants(day: int, stage: str) -> list[int]:
            return spread(chance, self.calm.points[day, stage], per_command)

        played, sink = self._play(kind, instants, postgres)
        return judge(self.calm, played, sink)

    def _play(
        self, kind: str, instants: Callable[[int, str], list[int]], postgres: str
    ) -> tuple[Played, Sink]:
        sink = Sink()
        with listening(sink) as smtp, database(kind, self.folder, postgres) as url:
            apply_plan(self.home, url)
            environment = {"DUBAN_DATABASE_URL": url, "DUBAN_SMTP_URL": smtp}
            return play(self.nursery, self.home, environment, self.days, instants), sink


def judge(calm: Played, played: Played, sink: Sink) -> Verdict:
    """What the kills have changed."""
    copies = sink.copies()
    told = Counter(message for _, message in played.said)
    return Verdict(
        kills=played.kills,
        letters=len(played.states),
        missing={f"{notice} {message}" for notice, message in calm.said - played.said}
        | (calm.states.keys() - played.states.keys()),
        unsent={key: state for key, state in played.states.items() if state != "sent"},
        lost={key for key in played.states if key not in copies},
        duplicates=sum(len(each) - 1 for each in copies.values()),
        other_numbers={key: each for key, each in copies.items() if len(set(each)) > 1},
        unknown=played.unknown,
        wrong=played.wrong + ([] if told else ["nothing was said"]),
    )


def run_by_hand() -> int:
    """As many kills as wanted on both databases; the exit code says whether anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="on each database, about")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--postgres", default=os.environ.get("DUBAN_TEST_POSTGRES", POSTGRES))
    given = parser.parse_args()
    per_command, failed = max(1, given.kills // (HAND_DAYS * 2)), 0
    with tempfile.TemporaryDirectory() as folder, Theatre(Path(folder), HAND_DAYS) as theatre:
        for kind in ("sqlite", "postgres"):
            found = theatre.with_kills(kind, per_command, given.seed, given.postgres)
            failed += not found.good
            sys.stdout.write(f"{kind} {'ok' if found.good else 'WRONG'} {found}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(run_by_hand())
