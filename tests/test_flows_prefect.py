"""The flows on a real Prefect: real runs, real schedules, real kills, and nobody called outside.

The stages and the portal are stand-ins (``prefect_double``), Prefect and the processes are not.
Each home starts from one database that was built once.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import prefect_double as double
from duban import stages
from duban.clock import SHANGHAI
from flows import service
from flows.deploy import SCHEDULE
from flows.lost import Seen, Verdict, superseded, verdict
from prefect_tree import Tree, environment, until

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=SHANGHAI)
QUIET = timedelta(seconds=90)

TWICE = """
import json, sys, pathlib
from datetime import date
from duban.errors import InputError
from flows.service import NAMES, run_flows, running_api
home, told = pathlib.Path(sys.argv[1]), []
assert "prefect" not in sys.modules, "importing the service must stay cheap"
assert running_api(home) is None
first = run_flows(NAMES, home, date(2026, 11, 20), told.append)
second = run_flows(["remind", "deliver"], home, date(2026, 11, 20), told.append)
(home / "escalate.wrong").touch()
try:
    run_flows(["escalate"], home, date(2026, 11, 20), told.append)
    wrong = None
except InputError as failure:
    wrong = str(failure)
(home / "escalate.wrong").unlink()
print(json.dumps({"first": first, "second": second, "wrong": wrong, "told": told}))
"""


def run_python(home: Path, code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, str(home)]
    return subprocess.run(
        command, env=environment(home), capture_output=True, text=True, timeout=240, check=False
    )


# --- decisions without Prefect ---------------------------------------------------------------


def seen(
    state: str, silent_seconds: int, *, count: int = 1, deployed: bool = True, hours_ago: int = 0
) -> Seen:
    silent = timedelta(seconds=silent_seconds)
    return Seen(state, NOON - silent, NOON - timedelta(hours=hours_ago), count, deployed)


@pytest.mark.parametrize(
    ("run", "what"),
    [
        (seen("RUNNING", 60), Verdict.ALIVE),
        (seen("RUNNING", 91), Verdict.AGAIN),
        (seen("PENDING", 91, count=0), Verdict.AGAIN),
        (seen("RUNNING", 91, count=3), Verdict.ENDED),
        (seen("RUNNING", 91, hours_ago=25), Verdict.ENDED),
        (seen("RUNNING", 91, deployed=False), Verdict.ALIVE),
        (seen("RUNNING", 7201, deployed=False), Verdict.ENDED),
        (seen("CRASHED", 0), Verdict.AGAIN),
        (seen("CRASHED", 0, count=3), Verdict.ENDED),
        (seen("CANCELLING", 91), Verdict.CANCELLED),
    ],
)
def test_what_becomes_of_a_silent_run(run: Seen, what: Verdict) -> None:
    assert verdict(run, NOON, QUIET) is what


def test_of_many_late_slots_only_the_newest_of_each_deployment_runs() -> None:
    late = [("remind", 2), ("remind", 3), ("deliver", 1), ("remind", 1)]
    older = superseded(late, line=lambda run: run[0], slot=lambda run: NOON.replace(day=run[1]))
    assert older == [("remind", 1), ("remind", 2)]


def test_the_schedule_agrees_with_the_times_that_a_logical_date_stands_for() -> None:
    clock = {timed.flow: timed.crons[0].split()[:2] for timed in SCHEDULE}
    for stage, slot in stages.SLOTS.items():
        if stage != "deliver":  # every five minutes
            assert clock[stage] == [str(slot.minute), str(slot.hour)]
    assert {timed.flow for timed in SCHEDULE} == {*stages.STAGES, "recover"} == set(service.NAMES)


def test_a_stale_note_of_a_service_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    told = {"pid": os.getpid(), "prefect_api": "http://127.0.0.1:9/api", "portal": ""}
    (tmp_path / "var/up.json").write_text(json.dumps(told), "utf-8")
    assert service.running_api(tmp_path) is None


# --- runs here and now -----------------------------------------------------------------------


@pytest.fixture(scope="session")
def first_home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A fresh home in which every flow ran on a private server, and what came of it."""
    home = tmp_path_factory.mktemp("first-home")
    done = run_python(home, TWICE)
    assert done.returncode == 0, done.stderr
    assert not double.living(home), "a private server stops with the call"
    assert not done.stderr, "Prefect's log belongs into a file, not on the clerk's terminal"
    outcome: dict[str, Any] = json.loads(done.stdout)
    return home, outcome


@pytest.mark.prefect
def test_every_flow_is_a_real_run_with_a_chinese_paper(
    first_home: tuple[Path, dict[str, Any]],
) -> None:
    home, outcome = first_home
    assert [(run["flow"], run["state"]) for run in outcome["first"]] == [
        (name, "Completed") for name in service.NAMES
    ]
    with sqlite3.connect(home / "var/prefect/prefect.db") as book:
        runs = dict(book.execute("select id, name from flow_run where state_type = 'COMPLETED'"))
        papers = dict(book.execute("select key, data from artifact"))
        tasks = [row[0] for row in book.execute("select name from task_run")]
    book.close()
    assert {run["run_id"] for run in outcome["first"]} <= set(runs)
    assert runs[outcome["first"][3]["run_id"]] == "remind 2026-11-20"
    assert "| 新增消息 | 1 |" in json.loads(papers["publish"])
    assert sorted(set(tasks)) == sorted(double.STAGES), "one task a stage"


@pytest.mark.prefect
def test_a_second_run_of_a_logical_date_adds_nothing(
    first_home: tuple[Path, dict[str, Any]],
) -> None:
    home, outcome = first_home
    again = {run["flow"]: run["report"]["counts"] for run in outcome["second"]}
    assert again == {"remind": {"新增消息": 0}, "deliver": {"新增消息": 0}}
    days = {call["day"] for call in double.calls(home)}
    assert days == {"2026-11-20"}
    assert sum(call["stage"] == "remind" for call in double.calls(home)) == 2


@pytest.mark.prefect
def test_wrong_input_is_told_at_once_and_not_tried_again(
    first_home: tuple[Path, dict[str, Any]],
) -> None:
    home, outcome = first_home
    assert "任务表第 3 行缺牵头单位" in outcome["wrong"]
    assert sum(call["stage"] == "escalate" for call in double.calls(home)) == 2  # with the good one
    assert "提醒（remind）：新增消息 1" in outcome["told"]


def new_home(first_home: tuple[Path, dict[str, Any]], place: Path) -> Path:
    shutil.copytree(first_home[0] / "var/prefect", place / "var/prefect")
    return place


# --- the service -----------------------------------------------------------------------------


@pytest.fixture(scope="session")
def tree(
    first_home: tuple[Path, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Tree]:
    served = Tree(new_home(first_home, tmp_path_factory.mktemp("served")))
    yield served
    served.close()


@pytest.mark.prefect
def test_the_schedule_is_what_the_list_says(tree: Tree) -> None:
    for timed in SCHEDULE:
        known = tree.deployment(timed.full_name)
        times = [known_schedule["schedule"] for known_schedule in known["schedules"]]
        assert {(time["cron"], time["timezone"]) for time in times} == {
            (cron, "Asia/Shanghai") for cron in timed.crons
        }
        busy = "CANCEL_NEW" if timed.flow in {"deliver", "recover"} else "ENQUEUE"
        assert known["global_concurrency_limit"]["limit"] == 1
        assert known["concurrency_options"]["collision_strategy"] == busy
        assert known["entrypoint"] == f"flows.{timed.flow}.{timed.flow}"


@pytest.mark.prefect
def test_prefects_scheduler_makes_the_coming_slots_in_shanghai_time(tree: Tree) -> None:
    remind = tree.deployment("remind/daily")["id"]
    wanted = {
        "flow_runs": {
            "deployment_id": {"any_": [remind]},
            "state": {"type": {"any_": ["SCHEDULED"]}},
        }
    }
    runs = until(lambda: tree.ask("/flow_runs/filter", wanted), "scheduled runs")
    slots = [datetime.fromisoformat(run["expected_start_time"]) for run in runs]
    assert {slot.astimezone(UTC).strftime("%H:%M") for slot in slots} == {"00:30"}


@pytest.mark.prefect
def test_a_schedule_yields_a_run_for_its_slot(tree: Tree) -> None:
    collect = tree.deployment("collect/daily")
    soon = {"interval": 5, "anchor_date": "2026-01-01T00:00:00Z", "timezone": "Asia/Shanghai"}
    path = f"/deployments/{collect['id']}/schedules"
    (made,) = tree.ask(path, [{"schedule": soon, "active": True, "slug": "soon"}])
    wanted = {
        "sort": "EXPECTED_START_TIME_ASC",
        "flow_runs": {
            "deployment_id": {"any_": [collect["id"]]},
            "state": {"type": {"any_": ["COMPLETED"]}},
        },
    }
    run = until(lambda: tree.ask("/flow_runs/filter", wanted), "a run from the schedule")[0]
    tree.ask(f"{path}/{made['id']}", method="DELETE")
    assert run["auto_scheduled"]
    slot = datetime.fromisoformat(run["expected_start_time"])
    worked_for = [call["at"] for call in double.calls(tree.home) if call["stage"] == "collect"]
    assert slot.astimezone(SHANGHAI).isoformat() in worked_for
    assert run["name"] == slot.astimezone(SHANGHAI).strftime("collect %Y-%m-%d %H:%M")


@pytest.mark.prefect
def test_a_killed_flow_process_is_replaced(tree: Tree) -> None:
    (tree.home / "digest.hang").touch()
    run_id = tree.start_run("digest/weekly", date="2026-11-20")
    os.kill(hanging(tree.home, "digest"), 9)
    assert tree.completed(run_id)["run_count"] == 2
    days = [call["day"] for call in double.calls(tree.home) if call["stage"] == "digest"]
    assert days == ["2026-11-20", "2026-11-20"]


@pytest.mark.prefect
def test_recover_keeps_the_newest_late_slot_and_leaves_the_living_alone(tree: Tree) -> None:
    (tree.home / "escalate.hang").touch()
    living = tree.start_run("escalate/daily", date="2026-11-20")
    process = hanging(tree.home, "escalate")
    late = [tree.start_run("escalate/daily", NOON - timedelta(days=days)) for days in (3, 2, 1)]
    tree.completed(tree.start_run("recover/often"))
    assert [tree.run(run)["state"]["type"] for run in late[:2]] == ["CANCELLED", "CANCELLED"]
    assert tree.run(late[2])["state"]["type"] in {"SCHEDULED", "PENDING"}
    assert tree.run(living)["state"]["type"] == "RUNNING"
    os.kill(process, 9)


@pytest.mark.prefect
def test_flows_by_hand_use_the_living_service(tree: Tree) -> None:
    code = (
        "import sys, pathlib, json; from datetime import date; from flows.service import run_flows\n"
        "home = pathlib.Path(sys.argv[1])\n"
        "print(json.dumps(run_flows(['publish'], home, date(2026, 11, 21), lambda text: None)))"
    )
    done = run_python(tree.home, code)
    assert done.returncode == 0, done.stderr
    (outcome,) = json.loads(done.stdout)
    assert tree.run(outcome["run_id"])["state"]["name"] == "Completed"


@pytest.mark.prefect
def test_a_second_service_of_a_home_is_refused(tree: Tree) -> None:
    code = (
        "import sys, pathlib; from duban.errors import UsageError; from flows.service import up\n"
        "try: up(pathlib.Path(sys.argv[1]), '127.0.0.1', 1)\n"
        "except UsageError as refused: print(refused.message)"
    )
    assert "已经在运行" in run_python(tree.home, code).stdout


@pytest.mark.prefect
def test_nobody_outside_is_called(tree: Tree, first_home: tuple[Path, dict[str, Any]]) -> None:
    tree.completed(tree.start_run("upkeep/nightly", date="2026-11-20"))
    guarded = (tree.home / "guarded.txt").read_text("utf-8")
    for process in ("prefect.server.api.server", "flows.deploy", "prefect.engine"):
        assert process in guarded, "the guard must have been there"
    for home in (tree.home, first_home[0]):
        assert not (home / "outside.txt").exists(), (home / "outside.txt").read_text("utf-8")


@pytest.mark.prefect
def test_the_guard_itself_notices_a_call(tmp_path: Path) -> None:
    code = "import urllib.request; urllib.request.urlopen('http://203.0.113.7/', timeout=1)"
    assert run_python(tmp_path, code).returncode != 0
    assert "203.0.113." in (tmp_path / "outside.txt").read_text("utf-8")


# --- its end ---------------------------------------------------------------------------------


def hanging(home: Path, stage: str) -> int:
    """The process of a flow run that hangs in a stage."""
    until(lambda: not (home / f"{stage}.hang").exists(), f"{stage} to begin")
    return int(double.calls(home)[-1]["pid"])


@pytest.mark.prefect
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's help is Linux's")
def test_after_kill_9_nothing_is_left_and_the_next_start_takes_up_the_run(
    first_home: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    home = new_home(first_home, tmp_path)
    killed = Tree(home)
    (home / "remind.hang").touch()
    run_id = killed.start_run("remind/daily", date="2026-11-20")
    flow_process = hanging(home, "remind")
    assert flow_process in double.living(home)
    killed.kill()
    until(lambda: not double.living(home), "every process to go", patience=15)

    again = Tree(home)
    try:
        assert again.completed(run_id)["run_count"] == 2
        assert again.interrupt() == 0
        assert "没有按时" not in (home / "up.txt").read_text("utf-8")
    finally:
        again.close()
    assert not double.living(home)
    assert not (home / "var/up.json").exists()


@pytest.mark.prefect
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_the_service_ends_when_a_part_dies(
    first_home: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    home = new_home(first_home, tmp_path)
    served = Tree(home)
    try:
        os.kill(portal_process(home), 9)
        assert served.wait() == 3
    finally:
        served.close()
    assert "网页意外退出" in (home / "up.txt").read_text("utf-8")
    assert not double.living(home)


def portal_process(home: Path) -> int:
    told = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in double.living(home)}
    (found,) = [pid for pid, line in told.items() if b"duban.portal" in line]
    return found
