"""At every start and every ten minutes: runs that died are taken up again.

Prefect leaves a run ``Running`` for ever when its runner is stopped or the machine loses power,
and after a restart its automations do not mend that. ``flows/lost.py`` decides, this file asks
Prefect and carries out.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.runtime import flow_run as current
from prefect.states import AwaitingRetry, Cancelled, Crashed

from duban.clock import now
from flows.environment import QUIET_SECONDS
from flows.lost import GIVE_UP_AFTER, Seen, Verdict, superseded, verdict
from flows.stage import Report, leave_paper, run_name

_OPEN = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]
_PAGE = 200


@flow(name="recover", flow_run_name=run_name, timeout_seconds=300)
def recover(quiet_seconds: int = QUIET_SECONDS) -> Report:
    """Take up again every run without a sign of life for ``quiet_seconds``."""
    report = reconcile(quiet_seconds, myself=UUID(str(current.id)))
    leave_paper(report)
    return report


def reconcile(quiet_seconds: int = QUIET_SECONDS, myself: UUID | None = None) -> Report:
    """Ask Prefect for open, crashed and late runs, decide on each, and do it.

    ``quiet_seconds=0`` is for the start of the service, when nothing of ours can be alive.
    Returns the report of a stage: how many runs got which verdict, and which.
    """
    moment = now()
    done: list[tuple[Verdict, FlowRun]] = []
    with get_client(sync_client=True) as client:
        for run in _runs(client, [*_OPEN, StateType.CRASHED], since=moment - 2 * GIVE_UP_AFTER):
            if run.id == myself:
                continue
            what = verdict(_look(client, run), moment, timedelta(seconds=quiet_seconds))
            if _carry_out(client, run, what):
                done.append((what, run))
        late = _runs(client, [StateType.SCHEDULED], until=moment)
        for run in superseded(late, line=lambda run: run.deployment_id, slot=_slot):
            _set(client, run, Cancelled(message=Verdict.SUPERSEDED.value))
            done.append((Verdict.SUPERSEDED, run))
    return _report(moment, done)


def _runs(
    client: SyncPrefectClient,
    states: list[StateType],
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[FlowRun]:
    expected = FlowRunFilterExpectedStartTime.model_validate({"after_": since, "before_": until})
    wanted = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=states)),
        expected_start_time=expected,
    )
    return client.read_flow_runs(
        flow_run_filter=wanted, sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=_PAGE
    )


def _slot(run: FlowRun) -> datetime:
    return run.expected_start_time or run.created or now()


def _look(client: SyncPrefectClient, run: FlowRun) -> Seen:
    state = run.state
    signs = [state.timestamp] if state else []
    return Seen(
        state=(state.type if state else StateType.PENDING).value,
        last_sign=max(signs + _events(client, run), default=_slot(run)),
        slot=_slot(run),
        run_count=run.run_count,
        deployed=run.deployment_id is not None,
    )


def _events(client: SyncPrefectClient, run: FlowRun) -> list[datetime]:
    """When the last event of a run happened: heartbeats are events."""
    wanted = {"resource": {"id": [f"prefect.flow-run.{run.id}"]}, "order": "DESC"}
    reply = client.request("POST", "/events/filter", json={"filter": wanted, "limit": 1})
    return [datetime.fromisoformat(event["occurred"]) for event in reply.json()["events"]]


def _carry_out(client: SyncPrefectClient, run: FlowRun, what: Verdict) -> bool:
    """Do what was decided; true when that changed anything."""
    crashed = run.state is not None and run.state.type is StateType.CRASHED
    if what is Verdict.CANCELLED:
        return _set(client, run, Cancelled(message=what.value))
    if what is Verdict.ALIVE or (crashed and what is Verdict.ENDED):
        return False
    # Through Crashed, so that the slot which the dead run held is given back.
    if not crashed:
        _set(client, run, Crashed(message=what.value))
    return what is Verdict.ENDED or _set(client, run, AwaitingRetry(message=what.value))


def _set(client: SyncPrefectClient, run: FlowRun, state: State[None]) -> bool:
    client.set_flow_run_state(run.id, state, force=True)
    return True


def _report(moment: datetime, done: list[tuple[Verdict, FlowRun]]) -> Report:
    kinds = [what for what, _ in done]
    return {
        "stage": "recover",
        "logical_at": moment.isoformat(),
        "counts": {kind.value: kinds.count(kind) for kind in Verdict if kind in kinds},
        "lines": [f"{run.name}：{what.value}" for what, run in done],
        "files": [],
    }
