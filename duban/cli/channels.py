"""Commands on channels and templates: who is reached how, and where a template starts from."""

from __future__ import annotations

import argparse

from duban import clock
from duban.cli import show
from duban.errors import Exit, Issues, UsageError
from duban.matrix.model import POST_NAMES
from duban.settings import find_home


def channels(args: argparse.Namespace) -> int:
    """For each unit and post: channel, masked address, whose word counts, and what is wrong."""
    from duban.desk import need_desk
    from notifier.config import load_channels
    from notifier.reach import reached

    home = find_home(args.home)
    today = clock.day_of(clock.now())
    desk = need_desk(home, today)
    issues = Issues()
    known = load_channels(home, issues)
    issues.stop_on_errors()
    units = desk.units
    if args.unit:
        meaning = desk.names.find(args.unit)
        if meaning is None:
            near = desk.names.suggest(args.unit)
            hint = f"是不是“{'”“'.join(near)}”？" if near else "看 config/units.yaml。"
            raise UsageError(f"单位名录里没有“{args.unit}”。", hint)
        units = {key: unit for key, unit in units.items() if key in meaning.units}
    found = list(reached(units, known, today, args.message))
    listed = [each for each in found if each.problems or not args.problems]
    if args.format == "json":
        show.as_json([each.as_json() for each in listed])
    else:
        rows = [
            (
                each.unit_name,
                POST_NAMES[each.post],
                known.by_id[each.channel].name + (f" + {each.copy}" if each.copy else ""),
                each.address or "（无）",
                "；".join((each.source, *(f"▲{problem}" for problem in each.problems))),
            )
            for each in listed
        ]
        show.table(("单位", "岗位", "渠道", "地址", "依据和问题"), rows)
        amiss = sum(bool(each.problems) for each in found)
        show.say(f"共{len(found)}个岗位，{amiss}个要处理。")
    return Exit.DONE


def templates(args: argparse.Namespace) -> int:
    """Every template with what it is for, and whether the office's own is used."""
    from notifier.overrides import FOLDER, KINDS, NAMES, TOLD, medium_of
    from notifier.proof import templates_in

    home = find_home(args.home)
    own = templates_in(home.config).overrides
    rows = []
    for name in NAMES:
        override = own.get(name)
        kind = name.partition("-")[0] if "-" in name else ""
        rows.append(
            {
                "name": name,
                "what": TOLD[medium_of(name)] + (f"，只用于{KINDS[kind]}消息" if kind else ""),
                "override": override is not None,
                "used": override is not None and override.template is not None,
                "problems": [fault.message for fault in override.faults] if override else [],
            }
        )
    if args.format == "json":
        show.as_json(rows)
        return Exit.DONE
    words = {
        (False, False): "内置",
        (True, True): "用本办的",
        (True, False): "本办的用不了，用内置",
    }
    show.table(
        ("模板", "现用", "用处"),
        [
            (row["name"], words[bool(row["override"]), bool(row["used"])], row["what"])
            for row in rows
        ],
    )
    show.say(f"改模板：duban templates copy 模板，改 config/{FOLDER}/ 里那一份，再 duban check。")
    return Exit.DONE


def copy_template(args: argparse.Namespace) -> int:
    """Put the built-in text of a template into ``config/templates/``; never over what is there."""
    from notifier.overrides import BUILT_IN, FOLDER, NAMES, medium_of

    home = find_home(args.home)
    if args.name not in NAMES:
        raise UsageError(f"没有叫“{args.name}”的模板。", f"可用：{'、'.join(NAMES)}。")
    target = home.config / FOLDER / args.name
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with target.open("x", encoding="utf-8", newline="\n") as file:
            file.write((BUILT_IN / medium_of(args.name)).read_text(encoding="utf-8"))
    except FileExistsError:
        raise UsageError(
            f"{home.shown(target)} 已经有了。", "直接改它；要重新开始，先把它改名或移走。"
        ) from None
    show.say(
        f"已放好 {home.shown(target)}。改好后运行 duban check；字段和写法见 docs/templates.md。"
    )
    return Exit.DONE
