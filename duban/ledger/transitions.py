"""The life of an obligation: every act that changes one, with who did it, why, and what it refuses.

Each function works in the caller's write transaction, checks what the act requires, and records
events. Refusals are InputError with a sentence for the one who acted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from duban import clock
from duban.errors import NOWHERE, InputError
from duban.ledger import ladder, queries, requests
from duban.ledger.canon import canonical
from duban.ledger.events import Draft
from duban.ledger.store import Writing
from duban.obligations import due_moment
from duban.workdays import Calendar

FINISHES = frozenset({"finish", "milestone"})
LIMITS = {"progress": 2000, "problem": 1000, "next_step": 1000}
SIGNED_BY_CHARS, IDEM_KEY_CHARS = 80, 120  # as wide as their columns: SQLite would not say


@dataclass(frozen=True, slots=True)
class Report:
    """What a unit says of one obligation: three texts, percent, figures, files, who signed it off."""

    progress: str = ""
    problem: str = ""
    next_step: str = ""
    percent: int | None = None
    nil: bool = False
    figures: Mapping[str, Decimal] = field(default_factory=dict)
    files: Sequence[Stored] = ()
    signed_by: str = ""
    stated_on: date | None = None
    door: str = "link"
    idem_key: str | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """A file of evidence that lies in the evidence store."""

    sha256: str
    name: str
    media_type: str
    size: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a report: the submission, and whether this very report had come in before."""

    submission: str
    repeated: bool
    late: bool


def _refuse(code: str, message: str, way_out: str) -> InputError:
    return InputError.one(code, NOWHERE, message, way_out)


def _row(writing: Writing, key: str) -> queries.Row:
    row = queries.one_obligation(writing.conn, key)
    if row is None:
        raise _refuse("no-obligation", f"没有应办事项“{key}”。", "从待办清单里选择。")
    return row


# ---- reports ---------------------------------------------------------------------------------


def submit(writing: Writing, key: str, report: Report, *, actor: str) -> Receipt:
    """Take in a report. The same ``idem_key`` again gives the same receipt and changes nothing.

    A report on the finish of a task with less than 100 % is progress: it is kept, and the task stays
    open. Everything else waits for the office's review. What comes after the due is marked late.
    """
    if report.idem_key:
        known = queries.submission_by_idem(writing.conn, report.idem_key)
        if known is not None:
            if known["obligation"] != key:
                raise _refuse("idem-reused", "这个提交编号已用于另一事项。", "重新打开页面再提交。")
            return Receipt(known["id"], repeated=True, late=bool(known["late"]))
    row = _row(writing, key)
    _may_report(row)
    _check_report(row, report)
    return _take_in(writing, row, report, actor)


def _may_report(row: queries.Row) -> None:
    if row["state"] in {"closed", "cancelled", "merged"}:
        raise _refuse(
            "not-open",
            f"“{row['title']}（{row['label']}）”已办结或取消，不再接收报送。",
            "如需更正，请联系办公室退回。",
        )
    if row["state"] == "historic":
        raise _refuse(
            "historic",
            f"“{row['title']}（{row['label']}）”在启用之前到期，不计分，也不接收报送。",
            "请办公室用 duban history 导入办理情况。",
        )
    if row["state"] == "suspended":
        raise _refuse(
            "suspended", f"“{row['title']}”正在暂缓。", "恢复后再报送；有疑问请联系办公室。"
        )


def _check_report(row: queries.Row, report: Report) -> None:
    for name, limit in LIMITS.items():
        if len(getattr(report, name)) > limit:
            raise _refuse("too-long", f"文字超过{limit}字。", "精简后再提交，细节放进附件。")
    if len(report.signed_by) > SIGNED_BY_CHARS or len(report.idem_key or "") > IDEM_KEY_CHARS:
        raise _refuse("too-long", "审签人或提交编号太长。", "审签人只写姓名和职务。")
    if report.percent is not None and not 0 <= report.percent <= 100:
        raise _refuse("percent", "累计进度应在 0 到 100 之间。", "改正后再提交。")
    if row["kind"] in FINISHES and report.percent is None and not report.nil:
        raise _refuse("percent-missing", "请填累计进度（办结填 100）。", "选一个进度再提交。")
    if not report.nil and not report.progress.strip():
        raise _refuse(
            "empty", "“本期进展”还没有填写。", "写一两句做了什么、有何成效；确无变化请点“无变化”。"
        )


def _take_in(writing: Writing, row: queries.Row, report: Report, actor: str) -> Receipt:
    version = row["versions"] + 1
    submission = f"{row['key']}#{version}"
    finishes = row["kind"] in FINISHES
    done = not finishes or report.percent == 100
    late = row["due_at"] is not None and writing.at > row["due_at"]
    drafts = [
        Draft(
            "submission.received",
            submission,
            _submission_row(
                submission, row, report, version, late=late, done=done, actor=actor, writing=writing
            ),
            obligation=row["key"],
        ),
        Draft(
            "obligation.reported",
            row["key"],
            _reported_row(row, report, submission, version, done=done, writing=writing),
            obligation=row["key"],
        ),
        *(
            _evidence_draft(submission, row["key"], stored, actor, writing)
            for stored in report.files
        ),
    ]
    writing.record(*drafts, actor=actor)
    if done:
        requests.moot(writing, row["key"], "已报送，申请自动撤回", actor=actor)
    return Receipt(submission, repeated=False, late=late)


def _submission_row(
    submission: str,
    row: queries.Row,
    report: Report,
    version: int,
    *,
    late: bool,
    done: bool,
    actor: str,
    writing: Writing,
) -> dict[str, Any]:
    return {
        "id": submission,
        "obligation": row["key"],
        "unit": row["unit"],
        "version": version,
        "received_at": writing.at,
        "stated_on": report.stated_on,
        "late": int(late),
        "nil": int(report.nil),
        "progress": report.progress.strip(),
        "problem": report.problem.strip(),
        "next_step": report.next_step.strip(),
        "percent": report.percent,
        "figures": canonical(dict(report.figures)),
        "signed_by": report.signed_by,
        "door": report.door,
        "actor": actor,
        "state": "pending" if done else "accepted",
        "idem_key": report.idem_key,
    }


def _reported_row(
    row: queries.Row, report: Report, submission: str, version: int, *, done: bool, writing: Writing
) -> dict[str, Any]:
    """A finish that is not yet 100 % stays open; its first ``submitted_at`` is when 100 % came in."""
    changed = {
        "key": row["key"],
        "state": "submitted" if done else "active",
        "is_open": int(not done),
        "submission": submission,
        "versions": version,
        "acked_at": row["acked_at"] or writing.at,
    }
    if done and row["submitted_at"] is None:
        changed["submitted_at"] = writing.at
    if report.percent is not None:
        changed["percent"] = report.percent
    return changed


def _evidence_draft(
    submission: str, key: str, stored: Stored, actor: str, writing: Writing
) -> Draft:
    row = {
        "id": f"{submission}:{stored.sha256[:16]}",
        "submission": submission,
        "sha256": stored.sha256,
        "name": stored.name,
        "media_type": stored.media_type,
        "size": stored.size,
        "stored_at": writing.at,
        "actor": actor,
    }
    return Draft("evidence.stored", submission, row, obligation=key)


def attach(writing: Writing, submission: str, stored: Stored, *, actor: str) -> None:
    """Add evidence to a submission that came in before. Raises InputError when there is none."""
    found = queries.one_submission(writing.conn, submission)
    if found is None:
        raise _refuse("no-submission", "没有这份报送。", "先报进展，附件随报送一起交。")
    draft = _evidence_draft(submission, found["obligation"], stored, actor, writing)
    writing.record(draft, actor=actor)


# ---- the office's acts -------------------------------------------------------------------------


def accept(writing: Writing, submission: str, *, actor: str, reason: str = "") -> None:
    """The office accepts a submission: 销号."""
    found = need_pending(writing, submission)
    key = found["obligation"]
    reviewed = {
        "id": submission,
        "state": "accepted",
        "reviewed_at": writing.at,
        "reviewer": actor,
        "review_reason": reason,
    }
    closed = {"key": key, "state": "closed", "is_open": 0, "closed_at": writing.at}
    writing.record(
        Draft("submission.reviewed", submission, reviewed, why=reason, obligation=key),
        Draft("obligation.closed", key, closed, why=reason or "审核通过", obligation=key),
        actor=actor,
    )


def send_back(
    writing: Writing, submission: str, *, actor: str, reason: str, calendar: Calendar, days: int
) -> None:
    """The office returns a submission with a reason; the unit has at least ``days`` working days again.

    The round goes up, so the ladder can start anew; the original due stays for the assessment.
    """
    if not reason.strip():
        raise _refuse("no-reason", "退回要写明理由。", "写一句哪里需要补正。")
    found = need_pending(writing, submission)
    row = _row(writing, found["obligation"])
    again = calendar.add(clock.day_of(writing.at), days)
    due_on = max(row["due_on"] or again, again)
    reviewed = {
        "id": submission,
        "state": "returned",
        "reviewed_at": writing.at,
        "reviewer": actor,
        "review_reason": reason,
    }
    returned = {
        "key": row["key"],
        "state": "returned",
        "is_open": 1,
        "due_on": due_on,
        "due_at": due_moment(due_on, None) if due_on != row["due_on"] else row["due_at"],
        "round": row["round"] + 1,
        "returned": row["returned"] + 1,
        "acked_at": None,  # what was signed for is done; the return is another matter
        **ladder.goes_on(row, found["received_at"], calendar),
    }
    writing.record(
        Draft("submission.reviewed", submission, reviewed, why=reason, obligation=row["key"]),
        Draft("obligation.returned", row["key"], returned, why=reason, obligation=row["key"]),
        actor=actor,
    )


def need_pending(writing: Writing, submission: str) -> queries.Row:
    """A submission that waits for the office. Raises InputError that says who was faster, and how."""
    found = queries.one_submission(writing.conn, submission)
    if found is None:
        raise _refuse("no-submission", "没有这份报送。", "刷新待审清单后再试。")
    if found["state"] != "pending":
        raise _reviewed_before(found)
    row = _row(writing, found["obligation"])
    if row["state"] != "submitted":
        raise _refuse("not-submitted", "这一事项已取消或状态已变，不必再审。", "刷新待审清单。")
    if row["submission"] != submission:
        raise _refuse("replaced", "这份报送已有更新的一版。", "刷新待审清单，审核最新一版。")
    return found


def _reviewed_before(found: queries.Row) -> InputError:
    at = clock.local(found["reviewed_at"] or found["received_at"])
    what = "退回" if found["state"] == "returned" else "通过"
    who = found["reviewer"] or "系统"
    return _refuse(
        "reviewed",
        f"这份报送已经审核过了：{who}在{at.month}月{at.day}日{at:%H:%M}{what}。您这次的处理没有记录。",
        "看下一件；不同意这个结论，请与对方商量，已销号的可以“回头看”。",
    )


def acknowledge(writing: Writing, key: str, *, actor: str) -> bool:
    """签收: the unit says it has seen the item. False when it had been signed for before."""
    row = _row(writing, key)
    if row["acked_at"] is not None or not row["is_open"]:
        return False
    state = "active" if row["state"] == "waiting" else row["state"]
    changed = {"key": key, "acked_at": writing.at, "state": state}
    writing.record(Draft("obligation.acknowledged", key, changed, obligation=key), actor=actor)
    return True


def decide_proposal(
    writing: Writing, proposal: str, *, confirm: bool, actor: str, reason: str
) -> None:
    """A named person confirms or drops a severe step; nothing severe leaves without a name."""
    found = ladder.one_proposal(writing.conn, proposal)
    if found is None or found["state"] != "waiting":
        raise _refuse("no-proposal", "没有这条待定的督办建议，或已有人处理。", "刷新督办清单。")
    if not actor.strip():
        raise _refuse("no-name", "确认督办须署名。", "填写经办人姓名。")
    ladder.need_decider(found, actor)
    if not confirm and not reason.strip():
        raise _refuse("no-reason", "不予采纳要写明理由。", "补上理由，如“已说明正当理由”。")
    decided = {
        "id": proposal,
        "state": "confirmed" if confirm else "dropped",
        "decided_at": writing.at,
        "decided_by": actor,
        "reason": "；".join(filter(None, (found["reason"], reason.strip()))),
    }
    writing.record(
        Draft("proposal.decided", proposal, decided, why=reason, obligation=found["obligation"]),
        actor=actor,
    )


def adopt(writing: Writing, key: str, *, done_on: date | None, actor: str, reason: str) -> None:
    """Import the history of an obligation from before the software was in use (state 启用前)."""
    row = _row(writing, key)
    if row["state"] != "historic":
        raise _refuse(
            "not-historic", f"“{key}”不是启用前的事项，历史导入不能改它。", "从正常渠道报送。"
        )
    if done_on is not None and done_on > clock.day_of(writing.at):
        raise _refuse("done-later", f"完成日期 {done_on} 还没有到。", "填实际完成的日期，或留空。")
    changed: dict[str, Any] = {"key": key, "reason": reason[:240]}
    if done_on is None:
        changed |= {"state": "waiting", "is_open": 1}
    else:
        done_at = clock.at(done_on)
        changed |= {"state": "closed", "is_open": 0, "submitted_at": done_at, "closed_at": done_at}
    writing.record(
        Draft("obligation.adopted", key, changed, why=reason, obligation=key), actor=actor
    )


def silence(
    writing: Writing, unit: str, *, task: str, post: str, until_on: date, author: str, reason: str
) -> str:
    """免扰: nobody reminds this unit (of this task, at this post) until a day; its id."""
    if not reason.strip():
        raise _refuse("no-reason", "免扰要写明理由。", "补上 --reason，如“全市统一检查期间”。")
    if until_on < clock.day_of(writing.at):
        raise _refuse("silence-date", f"免扰截止日 {until_on} 已经过去。", "改成今天或以后的日期。")
    key = f"{unit}/{task or '*'}/{post or '*'}@{clock.stamp(writing.at)}"
    row = {
        "id": key,
        "unit": unit,
        "task": task,
        "post": post,
        "from_at": writing.at,
        "until_on": until_on,
        "author": author[:120],
        "reason": reason[:240],
    }
    writing.record(Draft("silence.set", f"silence:{key}", row, why=reason), actor=author)
    return key


def end_silence(writing: Writing, key: str, *, author: str) -> None:
    """End a silence before its day."""
    known = next((row for row in queries.silences(writing.conn) if row["id"] == key), None)
    if known is None or known["ended_at"] is not None:
        raise _refuse("no-silence", f"没有在用的免扰“{key}”。", "用 duban silence list 查看。")
    row = {"id": key, "ended_at": writing.at}
    writing.record(Draft("silence.ended", f"silence:{key}", row, why="提前结束"), actor=author)
