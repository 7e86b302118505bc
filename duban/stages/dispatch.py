"""Says pending notices: one message per person and working day, urgent ones apart and capped.

Each notice is looked at again before it is said: what was submitted meanwhile is not mentioned. A
person who has had today's message waits for the next working day's; nobody is passed over in silence,
every notice ends in an outcome with a reason.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from duban import clock
from duban.errors import Issues
from duban.ledger import links, outbox, queries
from duban.ledger.events import Draft
from duban.ledger.outbox import Letter
from duban.ledger.store import Writing
from duban.matrix.model import Unit, UnitKind
from duban.office import Office
from duban.stages.hours import may_send
from duban.status import STATE_NAMES, chinese_day_week, standing
from notifier.config import Channels, load_channels
from notifier.envelope import letters_of
from notifier.group import group
from notifier.message import Bundle, Line, Recipient
from notifier.route import choose

EXPIRES_AFTER_WORKING_DAYS = 5
DEAD_FOR_DAYS = 30
"""An address that refused mail is passed over for so long, then tried again."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What was said: counts, and a sentence for each notice that took a detour."""

    counts: dict[str, int] = field(default_factory=dict)
    lines: tuple[str, ...] = ()


def dispatch(office: Office, writing: Writing) -> Sent:
    """Group what is pending into messages and queue them, in the caller's transaction."""
    again = _say_again(writing)
    rows = queries.pending_notices(writing.conn)
    papers = {f"step:{step.id}" for step in office.escalation.steps if step.confirm}
    stale = [row for row in rows if not _still_owed(row, papers)]
    _settle(writing, [(row, _moot(row), "") for row in stale])
    live = [row for row in rows if _still_owed(row, papers)]
    if not live or not may_send(office, writing.at):
        return Sent(
            {"待下一工作时段": len(live), "已无须提醒": len(stale), "未送达、改日再发": again}
        )
    since = writing.at - timedelta(days=DEAD_FOR_DAYS)
    dead = outbox.dead_addresses(writing.conn, since)
    addressed = [
        (row, _recipient(office, row, writing.at, dead), _line(office, row, writing.at))
        for row in live
    ]
    letters, held = _choose(office, writing, _bundles(office, writing, addressed))
    queued = outbox.queue(writing, [letter for parts in letters.values() for letter in parts])
    _settle(
        writing,
        [
            (row, ("grouped", ""), letters[at][0].id)
            for row, at in _places(addressed)
            if at in letters
        ],
    )
    detours = tuple(
        dict.fromkeys(f"{to.unit_name}：{to.note}" for _, to, _ in addressed if to.note)
    )
    return Sent(
        {
            "发出消息": queued,
            "今日已发、并入下一工作日": held,
            "已无须提醒": len(stale),
            "未送达、改日再发": again,
        },
        detours,
    )


Addressed = tuple[queries.Row, Recipient, Line]
Place = tuple[str, str, bool]  # unit, post, urgent: what one message is for


def _places(addressed: Iterable[Addressed]) -> Iterable[tuple[queries.Row, Place]]:
    return ((row, (to.unit, to.post, line.urgent)) for row, to, line in addressed)


def _still_owed(row: queries.Row, papers: Collection[str]) -> bool:
    """Confirmed papers are said even when the report came in meanwhile; reminders are not."""
    if row["rung"] in papers:
        return row["state"] not in {"cancelled", "merged"}
    return bool(row["is_open"])


def _moot(row: queries.Row) -> tuple[str, str]:
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


def _bundles(
    office: Office, writing: Writing, addressed: Iterable[Addressed]
) -> tuple[Bundle, ...]:
    return group(
        [(to, line) for _, to, line in addressed],
        day=clock.day_of(writing.at),
        office=office.settings.office_name,
        contact=office.settings.contact,
        link=lambda to: f"{office.settings.public_url}/u/{links.PLACEHOLDER}",
        example=queries.is_example(writing.conn),
    )


def _recipient(office: Office, row: queries.Row, at: datetime, dead: Collection[str]) -> Recipient:
    post = row["recipient"]
    unit = _county_unit(office) if post == "county" else unit_of(office, row["unit"])
    route = choose(unit, post, clock.day_of(at), office=office.office_unit, dead=dead)
    home = unit_of(office, route.unit)
    return Recipient(home.id, home.short, route.post, route.person, route.address, route.note)


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


def _choose(
    office: Office, writing: Writing, bundles: tuple[Bundle, ...]
) -> tuple[dict[Place, list[Letter]], int]:
    """Letters for the people who have not had today's message; how many lines wait for tomorrow."""
    cap = office.reminders.urgent_per_day
    ids = {message_id(bundle, number) for bundle in bundles for number in range(cap + 1)}
    known = queries.message_ids(writing.conn, sorted(ids))
    letters: dict[Place, list[Letter]] = {}
    held = 0
    channels = _channels(office)
    for bundle in bundles:
        numbers = range(1, cap + 1) if bundle.urgent else (0,)
        free = next((number for number in numbers if message_id(bundle, number) not in known), None)
        if free is None:
            held += len(bundle.lines)
            continue
        letters[bundle.unit, bundle.post, bundle.urgent] = letters_of(
            bundle,
            channels,
            writing.at,
            key=message_id(bundle, free),
            expires_at=_expiry(office, bundle),
        )
    return letters, held


def _expiry(office: Office, bundle: Bundle) -> datetime | None:
    """A reminder is stale after five working days; what was urged or returned is said, however late."""
    if any(line.kind in {"urge", "supervise", "returned"} for line in bundle.lines):
        return None
    return clock.end_of(office.calendar.add(bundle.day, EXPIRES_AFTER_WORKING_DAYS))


def _say_again(writing: Writing) -> int:
    """What was in a message that reached nobody is to be said again: nothing is lost in silence."""
    unsaid = queries.unsaid_notices(writing.conn)
    writing.record(
        *(
            Draft(
                "notice.settled",
                row["id"],
                {"id": row["id"], "outcome": "pending", "message": None},
                why=f"所在消息{'过期未发' if row['message_state'] == 'expired' else '送不到'}，改日再发",
                obligation=row["obligation"],
            )
            for row in unsaid
        )
    )
    return len(unsaid)


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
