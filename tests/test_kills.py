"""Real processes killed, stopped and resumed at any instant: nothing is lost, and what came twice is one mail.

``tests/kills.py`` tells the story and takes as many kills as wanted by hand.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from conftest import POSTGRES
from duban import clock
from duban.ledger import events, outbox
from duban.ledger.outbox import Letter
from duban.ledger.store import Ledger, open_ledger
from duban.ledger.tables import attempt, message
from kills import FIRST, Nursery, Sink, Theatre, database, listening

pytestmark = pytest.mark.xdist_group("kills")  # the calm story is played once for all
DAYS = 2
KILLS_PER_COMMAND = 2
LEASE_SECONDS = 1.6
BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    with Theatre(tmp_path_factory.mktemp("kills"), DAYS) as opened:
        yield opened


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> str:
    if request.param == "postgres":
        request.getfixturevalue("postgres_server")
    return str(request.param)


@pytest.mark.parametrize("kind", BOTH, indirect=True)
def test_killed_at_any_instant_nothing_is_lost_and_nothing_arrives_as_another_mail(
    theatre: Theatre, kind: str
) -> None:
    found = theatre.with_kills(kind, KILLS_PER_COMMAND, seed=11, postgres=POSTGRES)
    assert (
        found.kills >= DAYS * 2 * KILLS_PER_COMMAND * 2 // 3
    )  # a shorter rest may outrun its kill
    assert found.letters >= DAYS * 10
    assert (found.missing, found.unsent, found.lost) == (set(), {}, set())
    assert found.other_numbers == {}
    assert found.duplicates <= found.unknown  # the office is told "at most so many"
    assert found.wrong == []


# A worker that is stopped beyond its lease


def letter(n: int) -> Letter:
    return Letter(
        id=f"day:2026-03-02:u{n}/liaison",
        kind="day",
        unit=f"u{n}",
        post="liaison",
        person="联络员（待填）",
        address=f"u{n}@cast.example",
        channel="mail",
        subject="【提醒】1件待办",
        text="请办理",
        html="",
        attachments=(),
        urgent=False,
        not_before=clock.at(FIRST),
    )


def sent_and_unknown(ledger: Ledger) -> tuple[int, int]:
    with ledger.read() as conn:
        sent = conn.scalar(sa.select(sa.func.count()).where(message.c.state == "sent"))
        lost = conn.scalar(sa.select(sa.func.count()).where(attempt.c.outcome == "unknown"))
        assert events.verify_chain(conn) is None
    return int(sent or 0), int(lost or 0)


@pytest.mark.parametrize("kind", BOTH, indirect=True)
def test_a_stopped_worker_that_is_resumed_changes_nothing_any_more(
    theatre: Theatre, kind: str, tmp_path: Path
) -> None:
    nursery, sink = theatre.nursery, Sink(hold_at=3)
    with listening(sink) as smtp, database(kind, tmp_path, POSTGRES) as url:
        began = clock.now()
        ledger = open_ledger(url, ask=lambda: clock.at(FIRST))
        with ledger.write("remind") as writing:
            outbox.queue(writing, [letter(n) for n in range(6)])

        def worker() -> int:
            told = {"DUBAN_DATABASE_URL": url, "DUBAN_SMTP_URL": smtp}
            home = [str(theatre.home)]
            return nursery.start(home, clock.at(FIRST), told, lease=LEASE_SECONDS, began=began)

        zombie = worker()
        assert sink.held.wait(10)
        os.kill(zombie, signal.SIGSTOP)
        sink.go_on.set()  # the receipt is written; nobody reads it
        time.sleep(LEASE_SECONDS)  # the only way for a lease between real processes to end
        second = nursery.wait(worker()).said
        os.kill(zombie, signal.SIGCONT)
        first = nursery.wait(zombie).said
        sent, unknown = sent_and_unknown(ledger)
        ledger.close()
    copies = sink.copies()
    assert len(copies) == sent == 6
    assert first["sent"] + second["sent"] == 6  # each counted once, by the one who held it
    assert first["sent"] < 3  # what it sent last was not its own any more
    again = {key: ids for key, ids in copies.items() if len(ids) > 1}
    assert again
    assert all(len(set(ids)) == 1 for ids in again.values())
    assert sum(len(ids) - 1 for ids in again.values()) <= unknown


def test_a_nursery_tells_of_a_command_that_fails(theatre: Theatre) -> None:
    nursery: Nursery = theatre.nursery
    child = nursery.start(["run", "nothing"], clock.at(FIRST), {})
    with pytest.raises(RuntimeError, match="SystemExit"):
        nursery.wait(child)
