"""Groups lines into one message per person: overdue first, then today, then this week, then later."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta

from notifier.message import KINDS, Bundle, Line, Recipient, Section

HEADINGS = ("已逾期", "今天到期", "本周到期", "以后到期")


def rank(line: Line, day: date) -> int:
    """Which heading a line belongs under on a day; weeks end on Sunday, no date comes last."""
    if line.due_on is None:
        return 3
    if line.due_on < day:
        return 0
    if line.due_on == day:
        return 1
    return 2 if line.due_on <= day + timedelta(days=6 - day.weekday()) else 3


def ordered(lines: Iterable[Line], day: date) -> tuple[Line, ...]:
    """Lines in reading order, each obligation once: its weightiest kind."""
    best: dict[str, Line] = {}
    for line in lines:
        known = best.get(line.obligation)
        if known is None or KINDS.index(line.kind) < KINDS.index(known.kind):
            best[line.obligation] = line

    def place(line: Line) -> tuple[int, date, str]:
        return rank(line, day), line.due_on or date.max, line.obligation

    return tuple(sorted(best.values(), key=place))


def sections(lines: Sequence[Line], day: date) -> tuple[Section, ...]:
    """The same lines under their headings; empty headings are left out."""
    found = [
        Section(title, tuple(line for line in lines if rank(line, day) == place))
        for place, title in enumerate(HEADINGS)
    ]
    return tuple(section for section in found if section.lines)


def group(
    addressed: Iterable[tuple[Recipient, Line]],
    *,
    day: date,
    office: str,
    contact: str,
    link: Callable[[Recipient], str],
    example: bool,
) -> tuple[Bundle, ...]:
    """One bundle per unit and post, and a second one for its urgent lines, which go separately.

    Two routes that end at the same post make one message: nobody gets two on a day.
    """
    reader: dict[tuple[str, str], Recipient] = {}
    heap: dict[tuple[str, str, bool], list[Line]] = defaultdict(list)
    for recipient, line in addressed:
        at = (recipient.unit, recipient.post)
        known = reader.setdefault(at, recipient)
        if recipient.note and not known.note:
            reader[at] = recipient
        heap[(*at, line.urgent)].append(line)
    bundles = []
    for (unit, post, urgent), lines in sorted(heap.items(), key=lambda item: item[0]):
        to = reader[unit, post]
        bundles.append(
            Bundle(
                person=to.person,
                unit_name=to.unit_name,
                unit=to.unit,
                post=to.post,
                day=day,
                lines=ordered(lines, day),
                office=office,
                contact=contact,
                link=link(to),
                example=example,
                urgent=urgent,
                address=to.address,
                note=to.note,
            )
        )
    return tuple(bundles)
