"""Says pending notices: one message per person and working day, urgent ones apart and capped.

Each notice is looked at again before it is said: what was submitted meanwhile is not mentioned. A
person who has had today's message waits for the next working day's; nobody is passed over in silence,
every notice ends in an outcome with a reason. Works through the units page by page: a hundred thousand
notices take no more memory than the few that make the next messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from duban import clock
from duban.errors import Issues
from duban.ledger import ladder, links, outbox, queries, scans
from duban.ledger.events import Draft
from duban.ledger.outbox import Letter
from duban.ledger.store import Writing
from duban.matrix.model import Unit, UnitKind
from duban.office import Office
from duban.stages.hours import may_send, next_sending
from duban.status import STATE_NAMES, chinese_day_week, standing
from notifier.config import Channels, load_channels
from notifier.envelope import letters_of
from notifier.group import group
from notifier.message import Bundle, Line, Recipient
from notifier.route import choose

EXPIRES_AFTER_WORKING_DAYS = 5
SAID_HOWEVER_LATE = frozenset({"urge", "supervise", "advise", "returned", "answered", "cleared"})
DEAD_FOR_DAYS = 30
"""An address that refused mail is passed over for so long, then tried again."""
BATCH = 500
"""About so many notices are looked at together; a unit's are never taken apart."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What was said: counts, and a sentence for each notice that took a detour."""

    counts: dict[str, int] = field(default_factory=dict)
    lines: tuple[str, ...] = ()


def dispatch(office: Office, writing: Writing) -> Sent:
    """Group what is pending into messages and queue them, in the caller's transaction."""
    again = _say_again(writing)
    round_ = _Round(office, writing)
    if not may_send(office, writing.at):
        counts = {"待下一工作时段": round_.wait(), "已无须提醒": round_.stale}
    else:
        round_.say_all()
        counts = {
            "发出消息": round_.queued,
            "今日已发、并入下一工作日": round_.held,
            "已无须提醒": round_.stale,
        }
    return Sent(counts | {"未送达、改日再发": again}, tuple(round_.detours))


Place = tuple[str, str]
"""Unit and post: of an owing unit, or of the reader that a route leads to."""


class _Round:
    """One round through everything that is pending."""

    def __init__(self, office: Office, writing: Writing) -> None:
        self._office = office
        self._writing = writing
        self._papers = ladder.said_anyway(writing.conn)
        since = writing.at - timedelta(days=DEAD_FOR_DAYS)
        self._dead = outbox.dead_addresses(writing.conn, since)
        self._example = queries.is_example(writing.conn)
        self._channels: Channels | None = None
        self.stale = self.queued = self.held = 0
        self.detours: dict[str, None] = {}

    def wait(self) -> int:
        """Nothing may leave now: how many notices wait, those until another day with the reason."""
        today = clock.day_of(self._writing.at)
        begins = next_sending(self._office, self._writing.at)
        waiting = 0
        for units in self._pages():
            live = self._live(scans.pending_notices(self._writing.conn, units))
            waiting += len(live)
            if clock.day_of(begins) != today:
                _hold(self._writing, live, "hours", f"不在工作时间，{begins:%m-%d %H:%M}起再发")
        return waiting

    def say_all(self) -> None:
        """Say everything, one message for each reader.

        Readers who also get what other units' posts could not take come last, each with all of it.
        """
        shared = self._detoured()
        for units in self._pages():
            near = []
            for row in self._live(scans.pending_notices(self._writing.conn, units)):
                to = self._recipient((row["unit"], row["recipient"]))
                if (to.unit, to.post) in shared:
                    shared[to.unit, to.post].add((row["unit"], row["recipient"]))
                else:
                    near.append((row, to))
            self._say(near)
        for places in shared.values():
            self._say(self._addressed(places))

    def _pages(self) -> Iterator[list[str]]:
        """Units with something pending, so many at a time that their notices make about a batch."""
        units: list[str] = []
        number = 0
        for place in self._waiting():
            if units and units[-1] != place.unit and number >= BATCH:
                yield units
                units, number = [], 0
            number += place.number
            if not units or units[-1] != place.unit:
                units.append(place.unit)
        if units:
            yield units

    def _waiting(self) -> Iterator[scans.Waiting]:
        after = ""
        while found := scans.waiting_places(self._writing.conn, after):
            yield from found
            after = found[-1].unit

    def _detoured(self) -> dict[Place, set[Place]]:
        """Readers to whom another unit's notices are led."""
        found: dict[Place, set[Place]] = {}
        for each in self._waiting():
            to = self._recipient((each.unit, each.post))
            if to.unit != each.unit:
                found.setdefault((to.unit, to.post), set()).add((each.unit, each.post))
        return found

    def _addressed(self, places: set[Place]) -> list[tuple[queries.Row, Recipient]]:
        units = sorted({unit for unit, _ in places})
        rows = [
            row
            for start in range(0, len(units), BATCH)
            for row in scans.pending_notices(self._writing.conn, units[start : start + BATCH])
            if (row["unit"], row["recipient"]) in places
        ]
        return [(row, self._recipient((row["unit"], row["recipient"]))) for row in rows]

    def _live(self, rows: Sequence[queries.Row]) -> list[queries.Row]:
        """What is still to be said; the rest is settled with its reason."""
        fates = [(row, _moot(row, self._papers)) for row in rows]
        stale = [(row, fate, "") for row, fate in fates if fate is not None]
        _settle(self._writing, stale)
        self.stale += len(stale)
        return [row for row, fate in fates if fate is None]

    def _recipient(self, place: Place) -> Recipient:
        office, (key, post) = self._office, place
        if post == "office" and office.office_unit is not None:
            key, post = office.office_unit.id, "liaison"  # the office's own list
        unit = _county_unit(office) if post == "county" else unit_of(office, key)
        day = clock.day_of(self._writing.at)
        route = choose(unit, post, day, office=office.office_unit, dead=self._dead)
        home = unit_of(office, route.unit)
        return Recipient(home.id, home.short, route.post, route.person, route.address, route.note)

    def _say(self, addressed: Sequence[tuple[queries.Row, Recipient]]) -> None:
        """Messages for complete readers: whoever is among them is among them with everything."""
        if not addressed:
            return
        at: dict[tuple[str, str, bool], list[queries.Row]] = {}
        lines = []
        for row, to in addressed:
            line = _line(self._office, row, self._writing.at)
            lines.append((to, line))
            at.setdefault((to.unit, to.post, line.urgent), []).append(row)
            if to.note:
                self.detours[f"{to.unit_name}：{to.note}"] = None
        bundles = group(
            lines,
            day=clock.day_of(self._writing.at),
            office=self._office.settings.office_name,
            contact=self._office.settings.contact,
            link=lambda to: f"{self._office.settings.public_url}/u/{links.PLACEHOLDER}",
            example=self._example,
        )
        self._queue(bundles, at)

    def _queue(
        self, bundles: Sequence[Bundle], rows: dict[tuple[str, str, bool], list[queries.Row]]
    ) -> None:
        cap = self._office.reminders.urgent_per_day
        ids = {message_id(bundle, number) for bundle in bundles for number in range(cap + 1)}
        known = scans.message_ids(self._writing.conn, sorted(ids))
        letters: list[Letter] = []
        said: list[tuple[queries.Row, tuple[str, str], str]] = []
        for bundle in bundles:
            told = rows[bundle.unit, bundle.post, bundle.urgent]
            numbers = range(1, cap + 1) if bundle.urgent else (0,)
            free = next((each for each in numbers if message_id(bundle, each) not in known), None)
            if free is None:
                self.held += len(bundle.lines)
                _hold(self._writing, told, *_CAPPED[bundle.urgent])
                continue
            parts = self._letters(bundle, message_id(bundle, free))
            letters += parts
            said += [(row, ("grouped", ""), parts[0].id) for row in told]
        self.queued += outbox.queue(self._writing, letters)
        _settle(self._writing, said)

    def _letters(self, bundle: Bundle, key: str) -> list[Letter]:
        if self._channels is None:
            self._channels = _channels(self._office)
        return letters_of(
            bundle,
            self._channels,
            self._writing.at,
            key=key,
            expires_at=_expiry(self._office, bundle),
        )


_CAPPED = {
    False: ("today", "此人今天的消息已发，并入下一工作日"),
    True: ("cap", "此人今天的加急消息已到上限，改日再发"),
}
"""Why a message cannot go today: it went already, or the urgent ones are used up."""


def _moot(row: queries.Row, papers: set[tuple[str, str, int]]) -> tuple[str, str] | None:
    """Why a notice need not be said any more; None: it is still to be said.

    Confirmed papers are said even when the report came in meanwhile, and that it is closed is said
    because it is; reminders are not.
    """
    if row["kind"] == "answered":
        return None  # an answer is told whatever it did to the item
    if row["kind"] == "cleared" or (row["obligation"], row["rung"], row["round"]) in papers:
        return _state_words(row) if row["state"] in {"cancelled", "merged"} else None
    if not row["is_open"]:
        return _state_words(row)
    if row["kind"] == "remind" and row["round"] != row["obligation_round"]:
        return "superseded", "时限或轮次已变，按新的时限另行提醒"
    return None


def _state_words(row: queries.Row) -> tuple[str, str]:
    reasons = {
        "submitted": ("submitted", "发送前已报送，不再提醒"),
        "closed": ("closed", "发送前已办结，不再提醒"),
        "cancelled": ("cancelled", "任务已取消"),
        "suspended": ("suspended", "任务暂缓中"),
        "unstarted": ("unstarted", "起算点改为未定，尚未起算"),
    }
    return reasons.get(
        row["state"], ("moot", f"状态已变为{STATE_NAMES.get(row['state'], row['state'])}")
    )


def unit_of(office: Office, key: str) -> Unit:
    """A unit by id; one that was struck from units.yaml but not yet applied has nobody to reach."""
    known = office.matrix.directory.units.get(key)
    return known or Unit(key, key, key, "", (), UnitKind.BUREAU, "", "", {})


def _county_unit(office: Office) -> Unit:
    """The county leader's post stands with one unit; without it, the office sees what was meant for it."""
    units = office.matrix.directory.units.values()
    holder = next((unit for unit in units if unit.posts.get("county")), office.office_unit)
    return holder or next(iter(units))


def _line(office: Office, row: queries.Row, at: datetime) -> Line:
    how = standing(
        state=row["state"],
        due_on=row["due_on"],
        due_at=row["due_at"],
        now=at,
        calendar=office.calendar,
        lamps=office.lamps,
    )
    return Line(
        obligation=row["obligation"],
        task=row["task"],
        title=row["title"],
        label=row["label"],
        phrase=row["phrase"],
        due_on=row["due_on"],
        due_text=_due_text(row),
        status_text=how.words,
        lamp=how.lamp.name,
        url=f"{office.settings.public_url}/u/{links.PLACEHOLDER}",
        kind=row["kind"],
        reason=row["reason"],
        urgent=bool(row["urgent"]),
        unit_name=unit_of(office, row["unit"]).short,
    )


def _due_text(row: queries.Row) -> str:
    if row["due_on"] is None:
        return "未起算"
    ends = clock.local(row["due_at"])
    hour = "" if ends.hour == 23 else f"{ends:%H:%M}前"
    year = f"{row['due_on'].year}年"
    return f"{year}{chinese_day_week(row['due_on'])}{hour}"


def message_id(bundle: Bundle, urgent_number: int = 0) -> str:
    """One message a person and day: the key says so. Urgent ones are numbered apart."""
    day = f"day:{bundle.day.isoformat()}:{bundle.unit}/{bundle.post}"
    return f"{day}:urgent{urgent_number}" if urgent_number else day


def _expiry(office: Office, bundle: Bundle) -> datetime | None:
    """A reminder is stale after five working days; what was urged or returned is said, however late."""
    if any(line.kind in SAID_HOWEVER_LATE for line in bundle.lines):
        return None
    return clock.end_of(office.calendar.add(bundle.day, EXPIRES_AFTER_WORKING_DAYS))


def _say_again(writing: Writing) -> int:
    """What was in a message that reached nobody is to be said again: nothing is lost in silence."""
    total = 0
    while unsaid := scans.unsaid_notices(writing.conn):
        writing.record(*(_again(row) for row in unsaid))
        total += len(unsaid)
    return total


def _again(row: Mapping[str, Any]) -> Draft:
    how = "过期未发" if row["message_state"] == "expired" else "送不到"
    changed = {"id": row["id"], "outcome": "pending", "message": None}
    return Draft(
        "notice.settled",
        row["id"],
        changed,
        why=f"所在消息{how}，改日再发",
        obligation=row["obligation"],
    )


def _channels(office: Office) -> Channels:
    issues = Issues()
    channels = load_channels(office.home, issues)
    issues.stop_on_errors()
    return channels


def _settle(writing: Writing, rows: Iterable[tuple[queries.Row, tuple[str, str], str]]) -> None:
    drafts = []
    for row, (outcome, reason), message in rows:
        changed = {"id": row["id"], "outcome": outcome, "reason": reason or row["reason"]}
        changed["message"] = message or None
        drafts.append(
            Draft("notice.settled", row["id"], changed, why=reason, obligation=row["obligation"])
        )
    writing.record(*drafts)


def _hold(writing: Writing, rows: Iterable[queries.Row], cause: str, why: str) -> None:
    """Note once why notices wait for another day; said later, it stays to be asked about."""
    writing.record(
        *(
            Draft(
                "notice.held",
                row["id"],
                {"id": row["id"], "held": cause},
                why=why,
                obligation=row["obligation"],
            )
            for row in rows
            if not row["held"]
        )
    )
