"""Drive a service of ``flows.service.up`` from outside: start, ask its API, kill, wait."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import prefect_double as double

T = TypeVar("T")
PATIENCE_SECONDS = 120.0
UP = "import sys, pathlib; from flows.service import up; sys.exit(up(pathlib.Path(sys.argv[1]), '127.0.0.1', int(sys.argv[2])))"

# Quick looks, so that a test waits for work and not for a poll.
QUICK = {
    "PREFECT_RUNNER_POLL_FREQUENCY": "1",
    "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "2",
    "PREFECT_SERVER_SERVICES_SCHEDULER_RECENT_DEPLOYMENTS_LOOP_SECONDS": "1",
}


def environment(home: Path) -> dict[str, str]:
    """The environment of a process under test: stand-ins and guard first on its path."""
    tests = Path(__file__).parent
    own = {name: text for name, text in os.environ.items() if not name.startswith("PREFECT_")}
    path = os.pathsep.join([str(double.folder(home / "stand-ins")), str(tests), str(tests.parent)])
    # Whoever asked an office's web proxy for our own server would meet the guard.
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://203.0.113.9:3128")
    return {**own, **QUICK, **proxies, "PYTHONPATH": path, "DUBAN_HOME": str(home.resolve())}


def until(look: Callable[[], T | None], what: str, patience: float = PATIENCE_SECONDS) -> T:
    """The first truthy answer; fails with ``what`` when it is too late."""
    deadline = time.monotonic() + patience
    while True:
        answer = look()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"waited {patience:.0f} s for {what}"
        time.sleep(0.05)


class Tree:
    """A running service of a home."""

    def __init__(self, home: Path) -> None:
        from flows.children import free_port

        self.home = home
        self.port = free_port()
        self.output = (home / "up.txt").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-c", UP, str(home), str(self.port)],
            env=environment(home),
            stdout=self.output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.told: dict[str, Any] = until(self._told, "the service to be ready")

    def _told(self) -> dict[str, Any] | None:
        assert self.process.poll() is None, (self.home / "up.txt").read_text("utf-8")
        try:
            told: dict[str, Any] = json.loads((self.home / "var/up.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return told if told["pid"] == self.process.pid else None

    def ask(self, path: str, body: object = None, method: str | None = None) -> Any:
        """GET, or POST a body; SQLite under load answers 503, then ask again."""

        def look() -> list[Any] | None:
            try:
                return [self._ask(path, body, method)]
            except urllib.error.HTTPError as failure:
                if failure.code != 503:
                    raise
                return None

        return until(look, path)[0]

    def _ask(self, path: str, body: object = None, method: str | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        url = self.told["prefect_api"] + path
        request = urllib.request.Request(url, data=data, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as reply:
            text = reply.read()
            return json.loads(text) if text else None

    def start_run(self, deployment: str, slot: datetime | None = None, **given: object) -> str:
        """Ask for a run of a deployment, as an operator does on Prefect's page."""
        found = self.deployment(deployment)
        body: dict[str, object] = {"parameters": given}
        if slot:
            due = {"scheduled_time": slot.isoformat()}
            body["state"] = {"type": "SCHEDULED", "state_details": due}
        run: dict[str, str] = self.ask(f"/deployments/{found['id']}/create_flow_run", body)
        return run["id"]

    def deployment(self, name: str) -> Any:
        """A deployment by its full name, once it is registered."""

        def look() -> Any:
            try:
                return self._ask(f"/deployments/name/{name}")
            except urllib.error.HTTPError as failure:
                if failure.code not in {404, 503}:
                    raise
                return None

        return until(look, f"deployment {name}")

    def run(self, run_id: str) -> Any:
        """A flow run as the API tells it."""
        return self.ask(f"/flow_runs/{run_id}")

    def completed(self, run_id: str) -> Any:
        """The run once it is completed."""
        return until(lambda: self._completed(run_id), "the run to complete")

    def _completed(self, run_id: str) -> Any:
        run = self.run(run_id)
        return run if run["state"]["name"] == "Completed" else None

    def kill(self) -> None:
        """``kill -9`` of the supervisor alone: what becomes of its children is the question."""
        self.process.kill()
        self.wait()

    def interrupt(self) -> int:
        """Ctrl-C; returns the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.wait()

    def wait(self) -> int:
        """The exit code, once it is gone."""
        code = self.process.wait(PATIENCE_SECONDS)
        self.output.close()
        return code

    def close(self) -> None:
        """Tidy up after a test, also a failed one."""
        if self.process.poll() is None:
            self.interrupt()
        self.output.close()
