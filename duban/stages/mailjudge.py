"""Decides what a mail brings: whose it is, which item it belongs to, what each of its files is."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from duban.errors import InputError
from duban.intake import evidence, formtake, zipguard
from duban.intake.formtake import issue_words, receipt_words
from duban.intake.mailparse import Attached, Mail
from duban.intake.shortform import read_short
from duban.intake.submission import read_report
from duban.intake.workbook import Opened, open_form, take_form
from duban.ledger import mails, queries, transitions
from duban.ledger.figures import Connection
from duban.ledger.store import Writing
from duban.ledger.transitions import Receipt, Stored
from duban.matrix.model import POSTS
from duban.office import Office
from notifier.mime import message_id

_KEY = re.compile(r"[A-Za-z0-9][\w.-]{0,79}/[\w.-]{1,80}/[a-z]+:[\w.:-]{1,60}")
_DOOR = "mail"


@dataclass(frozen=True, slots=True)
class Brought:
    """What a mail brought. ``state``: taken, partly, refused, ignored, again. ``lines``: for its sender."""

    state: str
    told: str
    lines: tuple[str, ...] = ()
    new: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done with a mail, decided before anything is written.

    ``stranger``: nobody whom the office knows. ``refusal``: why nothing is taken. ``items``: what it
    belongs to. ``lines``: what is already known not to be taken.
    """

    units: tuple[str, ...] = ()
    unit: str = ""
    post: str = ""
    person: str = ""
    stranger: bool = False
    refusal: str = ""
    items: tuple[str, ...] = ()
    forms: tuple[tuple[str, Opened], ...] = ()
    files: tuple[Attached, ...] = ()
    kept: tuple[Stored, ...] = ()
    lines: tuple[str, ...] = ()
    short: dict[str, str] | None = field(default=None)

    def without(self, lines: Sequence[str]) -> Plan:
        """The same mail, with nothing taken and why."""
        return replace(self, forms=(), files=(), kept=(), short=None, lines=(*self.lines, *lines))


def plan(office: Office, conn: Connection, mail: Mail, today: date) -> Plan:
    """What is to be done with a mail. Reads, and writes nothing."""
    known = _holders(office, mail.sender, today)
    found = replace(known, refusal=_refusal(office, mail, known))
    if found.refusal or mail.automatic:
        return found
    found = replace(found, items=_items(office, conn, mail, found.units))
    found = _with_files(found, mail.files)
    return replace(found, short=read_short(mail.text))


def _holders(office: Office, sender: str, today: date) -> Plan:
    """The units in whose posts the sender stands today, by the exact address."""
    found = []
    for unit in office.matrix.directory.units.values():
        for post in POSTS:
            holder = unit.holder(post, today)
            ways = holder.address.lower().split() if holder is not None else []
            if holder is not None and sender and sender in ways:
                found.append((unit.id, post, holder.name))
    if not found:
        return Plan(stranger=True)
    first, post, person = found[0]
    return Plan(tuple(dict.fromkeys(each[0] for each in found)), first, post, person)


def _refusal(office: Office, mail: Mail, known: Plan) -> str:
    """Why nothing of the mail is taken; empty when it may be."""
    if mail.sender_fault:
        return f"{mail.sender_fault}，无法确认是谁发的。请只用一个地址发信。"
    if mail.auth_failed and office.settings.mailbox.refuse_auth_fail:
        return "邮件服务器没有验明发件人，为防冒名没有接收。请用单位邮箱直接发送，不要代发或转发。"
    if known.stranger:
        return (
            "您的邮箱不在本系统的联络员名单里，没有接收。"
            f"请用登记过的邮箱发送；换了人或邮箱，请联系{office.settings.contact or '办公室'}登记。"
        )
    if mail.fault:
        limit = office.settings.mailbox.max_mb
        return f"{mail.fault}，没有打开。请把内容精简后重发：一封邮件不超过{limit} MB，报送表作附件直接添加。"
    return ""


def _items(office: Office, conn: Connection, mail: Mail, units: tuple[str, ...]) -> tuple[str, ...]:
    """The items that a mail names in its subject; else those of our letter that it answers."""
    named = [queries.one_obligation(conn, key) for key in _KEY.findall(mail.subject)]
    mine = [row["key"] for row in named if row is not None and row["unit"] in units]
    if mine:
        return tuple(dict.fromkeys(mine))
    wanted = set(mail.answers)
    if not wanted:
        return ()
    domain = office.settings.mail_domain
    letters = [each for each in mails.letters_to(conn, units) if message_id(each, domain) in wanted]
    return tuple(mails.items_of(conn, letters, units)) if letters else ()


# ---- files -------------------------------------------------------------------------------------

_SPECIAL = {
    "winmail": "是 Outlook 的专用格式，里面的附件读不出来。办法：把邮件格式改为“HTML”或“纯文本”，重新添加附件再发。",
    "mail": "是转发的邮件，没有打开。办法：把里面的附件另存后直接添加到邮件里。",
    "inline": "是正文里的图片，没有收。办法：要作佐证的图片，请作附件添加。",
}


def _with_files(found: Plan, files: Sequence[Attached]) -> Plan:
    """Sort the files: our workbooks, possible evidence, and what is told."""
    forms: list[tuple[str, Opened]] = []
    others: list[Attached] = []
    lines = list(found.lines)
    for file in files:
        if file.kind in _SPECIAL:
            lines.append(f"没有收　附件“{file.name}”{_SPECIAL[file.kind]}")
        elif file.name.lower().endswith(".xlsx"):
            _sort_workbook(file, forms, others, lines)
        else:
            others.append(file)
    return replace(found, forms=tuple(forms), files=tuple(others), lines=tuple(lines))


def _sort_workbook(
    file: Attached,
    forms: list[tuple[str, Opened]],
    others: list[Attached],
    lines: list[str],
) -> None:
    try:
        opened = open_form(file.content)
    except zipguard.RefusedError as refused:
        if refused.code in {"too-big", "too-wide"}:  # no form of ours, and yet it may be evidence
            others.append(file)
        else:
            lines.append(f"没有收　附件“{file.name}”：{refused.message}办法：{refused.way_out}")
        return
    if opened.is_form:
        forms.append((file.name, opened))
    else:
        others.append(file)


def stored(office: Office, found: Plan) -> Plan:
    """Put possible evidence into the store when it belongs to one item; else say why not."""
    lines, kept, scan = list(found.lines), [], office.settings.evidence_scan
    for number, file in enumerate(found.files):
        if len(found.items) != 1:
            lines.append(f"没有收　附件“{file.name}”：{_nowhere(found)}")
        elif number >= evidence.MAX_FILES:
            lines.append(f"没有收　附件“{file.name}”：一封邮件最多收{evidence.MAX_FILES}个附件。")
        else:
            try:
                given = io.BytesIO(file.content)
                kept.append(evidence.store(office.home, file.name, given, scan=scan))
            except InputError as wrong:
                lines += issue_words(wrong.issues)
    return replace(found, kept=tuple(kept), lines=tuple(lines))


def _nowhere(found: Plan) -> str:
    what = "这封邮件涉及多个事项" if found.items else "看不出是哪一事项的佐证"
    return f"{what}，也不是本系统的报送表。办法：在主题里写上一个事项编号再发，或从个人链接上传。"


# ---- writing -----------------------------------------------------------------------------------


def apply(office: Office, writing: Writing, mail: Mail, found: Plan) -> Brought:
    """Record what the mail brings. Raises InputError when something is refused in the end."""
    if mail.automatic:
        return Brought("ignored", f"{mail.automatic}，不处理、不回信")
    if found.refusal:
        return Brought("refused", f"未收。{found.refusal}", (found.refusal,))
    actor = f"mail:{mail.sender}"[:120]
    lines: list[str] = []
    receipts: list[tuple[str, Receipt]] = []
    wrong = 0
    for name, opened in found.forms:
        taken = take_form(writing, office, opened, units=found.units, door=_DOOR, actor=actor)
        receipts += taken.receipts
        wrong += len(taken.result.issues.errors)
        lines += [f"《{name}》", *(f"  {each}" for each in formtake.words(writing.conn, taken))]
    told, more = _short(office, writing, mail, found, actor)
    receipts += told
    lines += more
    attached, left = _attach(writing, found, actor)
    lines += [*attached, *left, *found.lines]
    wrong += len(left) + len(found.lines) + (len(more) if more and not told else 0)
    return _summed(found, receipts, lines, wrong=wrong, files=len(attached))


def _summed(
    found: Plan,
    receipts: Sequence[tuple[str, Receipt]],
    lines: list[str],
    *,
    wrong: int,
    files: int,
) -> Brought:
    new = sum(not receipt.repeated for _, receipt in receipts)
    if not lines:
        lines = [
            "邮件里没有报送表，正文也不是简式报送，没有可收的内容。"
            "办法：把填好的报送表作附件发来；或在个人链接里填报。"
        ]
        wrong = 1
    got = bool(receipts or files or found.forms) and (not wrong or bool(receipts or files))
    state = "taken" if got and not wrong else "partly" if got else "refused"
    said = f"收到{new}项报送、{files}个附件" + (f"，{wrong}处没有收" if wrong else "")
    return Brought(state, said, tuple(lines), new)


def _short(
    office: Office, writing: Writing, mail: Mail, found: Plan, actor: str
) -> tuple[list[tuple[str, Receipt]], list[str]]:
    """A report in the mail's own text, of the one item that it belongs to."""
    if found.short is None or found.forms:  # beside a workbook the text is a covering note
        return [], []
    if len(found.items) != 1:
        return [], [
            "没有收　正文里的简式报送：看不出是哪一事项。"
            "办法：直接回复只有一个事项的通知，或在主题里写上一个事项编号。"
        ]
    row = queries.one_obligation(writing.conn, found.items[0])
    if row is None:
        return [], []
    report, issues = read_report(
        found.short, kind=row["kind"], door=_DOOR, idem_key=f"mail:{mail.number}"
    )
    if issues.errors:
        return [], issue_words(issues.errors)
    receipt = transitions.submit(writing, row["key"], report, actor=actor)
    return [(row["key"], receipt)], [receipt_words(writing.conn, row["key"], receipt)]


def _attach(writing: Writing, found: Plan, actor: str) -> tuple[list[str], list[str]]:
    """Evidence goes to the item's last submission, which may have come with this very mail."""
    if not found.kept:
        return [], []
    row = queries.one_obligation(writing.conn, found.items[0])
    if row is None or not row["submission"] or row["state"] not in {"submitted", "active"}:
        names = "、".join(stored.name for stored in found.kept)
        return [], [
            f"没有收　附件{names}：这一事项还没有待审的报送。办法：先报进展，附件随报送一起发。"
        ]
    done, left = [], []
    there = queries.evidence_of(writing.conn, row["submission"])
    known = {each["sha256"] for each in there}
    for stored in found.kept:
        if stored.sha256 in known:
            done.append(f"此前已收到附件：{stored.name}")
        elif len(known) >= evidence.MAX_FILES:
            left.append(f"没有收　附件“{stored.name}”：这份报送已有{len(known)}个附件。")
        else:
            transitions.attach(writing, row["submission"], stored, actor=actor)
            known.add(stored.sha256)
            done.append(f"已收下附件：{stored.name}（{row['title']}）")
    return done, left
