"""When each flow runs: the one list of schedules, and the process that serves it.

Cron only, in Asia/Shanghai. Interval schedules start anew with each restart, and cron knows no
make-up Saturdays: each stage asks our own calendar what a day is. ``python -m flows.deploy`` is
the service's child that registers the deployments and starts their runs.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.deployments.runner import RunnerDeployment

TIME_ZONE = "Asia/Shanghai"

TAGS = ("duban", "rerun")
"""Runs with the tag ``rerun`` are taken up again after a crash (``flows/recover.py``)."""

RUNS_AT_ONCE = 3
"""Processes of 100 MB each that the service may run side by side."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A deployment: a flow, its name, and the wall-clock times in Asia/Shanghai it runs at."""

    flow: str
    name: str
    crons: tuple[str, ...]
    # A second run waits its turn (every slot counts) or is dropped (the next one is near).
    drop_when_busy: bool = False

    @property
    def full_name(self) -> str:
        """The form that Prefect shows and takes: ``remind/daily``."""
        return f"{self.flow}/{self.name}"


SCHEDULE: tuple[Timed, ...] = (
    Timed("upkeep", "nightly", ("30 3 * * *",)),
    Timed("assess", "monthly", ("0 6 1 * *",)),
    Timed("publish", "daily", ("40 7 * * *",)),
    # The last one before midnight takes in what was sent on the evening of a due day.
    Timed("collect", "daily", ("50 7 * * *", "50 10,13,16,23 * * *", "0 18 * * *")),
    Timed("digest", "weekly", ("0 8 * * 1",)),
    Timed("escalate", "daily", ("10 8 * * *",)),
    Timed("remind", "daily", ("30 8 * * *",)),
    Timed("deliver", "often", ("*/5 * * * *",), drop_when_busy=True),
    Timed("recover", "often", ("*/10 * * * *",), drop_when_busy=True),
)


def flow_named(name: str) -> Flow[..., object]:
    """The flow of that name, from the module of that name."""
    found: Flow[..., object] = getattr(importlib.import_module(f"flows.{name}"), name)
    return found


def deployment(timed: Timed) -> RunnerDeployment:
    """The Prefect deployment of one line of the schedule."""
    from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
    from prefect.schedules import Cron
    from prefect.types.entrypoint import EntrypointType

    busy = ConcurrencyLimitStrategy
    flow = flow_named(timed.flow)
    made: RunnerDeployment = flow.to_deployment(  # type: ignore[assignment]  # sync call
        name=timed.name,
        schedules=[
            Cron(cron, timezone=TIME_ZONE, slug=f"at-{n}") for n, cron in enumerate(timed.crons)
        ],
        concurrency_limit=ConcurrencyLimitConfig(
            limit=1,
            collision_strategy=busy.CANCEL_NEW if timed.drop_when_busy else busy.ENQUEUE,
        ),
        tags=list(TAGS),
        # By file path Prefect would load a second copy of the module.
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    return made


def deployments(schedule: Sequence[Timed] = SCHEDULE) -> list[RunnerDeployment]:
    """All deployments, in the order of the list."""
    return [deployment(timed) for timed in schedule]


def main() -> None:
    """Heal what the last stop left behind, then serve the schedule until stopped."""
    from prefect import serve

    from flows import automations
    from flows.recover import reconcile

    automations.ensure()
    # Nothing of ours runs yet, so whatever still counts as running is dead for certain.
    reconcile(quiet_seconds=0)
    serve(*deployments(), pause_on_shutdown=False, print_starting_message=False, limit=RUNS_AT_ONCE)


if __name__ == "__main__":
    main()
