"""Flow runs in the calling process: the settings, the quiet log, and the outcome as plain values.

Imports Prefect when a function is called, never before: its settings are read at import.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from duban.errors import DubanError, Exit
from flows import environment

TITLES = {
    "publish": "发出经确认的督办",
    "remind": "提醒",
    "collect": "报送",
    "escalate": "督办",
    "digest": "周报",
    "assess": "考核",
    "deliver": "送达",
    "upkeep": "巡检",
    "recover": "续办",
}
"""What a clerk calls each flow."""


def load(home: Path, api: str) -> None:
    """Import Prefect with the settings of this home, its console log sent to a file.

    The first import decides for the life of the process; ``prefect_client`` sets what may differ
    from call to call.
    """
    for foreign in environment.FOREIGN:
        os.environ.pop(foreign, None)
    os.environ.update(environment.settings(home, api))
    import prefect.events.worker
    import prefect.logging.handlers
    import prefect.main  # noqa: F401 - here the log is set up

    _log_to_file(environment.log_file(home, "prefect"))


@contextlib.contextmanager
def prefect_client(home: Path, api: str) -> Iterator[None]:
    """Talk to this API inside the block; at its end everything said has arrived."""
    load(home, api)
    from prefect import settings
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    wanted: dict[Any, Any] = {
        settings.PREFECT_API_URL: api,
        settings.PREFECT_HOME: environment.prefect_home(home),
        # The heartbeat's thread costs each run a second; a run that someone watches needs none.
        settings.PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
    }
    with settings.temporary_settings(wanted):
        try:
            yield
        finally:
            # A server that is private to this call stops next: what is still queued would be lost.
            APILogWorker.drain_all()
            EventsWorker.drain_all()


def run(
    name: str, home: Path, on: date | None, progress: Callable[[str], None]
) -> dict[str, object]:
    """Run one flow here and now; ``service.run_flows`` tells the keys and the errors."""
    from flows.deploy import flow_named

    flow: Any = flow_named(name)
    told = {} if name == "recover" else {"date": on and on.isoformat(), "home": str(home.resolve())}
    state = flow(**told, return_state=True)
    outcome = state.result(raise_on_failure=False)
    if isinstance(outcome, DubanError) and outcome.exit_code is not Exit.OUTSIDE:
        raise outcome
    ok = bool(state.is_completed())
    progress(f"{TITLES[name]}（{name}）：{_summary(outcome) if ok else f'没有完成。{outcome}'}")
    return {
        "flow": name,
        "run_id": str(state.state_details.flow_run_id),
        "state": state.name,
        "ok": ok,
        "report": outcome if ok else None,
        "error": None if ok else str(outcome),
    }


def _summary(report: Mapping[str, Any]) -> str:
    """The counts that are not zero, in one line."""
    done = [f"{what} {count}" for what, count in report["counts"].items() if count]
    return "，".join(done) if done else "没有要办的事"


def _log_to_file(path: Path) -> None:
    """Send what Prefect would print at the terminal to a file, for the life of the process."""
    target = RotatingFileHandler(path, "a", 5_000_000, 1, encoding="utf-8", delay=True)
    target.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    for logger in _loggers():
        for handler in list(logger.handlers):
            if _prints(handler):
                logger.removeHandler(handler)
                logger.addHandler(target)


def _loggers() -> list[logging.Logger]:
    named = [logging.getLogger(name) for name in list(logging.root.manager.loggerDict)]
    return [logging.getLogger(), *named]


def _prints(handler: logging.Handler) -> bool:
    """Whether it is Prefect's console, or the file that an earlier call put in its place."""
    if isinstance(handler, logging.FileHandler):
        return handler.baseFilename.endswith("prefect.log")
    module = type(handler).__module__
    return isinstance(handler, logging.StreamHandler) and module.startswith("prefect.")
