"""Commands on the matrix: init, check, plan, apply, history."""

from __future__ import annotations

import argparse
import csv
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from duban import __version__, clock
from duban.cli import show
from duban.errors import Exit, InputError, Issues, Level, OutsideError, Place, UsageError
from duban.settings import Home, find_home

if TYPE_CHECKING:
    from duban.ledger.plan import Difference
    from notifier.config import Channels


def init(args: argparse.Namespace) -> int:
    """Put a starter ``tasks_def/`` and ``config/`` into a folder; never over what is there."""
    target = Path(args.dir).expanduser()
    source = starter()
    for name in ("tasks_def", "config"):
        if (target / name).exists():
            raise UsageError(f"{target / name} 已经存在。", "换一个空目录；已有的内容不会被覆盖。")
    target.mkdir(parents=True, exist_ok=True)
    for name in ("tasks_def", "config"):
        shutil.copytree(source / name, target / name)
    show.say(
        f"已放好 {target}/tasks_def 和 {target}/config。",
        f"下一步：改好后运行 duban check --home {target}",
    )
    return Exit.DONE


def starter() -> Path:
    """The starter files: inside the installed package, or at the top of a checkout."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "starter", package.parent):
        if (folder / "tasks_def").is_dir() and (folder / "config").is_dir():
            return folder
    raise OutsideError("安装包里没有起步文件。", "重新安装 duban。")


def check(args: argparse.Namespace) -> int:
    """Print every mistake, doubt and hint; exit 1 when there is a mistake."""
    from duban.assessment.sheets import load_sheets
    from duban.desk import read_desk
    from notifier.config import load_channels

    home = find_home(args.home)
    desk, issues = read_desk(home, clock.day_of(clock.now()))
    _check_templates(home, load_channels(home, issues), issues)
    try:
        load_sheets(home)
    except InputError as problem:
        issues.extend(problem.issues)
    if args.format == "json":
        show.as_json(
            {"issues": [issue.as_json() for issue in issues], "errors": len(issues.errors)}
        )
    elif args.format == "sarif":
        from duban.cli.sarif import issues_to_sarif

        show.as_json(issues_to_sarif(list(issues), __version__))
    else:
        if issues.errors or not args.brief:
            show.issues(issues)
        _summary(issues, readable=desk is not None)
    return Exit.INPUT if issues.errors or desk is None else Exit.DONE


def _check_templates(home: Home, channels: Channels, issues: Issues) -> None:
    """The office's own templates; rendering is imported only where there are some."""
    if not (home.config / "templates").exists():
        return
    from duban.reports.papertemplate import check_paper_templates
    from notifier.proof import check_templates

    check_templates(home, channels, issues)
    check_paper_templates(home, issues)


def _summary(issues: Issues, *, readable: bool) -> None:
    by_level = {level: sum(issue.level is level for issue in issues) for level in Level}
    told = "，".join(f"{level.label}{number}处" for level, number in by_level.items() if number)
    good = "没有错误，可以 duban plan 看变化、duban apply 写入台账。"
    show.say(
        f"共{told}。" if told else "没有发现问题。",
        good if readable and not issues.errors else "改正错误后再检查一次。",
    )


def plan(args: argparse.Namespace) -> int:
    """Explain what ``apply`` would change."""
    from duban.ledger.apply import preview
    from duban.office import open_office

    with open_office(find_home(args.home), create=False) as office:
        difference = preview(office.ledger, office.matrix, office.planned(), office.ledger.now())
    _explain(args, difference)
    return Exit.DONE


def apply(args: argparse.Namespace) -> int:
    """Write the difference in one transaction; ask first when it touches what is settled."""
    from duban.ledger.apply import apply as write
    from duban.office import open_office

    with open_office(find_home(args.home)) as office:
        actor = show.user_name(args.actor)
        difference = write(
            office.ledger, office.matrix, office.planned(), actor=actor, confirmed=args.confirm
        )
    _explain(args, difference)
    if difference.asks and not args.confirm:
        show.note(
            f"有{len(difference.asks)}处改动涉及已办结、已报送、已逾期或已公布的事项，或一次取消多项任务，没有写入："
        )
        show.note(*(f"  · {change.sentence}" for change in difference.asks[:20]))
        show.note("办法：核对后加 --confirm 理由或文号 再运行；或改回原样。")
        return Exit.INPUT
    if args.format == "text":
        done = (
            f"已写入台账（自{difference.in_use_from}起启用）。"
            if difference.changes
            else "台账已是最新，没有写入。"
        )
        show.say(done)
    return Exit.DONE


def _explain(args: argparse.Namespace, difference: Difference) -> None:
    if args.format == "json":
        changes = [
            {
                "kind": each.kind,
                "subject": each.subject,
                "sentence": each.sentence,
                "classes": list(each.classes),
                "asks": each.asks,
            }
            for each in difference.changes
        ]
        show.as_json({"in_use_from": difference.in_use_from, "changes": changes})
        return
    show.say(*(f"· {sentence}" for sentence in difference.sentences()))
    if not difference.changes:
        show.say("任务分工与台账一致，没有变化。")


def history(args: argparse.Namespace) -> int:
    """Import what was done before the software was in use: rows of key, day finished, remark."""
    from duban.ledger import transitions
    from duban.office import open_office

    path = Path(args.file)
    issues = Issues()
    rows = list(_history_rows(path, issues))
    issues.stop_on_errors()
    with (
        open_office(find_home(args.home)) as office,
        office.ledger.write(show.user_name("")) as writing,
    ):
        for place, key, done_on, remark in rows:
            try:
                transitions.adopt(
                    writing, key, done_on=done_on, actor=writing.actor, reason=f"历史导入：{remark}"
                )
            except InputError as problem:
                issues.error("history", place, problem.issues[0].message, problem.issues[0].way_out)
        issues.stop_on_errors()
    show.say(f"已导入{len(rows)}件启用前事项的办理情况。")
    return Exit.DONE


def _history_rows(path: Path, issues: Issues) -> Iterator[tuple[Place, str, date | None, str]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        issues.error("encoding", Place(str(path)), "文件不是 UTF-8 编码。", "另存为 UTF-8 的 CSV。")
        return
    for number, cells in enumerate(csv.reader(lines), 1):
        place = Place(str(path), number)
        if not any(cell.strip() for cell in cells) or (number == 1 and "/" not in cells[0]):
            continue
        padded = [*(cell.strip() for cell in cells), "", ""]
        try:
            yield place, padded[0], show.day(padded[1]), padded[2]
        except UsageError as problem:
            issues.error("history-date", place, problem.message, problem.way_out)
