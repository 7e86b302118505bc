"""Deliver: hand over what is queued. Tries are counted by the outbox and nowhere else."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import datetime

from duban.errors import Issues
from duban.ledger import links, outbox
from duban.ledger.outbox import Letter
from duban.office import Office
from duban.stages import StageReport, ticks
from duban.stages.hours import next_sending
from notifier.config import load_channels
from notifier.deliver import deliver_due


def run(office: Office, at: datetime) -> StageReport:
    """Send what is due at ``at``. What cannot be sent stays queued; the report says why."""
    issues = Issues()
    channels = load_channels(office.home, issues)
    issues.stop_on_errors()
    key = links.home_key(office.home)
    report = deliver_due(
        office.ledger,
        office.home,
        channels,
        _present(office, at),
        socket.gethostname(),
        prepare=lambda letter: personal(office, letter, key),
        hours=lambda urgent, moment: leaves_at(office, moment, urgent=urgent),
    )
    counts = {
        "已送出": report.sent,
        "稍后再试": report.retried,
        "送不到": report.failed,
        "是否送到不明": report.unknown,
        "过期未发": report.expired,
        "改走备用渠道": report.taken_over,
    }
    with office.ledger.write("duban:deliver", at) as writing:
        if any(counts.values()):
            ticks.tick(writing, "deliver", at, counts)
        left = outbox.stats(writing.conn)
    lines = list(report.problems)
    queued = left.states.get("queued", 0)
    if queued:
        lines.append(f"仍有{queued}条消息在队列里（未到发送时间、等待重试，或正由另一进程发送）。")
    return StageReport("deliver", at, counts, tuple(lines), outside=bool(report.problems))


def _present(office: Office, at: datetime) -> datetime:
    """Letters leave now, whichever moment was asked for: a lease in the past would protect nobody.

    Only an example may be played ahead of the clock.
    """
    now = office.ledger.now()
    return max(at, now) if office.home.example else now


def leaves_at(office: Office, moment: datetime, *, urgent: bool) -> datetime:
    """When a letter that is due may leave: in the working hours of working days, also an urgent one.

    A backlog, a late retry, a clock that jumped or a night's catch-up all come by here. The office may
    allow urgent ones at any time (``urgent_any_time``).
    """
    if urgent and office.settings.urgent_any_time:
        return moment
    return next_sending(office, moment)


def personal(office: Office, letter: Letter, key: bytes) -> Letter:
    """The letter with the reader's own link in place of the placeholder; tokens are never stored.

    The link is made sure of at this moment: one that was revoked meanwhile must not go out.
    """
    if links.PLACEHOLDER not in letter.text + letter.html:
        return letter
    unit, post, person = letter.unit, letter.post, letter.person
    with office.ledger.read() as conn:
        token = links.working(conn, key, office.ledger.now(), unit=unit, post=post, person=person)
    if not token:
        with office.ledger.write("duban:deliver") as writing:
            days = office.settings.link_days
            token = links.issue(writing, key, unit, post, person, days=days)
    return replace(
        letter,
        text=letter.text.replace(links.PLACEHOLDER, token),
        html=letter.html.replace(links.PLACEHOLDER, token),
    )
