"""Deliver: hand over what is queued. Tries are counted by the outbox and nowhere else."""

from __future__ import annotations

import socket
from datetime import datetime

from duban.errors import Issues
from duban.ledger import links
from duban.ledger.outbox import Letter
from duban.office import Office
from duban.stages import StageReport, ticks
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
        at,
        socket.gethostname(),
        prepare=lambda letter: personal(letter, key),
    )
    counts = {
        "已送出": report.sent,
        "稍后再试": report.retried,
        "送不到": report.failed,
        "是否送到不明": report.unknown,
        "过期未发": report.expired,
    }
    with office.ledger.write("duban:deliver", at) as writing:
        if any(counts.values()):
            ticks.tick(writing, "deliver", at, counts)
    return StageReport("deliver", at, counts, report.problems)


def personal(letter: Letter, key: bytes) -> Letter:
    """The letter with the reader's own link in place of the placeholder; tokens are never stored."""
    from dataclasses import replace

    token = links.token_for(key, links.link_name(letter.unit, letter.post, letter.not_before))
    return replace(
        letter,
        text=letter.text.replace(links.PLACEHOLDER, token),
        html=letter.html.replace(links.PLACEHOLDER, token),
    )
