"""Escalate: climb the ladder for what is overdue; severe steps wait for a named person."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from duban import clock, escalation
from duban.escalation import Facts, Ladders, Overdue, Raise, Shortlist
from duban.ladders import Step, as_values
from duban.ledger import decisions, ladder
from duban.ledger.events import Draft
from duban.ledger.ladder import Row, Wanted
from duban.ledger.store import Writing
from duban.office import Office
from duban.stages import StageReport, lampmonths, ticks
from duban.stages.claims import Notice, claim
from duban.stages.dispatch import dispatch, unit_of
from duban.status import STATE_NAMES

MONTHS_SEEN = 12
"""So many closed months are looked at for lamps in a row."""


def run(office: Office, at: datetime) -> StageReport:
    """Raise every step reached up to ``at``, each once per obligation and climb.

    On a rest day nothing is done: what is said on the next working day is true on that day.
    """
    with office.ledger.write("duban:escalate", at) as writing:
        ticks.begins(office, writing, "escalate")
        if not office.calendar.is_workday(clock.day_of(at)):
            return ticks.resting(writing, "escalate", at)
        counts = {"记下月末亮灯": lampmonths.record(office, writing)}
        counts |= {"自动撤回": _withdraw(writing), "督办终止": _clear(writing)}
        ladders = ladders_of(office, writing)
        late = _timeouts(office, writing, ladders)
        raised = climb(office, writing, ladders)
        sent = dispatch(office, writing)
        waiting = [each for each in raised if each.waits]
        counts |= {"新到督办梯级": len(raised), "待确认": len(waiting), "待确认超时": late}
        counts |= sent.counts
        ticks.tick(writing, "escalate", at, counts)
    return StageReport(
        "escalate", at, counts, tuple(_sentence(office, each) for each in waiting[:20]) + sent.lines
    )


def ladders_of(office: Office, writing: Writing) -> Ladders:
    """The policy in force beside every one that was frozen onto something."""
    return Ladders(office.escalation, ladder.policies(writing.conn))


def _withdraw(writing: Writing) -> int:
    """Climbing stops when a report comes in: proposals that still wait are taken back, and say so."""
    moot = [
        row for row in ladder.proposals(writing.conn, states=("waiting",)) if not row["is_open"]
    ]
    for row in moot:
        why = f"{STATE_NAMES[row['obligation_state']]}，建议自动撤回（{row['reason']}）"
        changed = {"id": row["id"], "state": "withdrawn", "decided_at": writing.at, "reason": why}
        writing.record(
            Draft("proposal.decided", row["id"], changed, why=why, obligation=row["obligation"])
        )
    return len(moot)


def _clear(writing: Writing) -> int:
    """What is closed is said to those who had been told of it; the history stays."""
    over = ladder.to_clear(writing.conn)
    told = ladder.listeners(
        writing.conn, [row["obligation"] for row in over if row["state"] == "closed"]
    )
    for row in over:
        why = f"{STATE_NAMES[row['state']]}，督办到此为止"
        changed = {"obligation": row["obligation"], "cleared_at": writing.at}
        key = row["obligation"]
        writing.record(Draft("ladder.cleared", f"climb:{key}", changed, why=why, obligation=key))
    claim(
        writing,
        [
            _notice(
                row,
                f"cleared:{row['round']}",
                post,
                writing,
                kind="cleared",
                reason="已销号，督办到此为止",
            )
            for row in over
            for post in told.get(row["obligation"], ())
        ],
    )
    return len(over)


# ---- proposals that nobody decides -----------------------------------------------------------------


def _timeouts(office: Office, writing: Writing, ladders: Ladders) -> int:
    """After so many working hours the office is told again; what is not severe may leave by itself."""
    late = 0
    for row in ladder.proposals(writing.conn, states=("waiting",)):
        step = step_of(ladders, row)
        if step is None or step.timeout is None or not row["is_open"]:
            continue
        waited = escalation.working_minutes(
            office.calendar,
            office.settings.works_from,
            office.settings.works_until,
            row["raised_at"],
            writing.at,
        )
        periods = waited // (step.timeout * 60)
        if periods:
            late += 1
            if step.goes and not step.severe:
                _let_go(row, step, writing)
            else:
                _nag(row, step, periods, writing)
    return late


def _let_go(row: Row, step: Step, writing: Writing) -> None:
    why = f"等待确认满{step.timeout}个工作小时无人处理，按规定发出（{row['reason']}）"
    changed = {"id": row["id"], "state": "taken", "decided_at": writing.at, "reason": why}
    writing.record(
        Draft("proposal.decided", row["id"], changed, why=why, obligation=row["obligation"])
    )
    kind = kind_of(row["paper"])
    claim(
        writing,
        [
            _notice(
                row, f"step:{step.id}", post, writing, kind=kind, reason=f"{row['name']}：{why}"
            )
            for post in step.posts
        ],
    )


def _nag(row: Row, step: Step, periods: int, writing: Writing) -> None:
    hours = periods * (step.timeout or 0)
    why = f"{row['name']}建议已等{hours}个工作小时，请确认、降级、移交或不予采纳"
    claim(
        writing,
        [
            _notice(
                row, f"wait:{step.id}:{periods}", "office", writing, kind="supervise", reason=why
            )
        ],
    )


def step_of(ladders: Ladders, row: Row) -> Step | None:
    """The step of a proposal, by the policy that was frozen with it."""
    policy = ladders.policy(row["policy"])
    steps = policy.ladder(row["ladder"]) if policy else None
    found = steps.step(row["step"]) if steps else None
    return found or next((s for s in ladders.current.steps if s.id == row["step"]), None)


# ---- climbing --------------------------------------------------------------------------------------


def climb(office: Office, writing: Writing, ladders: Ladders) -> list[Raise]:
    """Raise what was reached, freeze the ladder onto what it starts on, and claim what is to be said."""
    calendar, at = office.calendar, writing.at
    today = clock.day_of(at)
    shortlist = Shortlist(ladders, calendar, at)
    latest = escalation.latest_due(ladders, calendar, at)
    wanted = ladder.overdue(writing.conn, latest, today, shortlist.steps)
    wanted += _lit(writing, ladders, shortlist, {each.obligation for each, _ in wanted})
    raised = escalation.decide(
        ladders,
        calendar,
        at,
        _facts(writing, ladders, wanted),
        to_lower=office.settings.paper_to_lower,
    )
    _freeze(office, writing, raised)
    writing.record(*(_proposal(each, writing) for each in raised))
    said = [each for each in raised if not each.waits]
    claim(writing, [notice for each in said for notice in notices_of(each, writing)])
    claim(writing, [_unheard(each, writing) for each in raised if each.unheard])
    return raised


def _lit(writing: Writing, ladders: Ladders, shortlist: Shortlist, known: set[str]) -> Wanted:
    """What is not overdue but showed a bad lamp when the last month closed."""
    if "lamps" not in ladders.asks:
        return []
    month = lampmonths.closed_months(writing.at, 1)[0]
    keys = ladder.with_lamp(writing.conn, month, ladders.lamp_colours) - known
    return ladder.some(writing.conn, keys, shortlist.steps)


def _facts(writing: Writing, ladders: Ladders, wanted: Wanted) -> Iterator[tuple[Overdue, Facts]]:
    """The costlier facts, each asked only for what a step in question needs."""
    conn = writing.conn
    keys = [each.obligation for each, _ in wanted]
    missed = ladder.missed_in_row(
        conn,
        {(e.task, e.unit) for e, steps in wanted for s in steps if s.misses_in_row is not None},
    )
    lit = [e.obligation for e, steps in wanted if any(s.lamps for s in steps)]
    lamps = ladder.lamps(conn, lit, lampmonths.closed_months(writing.at, MONTHS_SEEN))
    asks = ladders.asks
    new_year = clock.at(clock.day_of(writing.at).replace(month=1, day=1))
    counted = {s.id: s for policy in ladders.all for s in policy.steps if s.times_in_year}
    times = ladder.times(conn, new_year, counted.values()) if counted else {}
    unanswered = ladder.unanswered(conn, keys) if "unanswered" in asks else {}
    told, stated = ladder.told(conn, keys), ladder.stated(conn, keys)
    for each, _ in wanted:
        key = each.obligation
        yield (
            each,
            Facts(
                missed_in_row=missed.get(key, 0),
                lamps=lamps.get(key, ()),
                times=times.get(key, {}),
                unanswered=unanswered.get(key, 0),
                stated=stated.get(key, ""),
                told=told.get(key, {}),
            ),
        )


def _freeze(office: Office, writing: Writing, raised: Sequence[Raise]) -> None:
    """The first rung freezes the whole ladder onto its obligation: later edits are for new ones."""
    if any(not each.of.policy for each in raised):
        keep_current(office, writing)
    highest = {each.of.obligation: each for each in raised}
    writing.record(*(_climbed(each, writing) for each in highest.values()))


def _climbed(each: Raise, writing: Writing) -> Draft:
    key, step, round_ = each.of.obligation, each.step, each.of.round
    if not each.of.policy:
        return decisions.start(writing, key, each.policy, each.ladder, step=step, round_=round_)
    row = {"obligation": key, "step": step.id, "round": round_}
    return Draft("ladder.climbed", f"climb:{key}", row, why=f"到“{step.name}”一级", obligation=key)


def keep_current(office: Office, writing: Writing) -> None:
    """Keep the whole content of the policy in force, once."""
    policy = office.escalation
    values = as_values(policy.ladders, policy.delivery_wait, policy.title)
    ladder.keep_policy(writing, policy.version, "ladder", json.loads(json.dumps(values)))


def _proposal(each: Raise, writing: Writing) -> Draft:
    key = f"{each.of.obligation}|{each.step.id}|{each.of.round}"
    row = {
        "id": key,
        "obligation": each.of.obligation,
        "unit": each.of.unit,
        "task": each.of.task,
        "step": each.step.id,
        "round": each.of.round,
        "name": each.name,
        "paper": each.paper,
        "policy": each.policy,
        "ladder": each.ladder,
        "score": each.step.score,
        "stated": each.stated,
        "raised_at": writing.at,
        "state": "waiting" if each.waits else "taken",
        "reason": each.reason,
    }
    return Draft("proposal.raised", key, row, why=each.reason, obligation=each.of.obligation)


# ---- what is said ----------------------------------------------------------------------------------


def notices_of(each: Raise, writing: Writing) -> list[Notice]:
    """Who is told of a step: its recipients and those who get a copy."""
    return [
        Notice(
            obligation=each.of.obligation,
            unit=each.of.unit,
            task=each.of.task,
            rung=f"step:{each.step.id}",
            round=each.of.round,
            recipient=post,
            kind=kind_of(each.paper),
            moment=writing.at,
            reason=f"{each.name}：{each.reason}",
            urgent=each.of.urgent,
        )
        for post in each.step.posts
    ]


def kind_of(paper: str) -> str:
    """The kind of line that a paper makes in a message."""
    return {"催办": "urge", "工作提示": "advise", "函": "advise"}.get(paper, "supervise")


def _unheard(each: Raise, writing: Writing) -> Notice:
    """The office's own list: a rung was climbed although the one before reached nobody."""
    row = {
        "obligation": each.of.obligation,
        "unit": each.of.unit,
        "task": each.of.task,
        "round": each.of.round,
        "urgent": False,
    }
    why = f"请核对通讯录：{each.reason}"
    return _notice(row, f"unheard:{each.step.id}", "office", writing, kind="supervise", reason=why)


def _notice(
    row: Row | dict[str, Any], rung: str, post: str, writing: Writing, *, kind: str, reason: str
) -> Notice:
    return Notice(
        obligation=row["obligation"],
        unit=row["unit"],
        task=row["task"],
        rung=rung,
        round=row["round"],
        recipient=post,
        kind=kind,
        moment=writing.at,
        reason=reason,
    )


def _sentence(office: Office, each: Raise) -> str:
    unit = unit_of(office, each.of.unit).short
    return f"建议{each.name}{unit}：{each.of.task}，{each.reason}（待确认）"
