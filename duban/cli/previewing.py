"""Preview: what the coming days will say, exactly; and a saved preview against what then happened."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from duban.cli import show
from duban.cli.work import find_unit
from duban.errors import Exit, OutsideError, UsageError
from duban.settings import find_home

if TYPE_CHECKING:
    from duban.office import Office
    from duban.rehearsal.compare import Difference
    from duban.rehearsal.values import Preview, Told


def preview(args: argparse.Namespace) -> int:
    """Rehearse the coming days in one transaction that is rolled back: the scheduler in plan mode."""
    from duban.office import open_office
    from duban.rehearsal import LONGEST_DAYS, foretell
    from duban.rehearsal.values import as_json

    if not 1 <= args.days <= LONGEST_DAYS:
        raise UsageError(f"--days 应在 1 到 {LONGEST_DAYS} 之间。", "如 --days 30。")
    home = find_home(args.home)
    on = show.day(args.day)
    bar = show.Progress("预演")
    with open_office(home, create=False) as office:
        if args.against:
            return _against(args, office)
        unit = find_unit(office, args.unit) if args.unit else ""
        found = foretell(
            office,
            office.ledger.now(),
            args.days,
            lambda done, all_, day: bar(done, all_, str(day)),
        )
    if args.save:
        _write(Path(args.save), json.dumps(as_json(found), ensure_ascii=False, indent=1))
        show.note(f"预演已存入 {args.save}；过些日子用 duban preview --against {args.save} 对照。")
    chosen = _chosen(found, unit, on)
    if args.format == "json":
        from duban.rehearsal.values import message_json

        show.as_json([message_json(told) for told in chosen.messages])
        return Exit.DONE
    show.banner(example=home.example)
    _tell(chosen, args.days, texts=bool(args.texts))
    return Exit.DONE


def _chosen(found: Preview, unit: str, on: date | None) -> Preview:
    """Only one unit's or one day's part of a preview."""
    day = on.isoformat() if on else ""
    return replace(
        found,
        messages=tuple(
            told
            for told in found.messages
            if (not unit or told.unit == unit) and day in {"", told.day}
        ),
        unsaid=tuple(
            each
            for each in found.unsaid
            if (not unit or each.item.unit == unit) and day in {"", each.day}
        ),
    )


def _tell(found: Preview, days: int, *, texts: bool) -> None:
    rows = [
        (
            told.day,
            told.unit_name,
            told.person,
            told.lines,
            told.channel_name,
            _bytes(told),
            told.subject,
        )
        for told in found.messages
    ]
    show.table(("日期", "单位", "收信人", "事项", "渠道", "字节", "标题"), rows)
    if texts:
        for told in found.messages:
            show.say("", f"──── {told.day} {told.unit_name} {told.person}（{told.id}）", told.text)
    people = {(told.day, told.unit, told.post) for told in found.messages}
    show.say(
        f"今后{days}天预计发出{len(found.messages)}条消息（{len(people)}人次；假设这期间没有新的报送）。"
    )
    unsaid = Counter(each.outcome_name for each in found.unsaid)
    if unsaid:
        told_off = "，".join(f"{name} {number}" for name, number in sorted(unsaid.items()))
        show.say(
            f"另有{len(found.unsaid)}条不说：{told_off}。原因逐条见 --save 的文件或网页“预演”。"
        )


def _bytes(told: Told) -> str:
    """The size of the text, of the HTML beside it, and the part against the channel's limit."""
    said = f"{told.bytes}"
    if told.html_bytes:
        said += f"+{told.html_bytes}"
    if told.limit_bytes:
        said += f"/{told.limit_bytes}"
    return said + (f"（{told.part}/{told.parts}）" if told.parts > 1 else "")


# ---- against -------------------------------------------------------------------------------------


def _against(args: argparse.Namespace, office: Office) -> int:
    from duban.rehearsal.against import against
    from duban.rehearsal.values import read

    before = read(_read(Path(args.against)), args.against)
    found = against(office, before, office.ledger.now())
    if args.unit:
        unit = find_unit(office, args.unit)
        found = [each for each in found if each.unit == unit]
    if args.day:
        found = [each for each in found if each.day == str(show.day(args.day))]
    if args.format == "json":
        show.as_json([_json(each) for each in found])
        return Exit.DONE
    show.banner(example=office.home.example)
    _tell_differences(before, found)
    return Exit.DONE


def _json(each: Difference) -> dict[str, Any]:
    return {name: getattr(each, name) for name in each.__slots__}


def _tell_differences(before: Preview, found: Sequence[Difference]) -> None:
    show.say(*(each.sentence for each in found))
    made = before.as_of[:16].replace("T", " ")
    if not found:
        show.say(f"{made}的预演与实际发出的完全一致。")
        return
    unexplained = sum(each.cause == "unexplained" for each in found)
    tail = f"其中{unexplained}处找不到原因。" if unexplained else "每一处都有原因。"
    show.say(f"与{made}的预演相比，共{len(found)}处不同，{tail}")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"没有文件 {path}。", "用 duban preview --save 存一份预演。") from None
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"文件 {path} 读不出来。", "检查路径、权限和编码。") from None


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as problem:
        raise OutsideError(f"{path} 写不进去（{problem.strerror}）。", "换一个文件夹。") from None
