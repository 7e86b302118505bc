"""What every flow shares: one stage of the work as one Prefect task, its slot, name and paper.

One task a stage, never one an obligation or a message: a task costs Prefect's server 53 ms of
CPU, so a county's month would block it for hours. What happened to each row stands in our ledger.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from prefect import Task, task
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State, TaskRun
from prefect.runtime import flow_run

from duban.clock import local
from duban.errors import NOWHERE, DubanError, Exit, InputError
from flows.children import die_with_parent

Report = dict[str, Any]

RETRY_DELAYS_SECONDS = [5.0, 30.0]


def slot() -> datetime:
    """The moment the current flow run was scheduled for, in Asia/Shanghai.

    A run that starts late, or again after a crash, keeps the slot it was made for.
    """
    return local(flow_run.scheduled_start_time)


def run_name() -> str:
    """The name of the current flow run: its flow and its logical date, with the slot's time.

    A template such as ``remind-{date}`` would read ``remind-None`` for every scheduled run.
    """
    asked = (flow_run.parameters or {}).get("date")
    return f"{flow_run.flow_name} {asked or slot().strftime('%Y-%m-%d %H:%M')}"


def worth_retrying(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether trying again may help: not when the input is wrong, for it stays wrong."""
    failure = state.result(raise_on_failure=False)
    return not (isinstance(failure, DubanError) and failure.exit_code is not Exit.OUTSIDE)


@task(
    name="stage",
    task_run_name="{name}",
    retries=len(RETRY_DELAYS_SECONDS),
    retry_delay_seconds=RETRY_DELAYS_SECONDS,
    retry_jitter_factor=0.5,
    retry_condition_fn=worth_retrying,
    # A run that is taken up again after a crash does not repeat a stage it had finished.
    persist_result=True,
    result_serializer="json",
)
def stage(name: str, home: str | None, on: str | None, at: str | None) -> Report:
    """Run one stage for a logical date (``on``) or a slot (``at``), both in ISO form."""
    from duban import stages

    report = stages.run_stage(
        name,
        home,
        on=date.fromisoformat(on) if on else None,
        slot=datetime.fromisoformat(at) if at else None,
    )
    return dict(report.as_json())


def work(name: str, asked: str | None, home: str | None, *, retry: bool = True) -> Report:
    """Do one stage within the current flow run, and leave a paper of it on Prefect's page.

    ``asked`` is the logical date a person gave (``2026-11-22``); without it the run works for
    the slot it was scheduled for. ``retry=False`` is for delivery: its outbox owns its
    retries, and knows what left.
    Raises InputError when ``asked`` is no date.
    """
    if os.environ.get("PREFECT__FLOW_RUN_ID"):  # a process of its own, started by the service
        die_with_parent()
    on = _checked(asked)
    step = stage if retry else stage.with_options(retries=0, persist_result=False)
    report = step(name, home, on, None if on else slot().isoformat())
    leave_paper(report)
    return report


def leave_paper(report: Report) -> None:
    """Show what a flow did on Prefect's page, in Chinese."""
    name = report["stage"]
    create_markdown_artifact(paper(report), key=name, description=f"{name}：这次做了什么")


def paper(report: Mapping[str, Any]) -> str:
    """The Chinese page (Markdown) of what a stage did: counts, sentences and files."""
    moment = str(report.get("logical_at") or "")
    counts: Mapping[str, int] = report.get("counts") or {}
    parts = [f"# {report.get('stage', '')}", f"所属时点：{moment}"]
    rows = [f"| {_cell(what)} | {count} |" for what, count in counts.items()]
    parts.append(
        "\n".join(["| 项目 | 数量 |", "| --- | ---: |", *rows]) if rows else "没有要办的事。"
    )
    parts += _listed("说明", report.get("lines") or ())
    parts += _listed("文件", report.get("files") or ())
    return "\n\n".join(parts) + "\n"


def _listed(title: str, texts: Any) -> list[str]:
    lines = [f"- {str(text).replace(chr(10), ' ')}" for text in texts]
    return [f"## {title}", "\n".join(lines)] if lines else []


def _cell(text: str) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")


def _checked(asked: str | None) -> str | None:
    """The asked date in one form, so that two spellings of a day are one logical date."""
    if not asked:
        return None
    try:
        return date.fromisoformat(asked.strip()).isoformat()
    except ValueError:
        message = f"“{asked}”不是日期，运行没有开始。"
        raise InputError.one("date", NOWHERE, message, "请写成 2026-11-22 的样子。") from None
