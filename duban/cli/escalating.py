"""Commands of the ladder: what waits for a named person, what is climbing, and the presets."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from duban.cli import show
from duban.errors import Exit, Issues, UsageError
from duban.settings import find_home

if TYPE_CHECKING:
    from duban.ledger.store import Writing
    from duban.office import Office

STATES = {
    "taken": "已发出",
    "waiting": "待确认",
    "confirmed": "已确认",
    "softened": "降级发出",
    "dropped": "不予采纳",
    "withdrawn": "自动撤回",
}


def list_proposals(args: argparse.Namespace) -> int:
    """What waits for a person (or everything), with the facts and what the unit has said."""
    from duban.ledger import ladder
    from duban.office import open_office

    states = None if args.all else ("waiting",)
    with open_office(find_home(args.home), create=False) as office, office.ledger.read() as conn:
        rows = [dict(row) for row in ladder.proposals(conn, states=states)]
        names = {key: unit.short for key, unit in office.units.items()}
    if args.format == "json":
        show.as_json(rows)
        return Exit.DONE
    show.table(
        ("编号", "状态", "拟发", "单位", "事项", "依据", "单位的说法", "交给谁定"),
        [
            (
                row["id"],
                STATES.get(row["state"], row["state"]),
                row["name"],
                names.get(row["unit"], row["unit"]),
                f"{row['title']}（{row['label']}）",
                row["reason"],
                row["stated"] or "没有说明",
                row["assigned_to"] or "办公室",
            )
            for row in rows
        ],
    )
    return Exit.DONE


def decide(args: argparse.Namespace) -> int:
    """Confirm, drop, soften or hand over one proposal, in a person's name."""
    from duban.office import open_office

    with open_office(find_home(args.home), create=False) as office:
        name = signer(office, args.by)
        with office.ledger.write(name) as writing:
            _ACTS[args.act](office, writing, args, name)
    show.say(_DONE[args.act])
    return Exit.DONE


def signer(office: Office, given: str) -> str:
    """A signature is a name, and one of the listed names where the office lists them."""
    name = given.strip()
    clerks = office.settings.clerks
    if not name:
        raise UsageError("没有署名。", "加上 --by 姓名。")
    if clerks and name not in clerks:
        raise UsageError(
            f"“{name}”不在经办人名单里。", "请用本人姓名；名单在 config/duban.yaml 的 clerks。"
        )
    return name


def _confirm(office: Office, writing: Writing, args: argparse.Namespace, name: str) -> None:
    from duban.ledger import transitions

    confirm = args.act == "confirm"
    transitions.decide_proposal(writing, args.id, confirm=confirm, actor=name, reason=args.reason)


def _soften(office: Office, writing: Writing, args: argparse.Namespace, name: str) -> None:
    from duban.stages.decide import soften

    soften(office, writing, args.id, to=args.to, actor=name, reason=args.reason)


def _hand_over(office: Office, writing: Writing, args: argparse.Namespace, name: str) -> None:
    from duban.ledger import decisions

    decisions.hand_over(writing, args.id, to=args.to, actor=name, reason=args.reason)


_ACTS = {"confirm": _confirm, "drop": _confirm, "soften": _soften, "handover": _hand_over}
_DONE = {
    "confirm": "已确认，下一次 publish 时发出。",
    "drop": "已记下：不予采纳。",
    "soften": "已降级，下一次 publish 时发出。",
    "handover": "已移交，此后由其本人决定。",
}


# ---- ladders that are climbing ---------------------------------------------------------------------


def list_climbs(args: argparse.Namespace) -> int:
    """Every ladder that is climbing, and which version holds for it."""
    from duban.ledger import ladder
    from duban.office import open_office

    with open_office(find_home(args.home), create=False) as office, office.ledger.read() as conn:
        rows = [dict(row) for row in ladder.climbs(conn)]
        now = office.escalation.version
    if args.format == "json":
        show.as_json({"version": now, "climbs": rows})
        return Exit.DONE
    show.say(f"现行梯级版本 {now}")
    show.table(
        ("应办编号", "梯级", "版本", "起", "改用"),
        [
            (
                row["obligation"],
                row["ladder"],
                row["policy"] + ("（现行）" if row["policy"] == now else ""),
                f"{row['started_at']:%Y-%m-%d}",
                row["adopted_by"],
            )
            for row in rows
        ],
    )
    return Exit.DONE


def adopt(args: argparse.Namespace) -> int:
    """Move started ladders to the version in force, by name and with a reason."""
    from duban.ledger import decisions
    from duban.office import open_office
    from duban.stages.escalate import keep_current

    if bool(args.obligation) == args.all:
        raise UsageError("没有说清改哪些。", "写 --obligation 应办编号（可重复），或 --all。")
    with open_office(find_home(args.home), create=False) as office:
        name = signer(office, args.by)
        with office.ledger.write(name) as writing:
            keep_current(office, writing)
            count = decisions.adopt(
                writing,
                office.escalation,
                obligations=None if args.all else args.obligation,
                actor=name,
                reason=args.reason,
            )
    show.say(f"已把{count}项改用现行梯级；发出过的不重发。")
    return Exit.DONE


def raise_one(args: argparse.Namespace) -> int:
    """Start an obligation's ladder at a step, in a person's name; what lies below does not follow."""
    from duban.office import open_office
    from duban.stages.decide import raise_by_hand

    with open_office(find_home(args.home), create=False) as office:
        name = signer(office, args.by)
        with office.ledger.write(name) as writing:
            key = raise_by_hand(
                office, writing, args.obligation, step=args.step, actor=name, reason=args.reason
            )
    show.say(f"已提出 {key}，下一次 publish 时发出。")
    return Exit.DONE


# ---- presets ---------------------------------------------------------------------------------------


def list_presets(args: argparse.Namespace) -> int:
    """The presets with their steps and lamps."""
    from duban import preset

    found = [_preset(name) for name in preset.names()]
    if args.format == "json":
        show.as_json(found)
        return Exit.DONE
    show.table(
        ("名称", "梯级", "灯"),
        [(each["name"], " → ".join(each["steps"]), " ".join(each["lamps"])) for each in found],
    )
    return Exit.DONE


def _preset(name: str) -> dict[str, Any]:
    from duban import preset
    from duban.ladderfile import load_escalation
    from duban.lamps import load_lamps

    issues = Issues()
    policy = load_escalation(preset.path_of(name, preset.FILES[0]), name, issues)
    lamps = load_lamps(preset.path_of(name, preset.FILES[1]), name, issues)
    issues.stop_on_errors()
    return {
        "name": name,
        "title": policy.title if policy else "",
        "steps": [step.name for step in policy.steps] if policy else [],
        "lamps": [step.lamp.name for step in lamps.steps] if lamps else [],
    }


def copy_preset(args: argparse.Namespace) -> int:
    """Copy a preset's two files into ``config/``; what is there is kept beside them."""
    from duban import preset

    if args.name not in preset.names():
        raise UsageError(f"没有叫“{args.name}”的成套办法。", f"可用：{'、'.join(preset.names())}。")
    home = find_home(args.home)
    for file in preset.FILES:
        target = home.config / file
        if target.exists():
            shutil.copyfile(target, _free(target))
        shutil.copyfile(preset.path_of(args.name, file), target)
    show.say(
        f"已把“{args.name}”写进 {home.shown(home.config)}/，原来的留作 *.old。",
        "下一步：照本单位的办法改，再运行 duban check。已经开始的督办仍按原来的梯级，除非 duban escalation adopt。",
    )
    return Exit.DONE


def _free(target: Path) -> Path:
    """A name beside the file that nothing has yet."""
    number, found = 1, target.with_name(f"{target.name}.old")
    while found.exists():
        number += 1
        found = target.with_name(f"{target.name}.old{number}")
    return found
