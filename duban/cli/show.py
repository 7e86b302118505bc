"""Says things on a terminal: tables aligned for Chinese, JSON, and progress."""

from __future__ import annotations

import getpass
import json
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from duban.errors import Issue, UsageError
from duban.settings import EXAMPLE_MARK
from duban.yamltext import read_date


def say(*lines: str) -> None:
    """Write lines to standard output."""
    for line in lines:
        sys.stdout.write(f"{line}\n")


def note(*lines: str) -> None:
    """Write lines to standard error: what is not part of the answer."""
    for line in lines:
        sys.stderr.write(f"{line}\n")


def as_json(value: Any) -> None:
    """Write a value as JSON; moments and exact numbers as text."""
    say(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: object) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)


def width(text: str) -> int:
    """Columns that a text takes on a terminal: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table whose columns line up; the last column may be as long as it likes."""
    texts = [[str(cell) if cell is not None else "" for cell in row] for row in rows]
    widths = [
        max(width(each[number]) for each in [list(head), *texts]) for number in range(len(head))
    ]
    for row in [list(head), ["-" * each for each in widths], *texts]:
        cells = [cell + " " * (widths[number] - width(cell)) for number, cell in enumerate(row)]
        say(("  ".join(cells)).rstrip())


def issues(found: Iterable[Issue]) -> None:
    """Write issues, one a line, coloured by level on a terminal."""
    colour = sys.stdout.isatty()
    for issue in found:
        line = str(issue)
        if colour and issue.level.value != "info":
            code = "31" if issue.level.value == "error" else "33"
            line = line.replace(issue.level.label, f"\x1b[{code}m{issue.level.label}\x1b[0m", 1)
        say(line)


def counts(title: str, found: Mapping[str, int]) -> None:
    """Write counts that are not zero in one line."""
    parts = [f"{name} {number}" for name, number in found.items() if number]
    say(f"{title}：{'，'.join(parts) if parts else '没有变化'}")


def banner(*, example: bool) -> None:
    """Say that what follows is example data."""
    if example:
        note(f"【{EXAMPLE_MARK}】以下来自示例台账，不是真实报送和考核结果。")


def day(text: str, name: str = "日期") -> date | None:
    """A date from the command line; empty gives None. Raises UsageError for what is none."""
    if not text:
        return None
    found = read_date(text)
    if found is None:
        raise UsageError(f"{name}“{text}”不是日历上的一天。", "写成 2026-11-22。")
    return found


def user_name(given: str) -> str:
    """Who acts: as given, else the system's user name."""
    if given:
        return given
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli"


class Progress:
    """One line that is written over again on a terminal; silent otherwise."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._on = sys.stderr.isatty()

    def __call__(self, done: int, total: int, what: str = "") -> None:
        """Show how far it is."""
        if self._on:
            filled = 24 * done // max(total, 1)
            bar = "█" * filled + "·" * (24 - filled)
            sys.stderr.write(f"\r{self._title} {bar} {done}/{total} {what}\x1b[K")
            if done >= total:
                sys.stderr.write("\n")
            sys.stderr.flush()
