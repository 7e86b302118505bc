"""Escalate: climb the ladder for what is overdue; severe steps wait for a named person."""

from __future__ import annotations

from datetime import datetime

from duban import clock, escalation
from duban.escalation import Raise
from duban.ledger import queries
from duban.ledger.events import Draft
from duban.ledger.store import Writing
from duban.office import Office
from duban.stages import StageReport, ticks
from duban.stages.claims import Notice, claim
from duban.stages.dispatch import dispatch, unit_of
from duban.status import STATE_NAMES


def run(office: Office, at: datetime) -> StageReport:
    """Raise every step reached up to ``at``, each once per obligation and round.

    On a rest day nothing is done: what is said on the next working day is true on that day.
    """
    with office.ledger.write("duban:escalate", at) as writing:
        ticks.begins(office, writing, "escalate")
        if not office.calendar.is_workday(clock.day_of(at)):
            return ticks.resting(writing, "escalate", at)
        cleared = _clear(writing)
        raised = _climb(office, writing)
        sent = dispatch(office, writing)
        waiting = [each for each in raised if each.waits]
        counts = {"新到督办梯级": len(raised), "待确认": len(waiting), "自动撤回": cleared}
        counts |= sent.counts
        ticks.tick(writing, "escalate", at, counts)
    return StageReport(
        "escalate", at, counts, tuple(_sentence(office, each) for each in waiting[:20]) + sent.lines
    )


def _clear(writing: Writing) -> int:
    """Climbing stops when a report comes in: proposals that still wait are taken back, and say so."""
    moot = [
        row for row in queries.proposals(writing.conn, states=("waiting",)) if not row["is_open"]
    ]
    for row in moot:
        why = f"{STATE_NAMES[row['obligation_state']]}，建议自动撤回（{row['reason']}）"
        changed = {"id": row["id"], "state": "withdrawn", "decided_at": writing.at, "reason": why}
        writing.record(
            Draft("proposal.decided", row["id"], changed, why=why, obligation=row["obligation"])
        )
    return len(moot)


def _climb(office: Office, writing: Writing) -> list[Raise]:
    policy, calendar = office.escalation, office.calendar
    overdue = queries.overdue(writing.conn, escalation.latest_due(policy, calendar, writing.at))
    taken = queries.steps_taken(writing.conn, [each.obligation for each in overdue])
    raised = escalation.decide(policy, calendar, writing.at, overdue, taken)
    writing.record(*(_proposal(each, policy.version, writing) for each in raised))
    claim(
        writing,
        [notice for each in raised if not each.waits for notice in notices_of(each, writing)],
    )
    return raised


def _proposal(each: Raise, policy: str, writing: Writing) -> Draft:
    key = f"{each.of.obligation}|{each.step.id}|{each.of.round}"
    row = {
        "id": key,
        "obligation": each.of.obligation,
        "unit": each.of.unit,
        "task": each.of.task,
        "step": each.step.id,
        "round": each.of.round,
        "name": each.step.name,
        "paper": each.step.paper,
        "policy": policy,
        "raised_at": writing.at,
        "state": "waiting" if each.waits else "taken",
        "reason": each.reason,
    }
    return Draft("proposal.raised", key, row, why=each.reason, obligation=each.of.obligation)


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
            kind="urge" if each.step.paper == "催办" else "supervise",
            moment=writing.at,
            reason=f"{each.step.name}：{each.reason}",
            urgent=each.of.urgent,
        )
        for post in dict.fromkeys((*each.step.to, *each.step.copies))
    ]


def _sentence(office: Office, each: Raise) -> str:
    unit = unit_of(office, each.of.unit).short
    return f"建议{each.step.name}{unit}：{each.of.task}，{each.reason}（待确认）"
