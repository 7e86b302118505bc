"""The dashboard of a full county against one pass over the same rows, in CPU seconds of one process.

The yardstick reads every obligation once and works out how each stands, which any page that shows the
lamps must do. The dashboard also reads the closed months' record, counts, sorts and writes the page. As
of an earlier day it first makes the rows of that day again from the events.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from anyio.from_thread import start_blocking_portal

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import board_home  # noqa: E402 - the county that the tests use lies beside them
from duban.ledger import queries  # noqa: E402
from duban.portal.app import create_app  # noqa: E402
from duban.portal.items import plain_items  # noqa: E402
from duban.portal.state import Portal  # noqa: E402
from portal_home import KEY, Browser, Watch  # noqa: E402

RUNS = 7
GOALS = (
    ("/office", "看板，一年", 2.0),
    ("/office?year=all", "看板，三年", 2.0),
    ("/office?year=all&view=rate", "看板，三年按时率", 2.5),
    ("/office?as_of=2026-11-20", "看板，截至从前一天（重放当时的记录）", 12.0),
)


def one_pass(portal: Portal) -> int:
    """Read every obligation once and say how it stands."""
    with portal.ledger.read() as conn:
        rows = queries.obligations(conn)
    return len(plain_items(portal.office, rows, board_home.NOW))


def least(work: Callable[[], object]) -> float:
    """The least CPU seconds of several runs: noise only ever adds."""
    work()
    taken = []
    for _ in range(RUNS):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


def main() -> None:
    """Measure every view and print the ratios with their goals."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    os.environ["DUBAN_OFFICE_KEY"] = KEY
    with tempfile.TemporaryDirectory() as folder:
        watch = Watch(board_home.APPLIED)
        app = create_app(str(board_home.write_county(Path(folder) / "home")), ask=watch)
        portal: Portal = app.state.portal
        number = board_home.fill(portal.office, portal.ledger)
        watch.at = board_home.NOW
        board_home.one_more(portal.ledger)
        with start_blocking_portal() as loop:
            browser = Browser(app, loop)
            browser.post("/office/login", data={"key": KEY, "name": "经办人甲"})
            base = least(lambda: one_pass(portal))
            print(f"尺子：读一遍{number}项并判定灯色 = {base * 1000:.0f} 毫秒（本次测得）")
            for address, name, goal in GOALS:
                ratio = least(lambda address=address: browser.get(address)) / base  # type: ignore[misc] # a lambda's default
                print(f"{'达标' if ratio <= goal else '超出'}  {ratio:6.3f} ≤ {goal:.2f}  {name}")
        portal.close()


if __name__ == "__main__":
    main()
