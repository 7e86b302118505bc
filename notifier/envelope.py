"""Puts a rendered bundle into an envelope: the letters that go into the outbox."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from duban.ledger.outbox import Letter
from notifier.channel import Channel, Reach
from notifier.config import COPY, Channels
from notifier.message import Bundle, Line, Rendered
from notifier.neutral import md, md_lines
from notifier.overrides import Templates
from notifier.proof import templates_in
from notifier.render import render
from notifier.routes import Way
from notifier.split import parts


def key_of(bundle: Bundle) -> str:
    """The idempotency key of a bundle: at most one message to a post a day, and one urgent one."""
    kind = "urgent" if bundle.urgent else "day"
    return f"{kind}:{bundle.day.isoformat()}:{bundle.unit}/{bundle.post}"


def copy_key(key: str, channel: str) -> str:
    """The id of the copy of a message in a group: of its own, so that nobody's message of the day is taken."""
    return f"{key}+{channel}"


def letters_of(
    bundle: Bundle,
    channels: Channels,
    not_before: datetime,
    *,
    key: str = "",
    expires_at: datetime | None = None,
    attachments: Sequence[str] = (),
    templates: Templates | None = None,
) -> list[Letter]:
    """The bundle as letters in the form its channel wants; several when the channel limits bytes.

    The reader's own letters stand first; those for a group that its route adds stand last.
    ``attachments``: paths below ``var/``. ``key`` replaces the usual idempotency key; ``templates`` those
    of the office's ``config/templates/``.
    """
    kind = "urgent" if bundle.urgent else "day"
    way = channels.way(unit=bundle.unit, post=bundle.post, address=bundle.address, kind=kind)
    letter = Letter(
        id=key or key_of(bundle),
        kind=kind,
        unit=bundle.unit,
        post=bundle.post,
        person=bundle.person,
        address=bundle.address,
        channel=way.channel,
        subject="",
        text="",
        html="",
        attachments=tuple(attachments),
        urgent=bundle.urgent,
        not_before=not_before,
        expires_at=expires_at,
        route=way.told,
    )
    written = templates or templates_in(channels.root / "config")
    mine = _written(letter, bundle, channels.by_id[way.channel], written)
    return [*mine, *_copies(letter, bundle, channels, way, written)]


def _copies(
    letter: Letter, bundle: Bundle, channels: Channels, way: Way, templates: Templates
) -> list[Letter]:
    """What a route also posts to a group: the same lines without anybody's link, attachments or name."""
    channel = channels.by_id.get(way.copy)
    if channel is None:
        return []
    told = replace(
        letter,
        id=copy_key(letter.id, channel.id),
        kind=COPY,
        person=channel.name,
        address=channel.id,
        channel=channel.id,
        attachments=(),
        route=f"抄送：{way.told}",
    )
    return _written(told, bundle, channel, templates)


def _written(
    letter: Letter, bundle: Bundle, channel: Channel, templates: Templates
) -> list[Letter]:
    """A letter with its text in the form of its channel, in pieces when that is limited."""
    open_to_all = channel.reach is Reach.GROUP or letter.kind == COPY
    bundle = _without_links(bundle) if open_to_all else bundle
    made = render(bundle, templates, forms=(channel.form,), copy=open_to_all)
    subject = made.subject if channel.form == "mail" else md(made.subject)
    whole = replace(
        letter,
        subject=subject,
        text=_text(made, channel.form),
        html=made.html,
        route="；".join([letter.route, *made.problems]),
    )
    return parts(whole, channel.limit_bytes)


def _text(made: Rendered, form: str) -> str:
    return {"md": made.md, "text": made.chat}.get(form, made.text)


def fitted(letter: Letter, channel: Channel) -> list[Letter]:
    """A letter that was written as a mail (a digest), in the form and size of its channel."""
    if channel.form != "mail":
        text = md_lines(letter.text)
        letter = replace(letter, subject=md(letter.subject), text=text, html="", attachments=())
    return parts(letter, channel.limit_bytes)


def _without_links(bundle: Bundle) -> Bundle:
    """A link reports in one person's name: it must not be seen by others."""
    return replace(bundle, link="", lines=tuple(_bare(bundle.lines)))


def _bare(lines: Iterable[Line]) -> Iterable[Line]:
    return (replace(line, url="") for line in lines)
