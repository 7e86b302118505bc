"""What named persons decide about the ladder: soften, hand over, raise by hand, adopt a newer policy.

Confirming and dropping stand with the other acts in ``duban.ledger.transitions``.
"""

from __future__ import annotations

from collections.abc import Iterable

from duban.errors import NOWHERE, InputError
from duban.ladders import EscalationPolicy, Ladder, Step, paper_for
from duban.ledger import ladder, queries
from duban.ledger.events import Draft
from duban.ledger.ladder import Row
from duban.ledger.store import Writing

NAME_CHARS = 120


def _refuse(code: str, message: str, way_out: str) -> InputError:
    return InputError.one(code, NOWHERE, message, way_out)


def _need(actor: str, reason: str, what: str) -> None:
    if not actor.strip():
        raise _refuse("no-name", f"{what}须署名。", "填写经办人姓名。")
    if not reason.strip():
        raise _refuse("no-reason", f"{what}要写明理由。", "补上一句理由。")


def _waiting(writing: Writing, proposal: str) -> Row:
    found = ladder.one_proposal(writing.conn, proposal)
    if found is None or found["state"] != "waiting":
        raise _refuse("no-proposal", "没有这条待定的督办建议，或已有人处理。", "刷新督办清单。")
    return found


def soften(
    writing: Writing, proposal: str, *, to: str, frozen: Ladder | None, actor: str, reason: str
) -> None:
    """A named person lets a milder step leave in place of the one proposed.

    ``frozen``: the ladder that holds for the obligation. Raises InputError.
    """
    _need(actor, reason, "降级")
    found = _waiting(writing, proposal)
    ladder.need_decider(found, actor)
    milder = {step.id: step for step in frozen.milder(found["step"])} if frozen else {}
    if to not in milder:
        names = "、".join(f"{step.id}（{step.name}）" for step in milder.values())
        raise _refuse(
            "not-milder",
            f"不能降为“{to}”：它不在“{found['name']}”之下。",
            f"可选：{names}。" if names else "下面没有更轻的一级，请确认或不予采纳。",
        )
    changed = {
        "id": proposal,
        "state": "softened",
        "softened_to": to,
        "decided_at": writing.at,
        "decided_by": actor[:NAME_CHARS],
        "reason": f"{found['reason']}；{reason.strip()}",
    }
    why = f"降为“{milder[to].name}”：{reason.strip()}"
    writing.record(
        Draft("proposal.decided", proposal, changed, why=why, obligation=found["obligation"]),
        actor=actor,
    )


def hand_over(writing: Writing, proposal: str, *, to: str, actor: str, reason: str) -> None:
    """移交: from now on only the named person may decide. Raises InputError."""
    _need(actor, reason, "移交")
    found = _waiting(writing, proposal)
    ladder.need_decider(found, actor)
    name = to.strip()[:NAME_CHARS]
    if not name or name == actor:
        raise _refuse("no-decider", "移交要写明交给谁，而且不能是自己。", "填写对方姓名。")
    changed = {"id": proposal, "assigned_to": name}
    why = f"移交{name}决定：{reason.strip()}"
    writing.record(
        Draft("proposal.handed", proposal, changed, why=why, obligation=found["obligation"]),
        actor=actor,
    )


def raise_by_hand(
    writing: Writing,
    policy: EscalationPolicy,
    obligation: str,
    *,
    step: str,
    to_lower: str,
    actor: str,
    reason: str,
) -> str:
    """A named person starts the ladder at a step, or goes up to it; its id. Nothing below it follows.

    The caller has kept the policy. Raises InputError.
    """
    _need(actor, reason, "直接督办")
    row = queries.one_obligation(writing.conn, obligation)
    if row is None or not row["is_open"]:
        raise _refuse("not-open", f"没有正在办理的事项“{obligation}”。", "从台账里选择。")
    kind = ladder.unit_kinds(writing.conn)[row["unit"]]
    if not kind.supervised:
        raise _refuse("not-supervised", "企业和事业单位不列入督办。", "改向其主管部门督办。")
    rungs = policy.ladder_for(kind.value, row["kind"], row["deadline_class"])
    chosen = rungs.step(step)
    if chosen is None:
        raise _refuse(
            "no-step",
            f"这一事项的梯级里没有“{step}”。",
            f"可选：{'、'.join(each.id for each in rungs.steps)}。",
        )
    key = f"{obligation}|{step}|{row['round']}"
    if ladder.one_proposal(writing.conn, key) is not None:
        raise _refuse("step-taken", f"“{chosen.name}”已经提出过。", "从更高的一级里选。")
    paper, name = paper_for(chosen, kind, to_lower)
    proposal = {
        "id": key,
        "obligation": obligation,
        "unit": row["unit"],
        "task": row["task"],
        "step": step,
        "round": row["round"],
        "name": name,
        "paper": paper,
        "policy": policy.version,
        "ladder": rungs.id,
        "score": chosen.score,
        "raised_at": writing.at,
        "state": "confirmed",
        "decided_at": writing.at,
        "decided_by": actor[:NAME_CHARS],
        "reason": reason.strip(),
    }
    drafts = [Draft("proposal.raised", key, proposal, why=reason.strip(), obligation=obligation)]
    if ladder.climbs(writing.conn, obligation=obligation):
        climbed = {"obligation": obligation, "step": step, "round": row["round"]}
        drafts.append(
            Draft(
                "ladder.climbed", f"climb:{obligation}", climbed, why=reason, obligation=obligation
            )
        )
    else:
        drafts.append(
            start(writing, obligation, policy.version, rungs.id, step=chosen, round_=row["round"])
        )
    writing.record(*drafts, actor=actor)
    return key


def start(
    writing: Writing, obligation: str, version: str, rungs: str, *, step: Step, round_: int
) -> Draft:
    """The record that a ladder begins on an obligation, frozen as it is."""
    row = {
        "obligation": obligation,
        "policy": version,
        "ladder": rungs,
        "step": step.id,
        "round": round_,
        "started_at": writing.at,
        "cleared_at": None,
        "adopted_by": "",
        "reason": "",
    }
    why = f"到“{step.name}”一级，此后一直按这一版梯级办"
    return Draft("ladder.started", f"climb:{obligation}", row, why=why, obligation=obligation)


def adopt(
    writing: Writing,
    policy: EscalationPolicy,
    *,
    obligations: Iterable[str] | None,
    actor: str,
    reason: str,
) -> int:
    """Move started climbs to the policy in force, by name and with a reason; how many were moved.

    ``obligations`` None: all of them. What was taken stays taken. The caller has kept the policy.
    Raises InputError.
    """
    _need(actor, reason, "改用现行梯级")
    rows = ladder.climbs(writing.conn, other_than=policy.version)
    if obligations is not None:
        wanted = set(obligations)
        unknown = wanted - {row["obligation"] for row in ladder.climbs(writing.conn)}
        if unknown:
            raise _refuse(
                "no-climb",
                f"“{'、'.join(sorted(unknown))}”没有正在走的督办梯级。",
                "用 duban escalation list 查看。",
            )
        rows = [row for row in rows if row["obligation"] in wanted]
    kinds = ladder.unit_kinds(writing.conn)
    for row in rows:
        rungs = policy.ladder_for(kinds[row["unit"]].value, row["kind"], row["deadline_class"])
        changed = {
            "obligation": row["obligation"],
            "policy": policy.version,
            "ladder": rungs.id,
            "adopted_by": actor[:NAME_CHARS],
            "reason": reason.strip(),
        }
        key = row["obligation"]
        writing.record(
            Draft("ladder.adopted", f"climb:{key}", changed, why=reason.strip(), obligation=key),
            actor=actor,
        )
    return len(rows)
