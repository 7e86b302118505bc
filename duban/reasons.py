"""Answers why somebody was told of something on a day, or was not: for any unit, task and day.

What was worked is read from the record. A day that has not come, or not been worked yet, is played by
the stages themselves on the ledger in a transaction that is undone: the answer is the scheduler's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from typing import Any

from duban import clock
from duban.errors import UsageError
from duban.ledger import asked, ladder, queries, scans
from duban.ledger.asked import UNLISTED
from duban.matrix.model import POST_NAMES
from duban.office import Office
from duban.rehearsal import LONGEST_DAYS, STAGES, stage_for_rehearsal
from duban.reminders import Candidate, RungMoment, next_rung
from duban.stages import SLOTS
from duban.status import STATE_NAMES, chinese_day_week

NEAR_DAYS = 60
"""Without a task, items are told of whose due lies within so many days."""
SENT = frozenset({"sent", "queued", "moved", "unknown"})
"""Codes that count as sends: said in a message with an address, that no failure has undone."""


@dataclass(frozen=True, slots=True)
class Silent:
    """An item of which nothing was said, and why. ``code`` is for programs, ``next_on`` the next rung's day."""

    obligation: str
    task: str
    label: str
    due_on: date | None
    state: str
    code: str
    reason: str
    next_on: date | None = None
    next_rung: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything about a unit's reminders on a day. ``mode``: record, or plan for what is to come.

    ``sums``: candidates = sent + not_sent, and the same by code and by kind of notice.
    """

    unit: str
    task: str
    date: date | None
    mode: str
    day: str
    notices: Sequence[Mapping[str, Any]]
    silent: Sequence[Silent]
    sums: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """The documented keys of the answer."""
        found = asdict(replace(self, notices=(), silent=()))
        return found | {
            "notices": [dict(row) for row in self.notices],
            "silent": [asdict(each) for each in self.silent],
        }


def answer(office: Office, unit: str, task: str = "", on: date | None = None) -> Answer:
    """Why a unit was told what it was told on a day (None: ever), and why not of the rest.

    Raises UsageError for a task that nobody knows and for a day too far ahead to play.
    """
    now = office.ledger.now()
    day = on or clock.day_of(now)
    with office.ledger.read() as conn:
        _known_task(office, conn, task)
        first = _in_use_from(office, conn)
        worked = queries.last_tick(conn, "remind")
    ahead = (
        on is not None
        and first is not None
        and on >= first
        and (worked is None or worked.logical_at < clock.at(on, office.reminders.digest_time))
    )
    with _played(office, now, day) if ahead else office.ledger.read() as conn:
        past = on is not None and not ahead and on < clock.day_of(now)
        items = asked.items_at(conn, unit, task, clock.end_of(day) if past else None)
        rows = queries.notices(conn, unit=unit, task=task or None, about=on)
        whole = {each.obligation: each for each in scans.candidates_of(conn, items)}
    notices = [each | {"code": code_of(each)} for each in map(dict, rows)]
    spoken = {row["obligation"] for row in rows}
    near = [row for row in items if row["key"] not in spoken and (task or _near(row, day))]
    silent = [_silent(office, row, whole.get(row["key"]), day, first) for row in near]
    if task and not items:
        silent = [_not_owed(task)]
    return Answer(
        unit,
        task,
        on,
        "plan" if ahead else "record",
        _day_words(office, day, first, ahead=ahead) if on else "",
        notices,
        silent,
        sums_of(notices),
    )


# ---- what can be asked ---------------------------------------------------------------------------


def _known_task(office: Office, conn: asked.Reader, task: str) -> None:
    known = {row["id"] for row in queries.tasks(conn, office.matrix.plan.id)}
    known |= office.matrix.tasks_by_id.keys()
    if task and task not in known:
        near = get_close_matches(task, sorted(known), n=3)
        raise UsageError(
            f"没有编号为“{task}”的任务。",
            f"是不是：{'、'.join(near)}？"
            if near
            else "编号见 tasks_def/，或 duban export matrix。",
        )


def _in_use_from(office: Office, conn: asked.Reader) -> date | None:
    row = queries.plan_row(conn, office.matrix.plan.id)
    return None if row is None else row["in_use_from"]


def _near(row: Mapping[str, Any], day: date) -> bool:
    if row["state"] in {"cancelled", "merged"}:
        return False
    return row["due_on"] is None or abs((row["due_on"] - day).days) <= NEAR_DAYS


# ---- a day that is to come -----------------------------------------------------------------------


@contextmanager
def _played(office: Office, now: datetime, day: date) -> Iterator[asked.Reader]:
    """The ledger as it will be at the end of a day, by the stages themselves; undone afterwards."""
    today = clock.day_of(now)
    if (day - today).days > LONGEST_DAYS:
        raise UsageError(
            f"{day} 太远，只能预演{LONGEST_DAYS}天以内。",
            "换一个近些的日子；长远安排看任务分工表。",
        )
    told = [now]
    with office.ledger.rehearse(lambda: told[0]) as ledger:
        rehearsal = replace(office, ledger=ledger)
        for number in range(max((day - today).days, 0) + 1):
            for name in STAGES:
                # What should have run this morning runs now.
                told[0] = max(clock.at(today + timedelta(days=number), SLOTS[name]), now)
                stage_for_rehearsal(name)(rehearsal, told[0])
                with ledger.write("duban:deliver", told[0]) as writing:
                    ladder.assume_sent(writing)
        with ledger.read() as conn:
            yield conn


def _day_words(office: Office, day: date, first: date | None, *, ahead: bool) -> str:
    """What is to be said of the day itself."""
    if first is None:
        return "任务分工还没有写入台账，从没有提醒过。先运行 duban apply。"
    if day < first:
        return f"{day}在启用（{first}）之前，没有提醒。"
    words = [f"{chinese_day_week(day)}"]
    if not office.calendar.is_workday(day):
        words.append(f"是休息日，不发提醒，顺到{office.calendar.next_workday(day)}")
    if ahead:
        words.append("还没有运行到这一天，以下是按现有台账预演的结果")
    return "，".join(words) + "。" if len(words) > 1 else ""


# ---- what became of a notice -----------------------------------------------------------------------


def code_of(row: Mapping[str, Any]) -> str:
    """What became of a notice, in a word for programs: a key of CODES."""
    if row["outcome"] == "grouped":
        if not row["message_address"] and row["message_state"] in SENT:
            return "no_address"
        return str(row["message_state"])
    if row["outcome"] == "pending":
        return f"waiting_{row['held']}" if row["held"] else "waiting"
    return str(row["outcome"])


CODES: Mapping[str, str] = {
    "sent": "已送出",
    "queued": "已并入消息，待送",
    "moved": "已改走备用渠道",
    "unknown": "是否送到不明",
    "no_address": "没有可送达的人，列入办公室清单",
    "failed": "送不到，改日再发",
    "expired": "过期未发，改日再发",
    "cancelled": "已作罢或已取消",
    "waiting": "待发",
    "waiting_hours": "不在工作时间，待下一工作时段",
    "waiting_today": "当天消息已发，并入下一工作日",
    "waiting_cap": "当天加急消息已到上限，改日再发",
    "superseded": "并入后一梯级",
    "inhibited": "因督办免扰",
    "silenced": "免扰期内未发",
    "acknowledged": "已签收未发",
    "submitted": "已报送未发",
    "closed": "已办结未发",
    "suspended": "暂缓未发",
    "unstarted": "未起算",
    "moot": "状态已变未发",
}
"""What became of a notice: the word for programs and the clerk's."""


def sums_of(notices: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How many candidates there were and what became of them: candidates = sent + not_sent."""
    codes = Counter(row["code"] for row in notices)
    sent = sum(number for code, number in codes.items() if code in SENT)
    return {
        "candidates": len(notices),
        "sent": sent,
        "not_sent": len(notices) - sent,
        "codes": dict(sorted(codes.items())),
        "kinds": dict(sorted(Counter(row["kind"] for row in notices).items())),
    }


# ---- what nothing was said of ------------------------------------------------------------------------


_ENDED = {
    "historic": "启用之前到期，不提醒、不督办、不计分",
    "unstarted": "起算点未定，尚未起算；定下来以后按新的时限提醒",
    "suspended": "暂缓中，不提醒；恢复办理后按新的时限提醒",
    "submitted": "已报送，等办公室审核，无须提醒",
    "closed": "已办结，无须提醒",
    "cancelled": "任务已取消，不再提醒",
    "merged": "任务已并入别的任务，不再提醒",
    UNLISTED: "这一天还没有列入台账",
}


def _not_owed(task: str) -> Silent:
    reason = "这个单位在此任务中没有应办事项：既不牵头，也没有报送要求"
    return Silent("", task, "", None, "", "not_owed", reason)


def _silent(
    office: Office,
    row: Mapping[str, Any],
    whole: Candidate | None,
    day: date,
    first: date | None,
) -> Silent:
    code, reason, ahead = _why_silent(office, row, whole, day, first)
    return Silent(
        row["key"],
        row["task"],
        row["label"],
        row["due_on"],
        row["state"],
        code,
        reason,
        clock.day_of(ahead.moment) if ahead else None,
        ahead.rung if ahead else "",
    )


def _why_silent(
    office: Office,
    row: Mapping[str, Any],
    whole: Candidate | None,
    day: date,
    first: date | None,
) -> tuple[str, str, RungMoment | None]:
    state = row["state"]
    if state in _ENDED:
        return (
            state,
            row["reason"] or _ENDED[state] if state == "cancelled" else _ENDED[state],
            None,
        )
    if whole is None:
        return "no_due", f"{STATE_NAMES.get(state, state)}，没有正在走的时限，不按梯级提醒", None
    ahead = next_rung(office.reminders, office.calendar, whole, clock.end_of(day))
    coming = f"下一次是{_rung_words(ahead)}" if ahead else "梯级已经走完，不再提醒"
    if first is not None and day < first:
        return "before_use", f"启用（{first}）之前不提醒；{coming}", ahead
    if row["opens_on"] is not None and row["opens_on"] > day:
        opens = row["opens_on"]
        return "not_open", f"报送期{opens}才开始，那时发报送通知；{coming}", ahead
    if not office.calendar.is_workday(day):
        later = office.calendar.next_workday(day)
        return "rest_day", f"休息日不发提醒，到梯级的顺到{later}；{coming}", ahead
    now_due = next_rung(office.reminders, office.calendar, whole, clock.end_of(day - _DAY))
    if now_due is not None and clock.day_of(now_due.moment) == day:
        return (
            "not_then",
            f"按现在的设置这天有“{now_due.words or now_due.rung}”，运行时还没有这一级或这一时限；{coming}",
            ahead,
        )
    if ahead is None:
        return "ended", coming, None
    return "between", f"这天没有到梯级：{coming}", ahead


_DAY = timedelta(days=1)


def _rung_words(each: RungMoment) -> str:
    day = clock.day_of(each.moment)
    posts = "、".join(POST_NAMES.get(post, post) for post in each.to)
    return f"{day}“{each.words or each.rung}”（发给{posts}）"
