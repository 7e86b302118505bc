"""Answers a mail through the outbox: once, never a robot, and nobody more than a few times a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from duban import clock
from duban.errors import Issues
from duban.intake.mailparse import Mail
from duban.ledger import mails, outbox
from duban.ledger.outbox import Letter
from duban.ledger.store import Writing
from duban.office import Office
from duban.stages.mailjudge import Brought, Plan
from notifier.config import Channels, load_channels
from notifier.neutral import defanged, plain

ANSWERS_A_DAY = 20
"""To one address: two programs that answer each other end here, a person never comes so far."""
STRANGER_ANSWERS_A_DAY = 1


@dataclass(frozen=True, slots=True)
class Case:
    """A mail, what was decided, what it brought, and when it came to the box by the box's own word."""

    mail: Mail
    planned: Plan
    brought: Brought
    arrived_at: datetime | None


def answer(office: Office, writing: Writing, case: Case) -> str:
    """Queue the answer in the caller's transaction; its id, or nothing when nobody is to be answered."""
    mail, planned = case.mail, case.planned
    if not _may_answer(office, writing, mail, planned):
        return ""
    channels = _channels(office)
    letter = Letter(
        id=f"answer:{mail.number[:48]}",
        kind="answer",
        unit=planned.unit,
        post=planned.post,
        person=planned.person,
        address=mail.sender,
        channel=_by_mail(channels, mail.sender),
        subject=_subject(mail, planned),
        text=_text(office, writing.at, case),
        html="",
        attachments=(),
        urgent=False,
        not_before=writing.at,
        route="回复来信",
    )
    outbox.queue(writing, [letter])
    return letter.id


def _may_answer(office: Office, writing: Writing, mail: Mail, planned: Plan) -> bool:
    """RFC 3834: no robot, no bounce, no list; a sender that failed the test may be somebody else."""
    if mail.automatic or not mail.sender:
        return False
    if mail.auth_failed and office.settings.mailbox.refuse_auth_fail:
        return False
    if planned.stranger and not office.settings.mailbox.answer_strangers:
        return False
    most = STRANGER_ANSWERS_A_DAY if planned.stranger else ANSWERS_A_DAY
    today = clock.at(clock.day_of(writing.at))
    return mails.answers_since(writing.conn, mail.sender, today) < most


def _by_mail(channels: Channels, address: str) -> str:
    """A mail is answered by mail, whatever channel its sender's notices take."""
    usual = channels.by_id.get(channels.for_address(address))
    if usual is not None and usual.form == "mail":
        return usual.id
    return next((each.id for each in channels.by_id.values() if each.form == "mail"), channels.lost)


def _channels(office: Office) -> Channels:
    issues = Issues()
    channels = load_channels(office.home, issues)
    issues.stop_on_errors()
    return channels


def _subject(mail: Mail, planned: Plan) -> str:
    """What a stranger wrote is not sent on: the address may be somebody else's."""
    if planned.stranger or not mail.subject:
        return "回复：您发来的邮件"
    return f"回复：{plain(mail.subject)[:120]}"


def _text(office: Office, at: datetime, case: Case) -> str:
    planned, brought, arrived_at = case.planned, case.brought, case.arrived_at
    head = {
        "taken": "您的邮件已收到，内容已登记。",
        "partly": "您的邮件已收到，其中一部分没有登记。",
    }
    lines = [f"{planned.person or '您好'}：", "", head.get(brought.state, "您的邮件没有登记。"), ""]
    lines += [defanged(each) for each in brought.lines]
    lines += ["", f"系统收取时间：{clock.local(at):%Y-%m-%d %H:%M}（是否迟报以此为准）"]
    if arrived_at is not None and not planned.stranger:
        lines.append(f"到达邮箱时间：{clock.local(arrived_at):%Y-%m-%d %H:%M}")
    contact = f"，联系：{office.settings.contact}" if office.settings.contact else ""
    lines += ["", f"{office.settings.office_name}{contact}", "本邮件由系统自动发出。"]
    return "\n".join(lines) + "\n"
