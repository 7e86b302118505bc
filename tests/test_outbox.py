"""The outbox on SQLite and PostgreSQL: nothing twice, nothing lost, whoever crashes when."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from duban.clock import SHANGHAI
from duban.errors import UsageError
from duban.ledger import events, outbox
from duban.ledger.outbox import BAD_ADDRESS, UNREACHABLE, Letter, Outcome
from duban.ledger.store import Ledger, open_ledger
from duban.ledger.tables import attempt, message

NOW = datetime(2026, 11, 23, 8, 30, tzinfo=SHANGHAI)
POSTGRES = "postgresql://root@127.0.0.1/test"
SENT = Outcome("sent", "250")
BUSY = Outcome("temporary", "451", "busy")
LOST = Outcome("unknown", "no-answer")
RESEND = {"mail": "resend"}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def box(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    if request.param == "sqlite":
        ledger = open_ledger(f"sqlite:///{tmp_path}/l.sqlite3", ask=lambda: NOW, durable=False)
        yield ledger
        ledger.close()
        return
    ledger = open_ledger(request.getfixturevalue("postgres_url"), ask=lambda: NOW)
    yield ledger
    ledger.close()


def letter(key: str = "day:2026-11-23:scjgj/liaison", **changes: object) -> Letter:
    base = Letter(
        id=key,
        kind="day",
        unit="scjgj",
        post="liaison",
        person="联络员（待填）",
        address=f"{key.replace(':', '.').replace('/', '.')}@xinzheng.example",
        channel="mail",
        subject="【提醒】1件待办",
        text="请办理",
        html="<p>请办理</p>",
        attachments=("files/附件.pdf",),
        urgent=False,
        not_before=NOW,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def put(box: Ledger, *letters: Letter) -> int:
    with box.write("remind") as writing:
        return outbox.queue(writing, letters)


def take(box: Ledger, owner: str, now: datetime = NOW) -> list[str]:
    ids = [one.id for one in outbox.claim(box, owner, now)]
    return outbox.hand_over(box, owner, ids, now)


def row(box: Ledger, key: str) -> sa.Row[tuple[object, ...]]:
    with box.read() as conn:
        return conn.execute(sa.select(message).where(message.c.id == key)).one()


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_queueing_again_adds_nothing_and_records_one_event_each(box: Ledger) -> None:
    assert put(box, letter("a"), letter("b"), letter("a", subject="second")) == 2
    assert put(box, letter("a", subject="other"), letter("c")) == 1
    with box.read() as conn:
        kinds = [(event.kind, event.subject) for event in events.read_events(conn)]
    assert kinds == [("message.queued", key) for key in "abc"]
    assert row(box, "a").subject == "【提醒】1件待办"


def test_queueing_belongs_to_the_callers_transaction(box: Ledger) -> None:
    def breaks_off() -> None:
        with box.write("remind") as writing:
            outbox.queue(writing, [letter("a")])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        breaks_off()
    assert outbox.claim(box, "w", NOW) == []


def test_a_claimed_letter_is_the_queued_one_and_nobody_elses(box: Ledger) -> None:
    put(box, letter("a", expires_at=later(3600)))
    assert outbox.claim(box, "one", NOW) == [letter("a", expires_at=later(3600))]
    assert outbox.claim(box, "two", NOW) == []


def test_claims_urgent_first_then_oldest_and_only_what_is_due(box: Ledger) -> None:
    put(box, letter("new"), letter("old", not_before=later(-60)), letter("urgent", urgent=True))
    put(box, letter("tomorrow", not_before=later(86400)))
    assert [one.id for one in outbox.claim(box, "w", NOW)] == ["urgent", "old", "new"]


def test_leaves_out_channels_that_are_down(box: Ledger) -> None:
    put(box, letter("a"), letter("b", channel="inbox"))
    assert [one.id for one in outbox.claim(box, "w", NOW, without={"mail"})] == ["b"]


def test_limit_holds_on_a_table_without_statistics(box: Ledger) -> None:
    put(box, *(letter(f"m{n:04}") for n in range(600)))
    claimed = [[one.id for one in outbox.claim(box, f"w{n}", NOW)] for n in range(3)]
    assert [len(ids) for ids in claimed] == [20, 20, 20]
    assert len({key for ids in claimed for key in ids}) == 60
    with box.read() as conn:
        assert outbox.stats(conn).sending == 60


@pytest.mark.postgres
def test_several_workers_claim_apart_on_a_table_nobody_analysed(postgres_url: str) -> None:
    boxes = [open_ledger(postgres_url, ask=lambda: NOW) for _ in range(4)]
    with boxes[0].write("test") as writing:
        writing.conn.execute(sa.text("ALTER TABLE message SET (autovacuum_enabled = false)"))
    put(boxes[0], *(letter(f"m{n:04}") for n in range(600)))
    claimed: list[list[str]] = [[] for _ in boxes]
    sizes: list[int] = []

    def work(number: int) -> None:
        for _ in range(3):
            some = [one.id for one in outbox.claim(boxes[number], f"w{number}", NOW)]
            sizes.append(len(some))
            claimed[number] += some

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(boxes))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with boxes[0].read() as conn:
        statistics = "SELECT count(*) FROM pg_stats WHERE schemaname = current_schema() AND tablename = 'message'"
        assert conn.scalar(sa.text(statistics)) == 0  # the trap needs a table without any
    for box in boxes:
        box.close()
    assert sizes == [20] * 12
    assert len({key for some in claimed for key in some}) == 240


def test_what_waited_too_long_expires_with_an_event(box: Ledger) -> None:
    put(box, letter("late", expires_at=later(-1)), letter("fresh", expires_at=later(1)))
    assert [one.id for one in outbox.claim(box, "w", NOW)] == ["fresh"]
    assert row(box, "late").state == "expired"
    with box.read() as conn:
        settled = list(events.read_events(conn, subject="late"))[-1]
    assert (settled.kind, settled.data["row"]["state"]) == ("message.settled", "expired")


def test_sent_is_final_and_the_attempt_is_noted(box: Ledger) -> None:
    put(box, letter("a"))
    done = outbox.settle(box, "w", [(key, SENT) for key in take(box, "w")], NOW)
    assert done == outbox.Settled(sent=1)
    found = row(box, "a")
    assert (found.state, found.settled_at, found.lease_owner) == ("sent", NOW, "")
    with box.read() as conn:
        notes = [tuple(one) for one in conn.execute(sa.select(attempt.c.n, attempt.c.outcome))]
    assert notes == [(1, "sent")]
    assert outbox.claim(box, "w", later(9999)) == []


def test_permanent_fails_at_once(box: Ledger) -> None:
    put(box, letter("a"))
    take(box, "w")
    outbox.settle(box, "w", [("a", Outcome("permanent", BAD_ADDRESS, "550 no"))], NOW)
    assert row(box, "a").state == "failed"


def test_temporary_waits_longer_each_time_and_fails_after_six(box: Ledger) -> None:
    put(box, letter("a"))
    now, waits = NOW, []
    for _ in range(outbox.MAX_TRIES):
        assert take(box, "w", now) == ["a"]
        outbox.settle(box, "w", [("a", BUSY)], now)
        found = row(box, "a")
        if found.state == "queued":
            assert outbox.claim(box, "w", found.retry_at - timedelta(seconds=1)) == []
            waits.append((found.retry_at - now).total_seconds())
            now = found.retry_at
    assert row(box, "a").state == "failed"
    assert "451 busy（试了 6 次）" in row(box, "a").detail
    wholes = [30 * 2**n for n in range(5)]
    assert all(whole / 2 <= wait <= whole for wait, whole in zip(waits, wholes, strict=True))


def test_wait_is_bounded_and_told_by_the_id() -> None:
    assert outbox.wait_seconds("a", 40) <= outbox.LONGEST_WAIT_SECONDS
    assert outbox.wait_seconds("a", 9) == outbox.wait_seconds("a", 9)
    assert len({outbox.wait_seconds(f"m{n}", 8) for n in range(20)}) > 10


def test_the_other_sides_retry_after_wins(box: Ledger) -> None:
    put(box, letter("a"))
    take(box, "w")
    outbox.settle(box, "w", [("a", replace(BUSY, retry_after=600))], NOW)
    assert row(box, "a").retry_at == later(600)


def test_an_unreachable_server_never_makes_a_letter_fail(box: Ledger) -> None:
    put(box, letter("a"))
    now = NOW
    for _ in range(outbox.MAX_TRIES + 3):
        take(box, "w", now)
        outbox.settle(box, "w", [("a", Outcome("temporary", UNREACHABLE))], now)
        now = row(box, "a").retry_at
    assert row(box, "a").state == "queued"


@pytest.mark.parametrize(("policy", "state"), [(RESEND, "queued"), ({}, "unknown")])
def test_unknown_goes_again_only_where_that_is_safe(
    box: Ledger, policy: dict[str, str], state: str
) -> None:
    put(box, letter("a"))
    take(box, "w")
    outbox.settle(box, "w", [("a", LOST)], NOW, policy)
    assert row(box, "a").state == state


def test_a_result_counts_only_from_the_holder_of_the_lease(box: Ledger) -> None:
    put(box, letter("a"))
    take(box, "slow")
    outbox.reap(box, later(121), RESEND)
    take(box, "next", later(121))
    failed = [("a", Outcome("permanent"))]
    assert outbox.settle(box, "slow", failed, later(122)) == outbox.Settled()
    assert row(box, "a").state == "queued"


def test_a_lease_that_ran_out_must_not_be_handed_over(box: Ledger) -> None:
    put(box, letter("a"))
    outbox.claim(box, "w", NOW)
    assert outbox.hand_over(box, "w", ["a"], later(120)) == []


def test_crash_before_hand_over_queues_again(box: Ledger) -> None:
    put(box, letter("a"))
    outbox.claim(box, "dead", NOW)
    assert outbox.reap(box, later(119), {}) == outbox.Reaped()
    assert outbox.reap(box, later(120), {}) == outbox.Reaped(requeued=1)
    assert take(box, "w", later(120)) == ["a"]


def test_crash_after_hand_over_is_sent_again_or_held(box: Ledger) -> None:
    put(box, letter("mail"), letter("bot", channel="bot"))
    take(box, "dead")
    assert outbox.reap(box, later(120), RESEND) == outbox.Reaped(resent=1, held=1)
    assert take(box, "w", later(120)) == ["mail"]
    assert row(box, "bot").state == "unknown"
    with box.read() as conn:
        notes = conn.execute(sa.select(attempt.c.message, attempt.c.n, attempt.c.code)).all()
    assert sorted(notes) == [("bot", 1, "lost"), ("mail", 1, "lost"), ("mail", 2, "")]


def test_given_back_letters_cost_no_try(box: Ledger) -> None:
    put(box, letter("a"))
    for _ in range(outbox.MAX_TRIES + 1):
        outbox.give_back(box, "w", take(box, "w"), NOW)
    assert (row(box, "a").attempts, row(box, "a").handed_over) == (0, 0)
    assert take(box, "w") == ["a"]


def test_cancel_takes_back_only_what_nobody_sends(box: Ledger) -> None:
    put(box, letter("a"))
    take(box, "w")
    put(box, letter("b"))
    with box.write("office") as writing:
        assert outbox.cancel(writing, ["a", "b", "none"], "时限已改") == 1
    assert (row(box, "a").state, row(box, "b").state) == ("queued", "cancelled")


def test_a_person_decides_about_what_failed(box: Ledger) -> None:
    put(box, letter("a"))
    take(box, "w")
    with box.write("office") as writing, pytest.raises(UsageError, match="待发送"):
        outbox.requeue(writing, "a", "再试")
    outbox.settle(box, "w", [("a", Outcome("permanent", "554"))], NOW)
    with box.write("office") as writing:
        outbox.requeue(writing, "a", "邮箱已恢复")
    assert take(box, "w") == ["a"]
    with box.read() as conn:
        assert list(events.read_events(conn, subject="a"))[-1].why == "邮箱已恢复"


def test_stats_count_states(box: Ledger) -> None:
    put(box, letter("a"), letter("b"), letter("c", not_before=later(60)))
    take(box, "w")
    outbox.settle(box, "w", [("a", SENT), ("b", BUSY)], NOW)
    with box.read() as conn:
        found = outbox.stats(conn)
    assert (found.states, found.sending, found.retrying) == ({"sent": 1, "queued": 2}, 0, 1)
    assert found.oldest_queued == NOW


def test_a_refused_address_is_dead_until_something_arrives(box: Ledger) -> None:
    put(box, letter("a", address="x@e.example"), letter("b", address="y@e.example"))
    take(box, "w")
    gone = Outcome("permanent", BAD_ADDRESS, "550 5.1.1")
    outbox.settle(box, "w", [("a", gone), ("b", gone)], NOW)
    put(box, letter("c", address="y@e.example"))
    take(box, "w", later(60))
    outbox.settle(box, "w", [("c", SENT)], later(60))
    with box.read() as conn:
        assert outbox.dead_addresses(conn, later(-60)) == {"x@e.example"}
        assert outbox.dead_addresses(conn, later(1)) == frozenset()


def test_states_come_back_from_the_events_alone(box: Ledger) -> None:
    put(box, letter("a"), letter("b"))
    outbox.settle(box, "w", [(key, SENT) for key in take(box, "w")][:1], NOW)
    with box.write("test") as writing:
        events.rebuild(writing.conn)
        assert events.verify_chain(writing.conn) is None
    assert {row(box, "a").state, row(box, "b").state} == {"sent", "queued"}


def test_claiming_seeks_in_the_partial_index(tmp_path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path}/l.sqlite3", ask=lambda: NOW, durable=False)
    asked: list[str] = []
    sa.event.listen(
        ledger.engine, "before_cursor_execute", lambda *args: asked.append(args[2]), named=False
    )
    put(ledger, letter("a"))
    outbox.claim(ledger, "w", NOW)
    query = next(one for one in asked if "ORDER BY message.not_before" in one)
    marks = query.count("?")
    with ledger.read() as conn:
        found = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", ("x",) * marks).all()
    ledger.close()
    plan = " ".join(str(one) for one in found)
    assert "ix_message_next" in plan
    assert "TEMP B-TREE" not in plan  # whatever waits, nothing is sorted
