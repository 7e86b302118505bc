"""Watches a simulation: gathers each day's records for the invariants, and the whole ledger now and then."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta

from duban import clock
from duban.ledger import audit, inspected, queries, scans
from duban.ledger.inspected import News
from duban.ledger.queries import Row
from duban.ledger.store import Writing
from duban.ledger.views import Reader
from duban.matrix.model import UnitKind
from duban.office import Office
from duban.simulate.invariants import (
    UNSETTLED_WORKING_DAYS,
    Day,
    Message,
    Notice,
    Step,
    Violation,
    violations,
)
from duban.stages import remind, ticks


class Watch:
    """Looks after each day's stages; remembers what was claimed and how far reminders had worked."""

    def __init__(self) -> None:
        self.found: list[Violation] = []
        self._seq = 0
        self._since: datetime | None = None  # up to here reminders have worked
        self._claimed: Counter[str] = Counter()

    def begin(self, office: Office) -> None:
        """What is in the ledger already is not looked at."""
        with office.ledger.read() as conn:
            self._seq = inspected.news(conn, 0).seq

    def before(self, office: Office) -> None:
        """Note how far reminders have worked, before they work on."""
        with office.ledger.read() as conn:
            last = queries.last_tick(conn, "remind")
        self._since = last.logical_at if last else None

    def after(self, office: Office, at: datetime) -> None:
        """Look at what the stages of the day recorded up to ``at``."""
        with office.ledger.read() as conn:
            day = self._day(office, conn, at)
        self.found += violations(day)

    def whole(self, office: Office, day: date, *, rebuild: bool = True) -> None:
        """Verify the chain and rebuild all rows; takes as long as the ledger is."""
        with office.ledger.read() as conn:
            broken = inspected.broken_link(conn)
        differing = tuple(audit.rebuilt_differs(office.ledger)) if rebuild else ()
        self.found += violations(replace(_blank(office, day), broken=broken, differing=differing))

    def _day(self, office: Office, conn: Reader, at: datetime) -> Day:
        news = inspected.news(conn, self._seq)
        self._seq = news.seq
        claimed = news.of("notice.claimed")
        self._claimed.update(claimed)
        touched = sorted({*claimed, *news.of("notice.settled")})
        limit = office.calendar.add(clock.day_of(at), -UNSETTLED_WORKING_DAYS)
        owed = self._owed(office, conn, at)
        return replace(
            _blank(office, clock.day_of(at)),
            messages=_messages(conn, news),
            notices=tuple(_notice(row) for row in inspected.notices(conn, touched)),
            steps=tuple(
                Step(row["id"], row["unit"], UnitKind(row["unit_kind"]))
                for row in inspected.proposals(conn, news.of("proposal.raised"))
            ),
            handed_over=tuple(
                (row["message"], row["started_at"])
                for row in inspected.handed_over(conn, clock.at(clock.day_of(at)))
            ),
            claimed={key: self._claimed[key] for key in claimed},
            owed=frozenset(owed),
            known=frozenset(scans.known_notices(conn, owed)),
            waiting=tuple(row["id"] for row in inspected.waiting(conn, clock.at(limit))),
        )

    def _owed(self, office: Office, conn: Reader, at: datetime) -> list[str]:
        """Candidates that the rules bring up for the stretch that reminders worked today."""
        last = queries.last_tick(conn, "remind")
        if last is None or not office.calendar.is_workday(clock.day_of(at)):
            return []
        writing = Writing(conn, "duban:simulate", at, last.logical_at)
        begun = clock.at(ticks.in_use_from(office, writing)) - timedelta(seconds=1)
        since = self._since or begun
        claims = remind.came_up(office, writing, since)
        return [
            f"{each.candidate.obligation}|{each.rung}|{each.candidate.round}|{each.to}"
            for each in claims
        ]


def _blank(office: Office, day: date) -> Day:
    """A day on which nothing happened, under the office's rules."""
    return Day(
        day=day,
        calendar=office.calendar,
        works_from=office.settings.works_from,
        works_until=office.settings.works_until,
        urgent_per_day=office.reminders.urgent_per_day,
    )


def _messages(conn: Reader, news: News) -> tuple[Message, ...]:
    return tuple(
        Message(
            row["id"],
            row["kind"],
            row["unit"],
            row["post"],
            bool(row["urgent"]),
            row["created_at"],
            row["not_before"],
        )
        for row in inspected.messages(conn, news.of("message.queued"))
    )


def _notice(row: Row) -> Notice:
    return Notice(
        row["id"],
        row["obligation"],
        row["rung"],
        row["round"],
        row["recipient"],
        row["kind"],
        row["outcome"],
        row["state"],
        bool(row["is_open"]),
        row["paper"] or "",
        row["decided_by"] or "",
    )
