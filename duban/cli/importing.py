"""The command that reads an office's 任务分工表 into YAML."""

from __future__ import annotations

import argparse
from pathlib import Path

from duban import clock
from duban.cli import show
from duban.errors import Exit, InputError, UsageError
from duban.settings import Home, find_home

SHOWN = 40


def import_matrix(args: argparse.Namespace) -> int:
    """Import a file into a new folder; exit 1 when the report holds errors (the files are written)."""
    from duban.cli.matrix import starter
    from duban.importing.run import Order, import_file

    year = args.year
    if year is not None and not 1990 <= year <= 2100:
        raise UsageError(f"年份 {year} 不对。", "写成如 --year 2026。")
    home = find_home(args.home) if args.home else None
    order = Order(
        file=Path(args.file).expanduser(),
        out=Path(args.out).expanduser().absolute(),
        config=home.config if home else starter() / "config",
        this_year=clock.day_of(clock.now()).year,
        year=year,
        sheet=args.sheet or "",
        home=home,
        near=_near() if home is None else None,
    )
    try:
        report = import_file(order)
    except InputError as problem:
        if args.format == "json":
            errors = [issue.as_json() for issue in problem.issues]
            show.as_json({"written": False, "errors": errors})
            return Exit.INPUT
        raise
    if args.format == "json":
        show.as_json({"written": True, **report.as_json()})
    else:
        show.say(*report.summary())
        show.say(*(str(each) for each in report.errors[:SHOWN]))
        if len(report.errors) > SHOWN:
            show.say(f"……还有{len(report.errors) - SHOWN}处，见 {order.out}/import-report.md。")
        show.say(
            f"已写入 {order.out}（任务、单位、设置和 import-report.md）。",
            f"下一步：照 import-report.md 改正、核对，再运行 duban check --home {order.out}",
        )
    return Exit.INPUT if report.errors else Exit.DONE


def _near() -> Home | None:
    """The home where the command runs, if it runs in one."""
    try:
        return find_home()
    except UsageError:
        return None
