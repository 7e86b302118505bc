"""Puts a rendered bundle into an envelope: the letters that go into the outbox."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from duban.ledger.outbox import Letter
from notifier.config import Channels
from notifier.message import Bundle
from notifier.render import render
from notifier.split import parts


def key_of(bundle: Bundle) -> str:
    """The idempotency key of a bundle: at most one message to a post a day, and one urgent one."""
    kind = "urgent" if bundle.urgent else "day"
    return f"{kind}:{bundle.day.isoformat()}:{bundle.unit}/{bundle.post}"


def letters_of(
    bundle: Bundle,
    channels: Channels,
    not_before: datetime,
    *,
    key: str = "",
    expires_at: datetime | None = None,
    attachments: Sequence[str] = (),
) -> list[Letter]:
    """The bundle as letters in the form its channel wants; several when the channel limits bytes.

    ``attachments``: paths below ``var/``. ``key`` replaces the usual idempotency key.
    """
    rendered = render(bundle)
    channel = channels.by_id[channels.for_address(bundle.address)]
    letter = Letter(
        id=key or key_of(bundle),
        kind="urgent" if bundle.urgent else "day",
        unit=bundle.unit,
        post=bundle.post,
        person=bundle.person,
        address=bundle.address,
        channel=channel.id,
        subject=rendered.subject,
        text=rendered.md if channel.form == "md" else rendered.text,
        html=rendered.html if channel.form == "mail" else "",
        attachments=tuple(attachments),
        urgent=bundle.urgent,
        not_before=not_before,
        expires_at=expires_at,
    )
    return parts(letter, channel.limit_bytes)
