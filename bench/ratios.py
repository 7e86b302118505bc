"""Speed as ratios measured side by side in one run: figures in seconds would tell of the machine.

The yardstick is the CPU time of importing Prefect, which every flow run pays. Each figure is the least of
several runs in CPU seconds, children included.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from datetime import time as clock_time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNS = 5
PEAK = date(2026, 9, 24)  # the working day before a quarter's reports fall due


def child_cpu(*command: str) -> float:
    """CPU seconds of a command and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def least(measure: Callable[[], float], runs: int = RUNS) -> float:
    """The least of several measurements: noise only ever adds."""
    return min(measure() for _ in range(runs))


def home_before_peak(folder: Path) -> Path:
    """The shipped plan, played up to the eve of the peak day."""
    from duban import clock, simulate
    from duban.settings import Home

    for name in ("tasks_def", "config"):
        shutil.copytree(ROOT / name, folder / name)
    simulate.simulate(Home(folder, example=True), date(2026, 1, 1), clock.end_of(date(2026, 9, 23)))
    return folder


def daily_run(home: Path) -> float:
    """CPU seconds of one morning: plan, due-scan, escalation, claim, grouping, render – on a copy."""
    from duban import clock
    from duban.ledger.apply import preview
    from duban.office import open_office
    from duban.settings import Home
    from duban.stages import stage_function

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "home"
        shutil.copytree(home, copy)
        told = clock.at(PEAK, clock_time(8, 30))
        with open_office(Home(copy, example=True), ask=lambda: told) as office:
            stages = [stage_function(name) for name in ("collect", "escalate", "remind")]
            start = time.process_time()
            preview(office.ledger, office.matrix, office.planned(), told)
            for stage in stages:
                stage(office, told)
            return time.process_time() - start


def main() -> None:
    """Measure everything and print the ratios with their goals."""
    yardstick = least(lambda: child_cpu("-c", "import prefect; from prefect import flow"))
    with tempfile.TemporaryDirectory() as folder:
        home = home_before_peak(Path(folder))
        daily_run(home)  # warm: first imports and statement caches are not what a morning costs
        rows = [
            ("一个早晨（计划、扫描、督办、认领、成文）", least(lambda: daily_run(home)), 0.10),
            ("duban --help", least(lambda: child_cpu("-m", "duban.cli", "--help")), 0.15),
            (
                "duban check",
                least(
                    lambda: child_cpu("-m", "duban.cli", "check", "--brief", "--home", str(home))
                ),
                0.30,
            ),
            (
                "duban status",
                least(lambda: child_cpu("-m", "duban.cli", "status", "--home", str(home))),
                0.50,
            ),
        ]
    print(f"尺子：import prefect = {yardstick:.2f} CPU 秒（本次测得）")
    for name, seconds, goal in rows:
        ratio = seconds / yardstick
        print(
            f"{'达标' if ratio <= goal else '超出'}  {ratio:6.3f} ≤ {goal:.2f}  {name}（{seconds * 1000:.0f} 毫秒）"
        )


if __name__ == "__main__":
    main()
