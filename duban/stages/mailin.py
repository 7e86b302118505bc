"""The mailbox door: each mail is taken in once, and answered once with what was taken and what was not.

What a mail brings, the note that it was dealt with, and its answer are one transaction: whenever a process
dies, a mail was dealt with completely or not at all. The box itself is never changed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from duban import clock
from duban.errors import InputError, OutsideError, UsageError
from duban.intake import formtake
from duban.intake.mailbox import Box, Lying, box_number, open_box
from duban.intake.mailparse import Mail, read_mail
from duban.ledger import mails
from duban.ledger.mails import Seen
from duban.office import Office
from duban.stages.mailanswer import Case, answer
from duban.stages.mailjudge import Brought, Plan, apply, plan, stored

_OVERLAP = timedelta(
    days=2
)  # a server's day is not ours, and mails may be late in coming to the box
_MB = 1024 * 1024


@dataclass(slots=True)
class Mailed:
    """What the mailbox brought: reports, sentences for the office, whether something outside failed."""

    taken: int = 0
    lines: list[str] = field(default_factory=list)
    outside: bool = False


def take_in_mail(office: Office, at: datetime) -> Mailed:
    """Deal with every mail that was not dealt with yet, oldest first, at most ``max_mails``."""
    found, settings = Mailed(), office.settings.mailbox
    if not settings.url:
        return found
    try:
        with open_box(settings, office.home) as box:
            _take_in(office, box, at, found)
    except (OutsideError, UsageError) as problem:
        found.outside = True
        found.lines.append(f"收件邮箱：{problem}")
    return found


def _take_in(office: Office, box: Box, at: datetime, found: Mailed) -> None:
    settings = office.settings.mailbox
    number = box_number(settings)
    with office.ledger.read() as conn:
        lying = box.lying(_since(mails.read_until(conn, number), at, settings.first_days))
        known = mails.known_places(conn, [each.place for each in lying])
    new = [each for each in lying if each.place not in known]
    for each in new[: settings.max_mails]:
        _one(office, box, each, at, found)
    left = len(new) - settings.max_mails
    if left > 0:
        found.lines.append(f"收件邮箱：还有{left}封，下次接着收。")
        return
    with office.ledger.write("duban:collect", at) as writing:
        mails.mark_read(writing, number, clock.day_of(at).isoformat())


def _since(read_until: str, at: datetime, first_days: int) -> date:
    """From which day on mails count: old ones in a box that was just named are not answered years later."""
    if not read_until:
        return clock.day_of(at) - timedelta(days=first_days)
    return date.fromisoformat(read_until) - _OVERLAP


def _one(office: Office, box: Box, lying: Lying, at: datetime, found: Mailed) -> None:
    settings = office.settings
    fetched = box.fetch(lying, settings.mailbox.max_mb * _MB)
    if fetched is None:
        return
    mail = read_mail(fetched.raw, ours=settings.mail_from, whole=fetched.whole)
    with office.ledger.read() as conn:
        again = mails.is_known(conn, mail.number)
        planned = plan(office, conn, mail, clock.day_of(at))
    # Files are stored under their hash before anything is recorded: at worst one lies there unused.
    planned = planned if again else stored(office, planned)
    known = _Known(lying.place, fetched.arrived_at)
    try:
        brought = _record(office, mail, planned, known, at)
    except InputError as wrong:  # refused in the end, and all of it undone: say so instead
        lines = tuple(formtake.issue_words(wrong.issues))
        brought = _record(office, mail, planned.without(lines), known, at)
    if brought is not None:
        found.taken += brought.new
        found.lines.append(
            f"邮件“{mail.subject or '（无主题）'}”（{mail.sender or '发件人不明'}）：{brought.told}"
        )


@dataclass(frozen=True, slots=True)
class _Known:
    """What the box knows of a mail."""

    place: str
    arrived_at: datetime | None


def _record(
    office: Office, mail: Mail, planned: Plan, known: _Known, at: datetime
) -> Brought | None:
    """Everything that a mail brings, together or not at all. None: it was dealt with at another place."""
    with office.ledger.write(f"mail:{mail.sender}"[:120] or "mail", at) as writing:
        if mails.is_known(writing.conn, mail.number):
            mails.record(
                writing, _seen(mail, planned, known, Brought("again", "同一封邮件，此前已处理"))
            )
            return None
        brought = apply(office, writing, mail, planned)
        told = answer(office, writing, Case(mail, planned, brought, known.arrived_at))
        mails.record(writing, _seen(mail, planned, known, brought, answer_id=told))
    return brought


def _seen(
    mail: Mail, planned: Plan, known: _Known, brought: Brought, *, answer_id: str = ""
) -> Seen:
    return Seen(
        id=known.place,
        number=mail.number,
        message_id=mail.message_id,
        sender=mail.sender,
        unit=planned.unit,
        subject=mail.subject,
        arrived_at=known.arrived_at,
        state=brought.state,
        detail="\n".join(brought.lines) or brought.told,
        answer=answer_id,
    )
