"""Forks one process per command, each of which kills itself with SIGKILL at the point it was told.

A process counts its *points*: writes, commits, words to the mail server. Everything is imported once,
before the first fork; orders come in on standard input, one JSON object a line.
"""

from __future__ import annotations

import json
import os
import signal
import smtplib
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from duban import clock

_COUNTED_SQL = ("INSERT", "UPDATE", "DELETE")


class Told:
    """The clock of the children: it shows a told moment, and runs from it when told a beginning."""

    moment = datetime.max.replace(tzinfo=clock.SHANGHAI)  # until it is told
    began: datetime | None = None

    def __init__(self, real: Callable[[], datetime]) -> None:
        self._real = real

    def __call__(self) -> datetime:
        return self.moment + (self._real() - self.began if self.began else timedelta(0))


class Points:
    """Counts the instants at which a process may be killed."""

    def __init__(self) -> None:
        self.seen = 0
        self.last = 0

    def __call__(self, *_: object) -> None:
        self.seen += 1
        if self.seen == self.last:
            os.kill(os.getpid(), signal.SIGKILL)


def nursery() -> None:
    """Import everything once; then for each line of orders fork, or wait for, a child."""
    told = Told(clock.now)
    clock.now = told  # before anything takes it as its default
    from duban.cli import main
    from notifier.gateway import _registry

    _import_stages()
    _registry()
    points = Points()
    _hook(points)
    _say("ready")
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            _, status = os.waitpid(order["wait"], 0)
            _say(os.waitstatus_to_exitcode(status))
            continue
        child = os.fork()
        if child == 0:
            _live(order, told, points, main)
        _say(child)


def _say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def _import_stages() -> None:
    from duban.stages import stage_function

    for name in ("remind", "deliver"):
        stage_function(name)


def _hook(points: Points) -> None:
    def before(*given: Any) -> None:
        if given[2].lstrip().startswith(_COUNTED_SQL):
            points()

    sa.event.listen(sa.Engine, "before_cursor_execute", before)
    sa.event.listen(sa.Engine, "commit", points)
    for name in ("send", "getreply"):
        real = getattr(smtplib.SMTP, name)

        def spoken(self: Any, *given: Any, real: Any = real) -> Any:
            points()
            return real(self, *given)

        setattr(smtplib.SMTP, name, spoken)


def _live(order: dict[str, Any], told: Told, points: Points, main: Any) -> None:
    """Be one process: run a command, leave what it said, and end."""
    told.moment = datetime.fromisoformat(order["moment"])
    told.began = datetime.fromisoformat(order["began"]) if order["began"] else None
    points.last = order["kill_at"]
    os.environ |= {"DUBAN_EXAMPLE": "0"} | order["environment"]  # the example has its own ledger
    code, said = 1, {}
    try:
        with Path(order["out"]).with_suffix(".txt").open("w", encoding="utf-8") as text:
            sys.stdout = sys.stderr = text
            if order["lease"]:
                said = deliver_with(order["args"][0], order["lease"])
                code = 0
            else:
                code = main(order["args"])
    except BaseException as problem:  # noqa: BLE001 - told through the file: nobody stands above
        said = {"error": repr(problem)}
        code = 1
    finally:
        Path(order["out"]).write_text(json.dumps(said | {"points": points.seen}), "utf-8")
        os._exit(code)


def deliver_with(home: str, lease: float) -> dict[str, Any]:
    """One round of delivery with a lease of so many seconds."""
    from duban.errors import Issues
    from duban.ledger.store import open_ledger
    from duban.settings import Home
    from notifier.config import load_channels
    from notifier.deliver import deliver_due

    found = Home(Path(home))
    ledger = open_ledger(found.database_url)
    channels = load_channels(found, Issues())
    report = deliver_due(ledger, found, channels, ledger.now(), "w", lease_seconds=lease)
    ledger.close()
    return asdict(report)


if __name__ == "__main__":
    nursery()
