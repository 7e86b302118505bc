"""What Prefect itself does about a run that died: notice it, and start it again.

Both automations are created only when missing: updating one drops what it was already watching,
and the run it watched would stay ``Running`` for ever. After a restart of the server they alone
do not heal (the crash of a run "follows" an event the new server never saw); ``flows/recover.py``
does the rest.
"""

from __future__ import annotations

from datetime import timedelta

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

from flows.environment import QUIET_SECONDS

_ENDS = ("Completed", "Failed", "Cancelled", "Crashed")
_SIGNS_OF_LIFE = {"prefect.flow-run.heartbeat", *(f"prefect.flow-run.{end}" for end in _ENDS)}


def wanted() -> list[AutomationCore]:
    """The two automations: a silent run is declared crashed, a crashed run is started again."""
    return [
        AutomationCore(
            name="duban: silent run -> Crashed",
            description="A run that gave no heartbeat for 90 seconds and did not end.",
            trigger=EventTrigger(
                after={"prefect.flow-run.heartbeat"},
                expect=_SIGNS_OF_LIFE,
                match={"prefect.resource.id": ["prefect.flow-run.*"]},
                for_each={"prefect.resource.id"},
                posture=Posture.Proactive,
                threshold=1,
                within=timedelta(seconds=QUIET_SECONDS),
            ),
            actions=[_change(StateType.CRASHED, "Crashed", "心跳中断，判定为异常终止。")],
        ),
        AutomationCore(
            name="duban: Crashed -> run again",
            description="Only runs of our deployments, and at most twice.",
            trigger=EventTrigger(
                expect={"prefect.flow-run.Crashed"},
                match={
                    "prefect.resource.id": ["prefect.flow-run.*"],
                    "prefect.run-count": ["1", "2"],
                },
                match_related={
                    "prefect.resource.role": "tag",
                    "prefect.resource.id": "prefect.tag.rerun",
                },
                posture=Posture.Reactive,
                threshold=1,
            ),
            actions=[_change(StateType.SCHEDULED, "AwaitingRetry", "异常终止，自动重新运行。")],
        ),
    ]


def _change(state: StateType, name: str, message: str) -> ChangeFlowRunState:
    return ChangeFlowRunState(state=state, name=name, message=message, force=False)


def ensure() -> list[str]:
    """Create what is missing, touch nothing else; returns the names created."""
    created: list[str] = []
    with get_client(sync_client=True) as client:
        for automation in wanted():
            if not client.read_automations_by_name(automation.name):
                client.create_automation(automation)
                created.append(automation.name)
    return created
