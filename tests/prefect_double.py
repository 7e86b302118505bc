"""Stand-ins for a process under test: fake stages, a fake portal, and a guard on the network.

A child process gets them through a ``sitecustomize`` on its PYTHONPATH (see ``folder``). The fake
stages keep the real contract (``duban.stages``): idempotent on the logical moment, counted in a
file, so that a test can tell how often a stage really ran. The guard refuses every connection and
every name look-up outside loopback, and writes it down.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
import types
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

SITECUSTOMIZE = "import prefect_double\nprefect_double.install()\n"
STAGES = ("publish", "remind", "collect", "escalate", "digest", "assess", "deliver", "upkeep")


def folder(into: Path) -> Path:
    """A folder to put first on PYTHONPATH, so that a child process installs the stand-ins."""
    into.mkdir(parents=True, exist_ok=True)
    (into / "sitecustomize.py").write_text(SITECUSTOMIZE, "utf-8")
    return into


def install() -> None:
    """Put the stand-ins in place in this process."""
    stages = types.ModuleType("duban.stages")
    stages.__dict__.update(run_stage=run_stage, STAGES=STAGES, StageReport=StageReport)
    portal = types.ModuleType("duban.portal.app")
    portal.__dict__.update(create_app=create_app)
    sys.modules.update({"duban.stages": stages, "duban.portal.app": portal})
    home = Path(os.environ["DUBAN_HOME"])
    guard(home / "outside.txt")
    with (home / "guarded.txt").open("a", encoding="utf-8") as book:
        book.write(" ".join(sys.orig_argv) + "\n")


@dataclass(frozen=True)
class StageReport:
    stage: str
    logical_at: datetime
    counts: Mapping[str, int]
    lines: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        told = {"stage": self.stage, "logical_at": self.logical_at.isoformat()}
        return {**told, "counts": self.counts, "lines": list(self.lines), "files": []}


def run_stage(
    name: str, home: str | None = None, on: date | None = None, slot: datetime | None = None
) -> StageReport:
    """Write one line a call; queue one message a logical day, however often it is asked."""
    place = Path(home or os.environ["DUBAN_HOME"])
    from duban.clock import at, day_of, now

    moment = at(on) if on else slot or now()
    call = {"stage": name, "day": day_of(moment).isoformat(), "pid": os.getpid()}
    with (place / "calls.jsonl").open("a", encoding="utf-8") as calls:
        calls.write(json.dumps({**call, "at": moment.isoformat()}) + "\n")
    _misbehave(place, name)
    message = place / f"message-{name}-{call['day']}"
    fresh = not message.exists()
    message.touch()
    return StageReport(name, moment, {"新增消息": int(fresh)}, ("市教育局｜提醒",))


def _misbehave(place: Path, name: str) -> None:
    """Do what a file of the home asks for: hang once, or fail."""
    if (place / f"{name}.wrong").exists():
        from duban.errors import NOWHERE, InputError

        raise InputError.one("test", NOWHERE, "任务表第 3 行缺牵头单位。")
    hang = place / f"{name}.hang"
    if hang.exists():
        hang.unlink()
        time.sleep(600)  # until the test kills this process


def calls(home: Path) -> list[dict[str, Any]]:
    """Every call of a fake stage, in order."""
    book = home / "calls.jsonl"
    return (
        [json.loads(line) for line in book.read_text("utf-8").splitlines()] if book.exists() else []
    )


def create_app() -> Any:
    """A portal that says yes to everything (ASGI)."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for answer in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{answer}.complete"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    return app


def guard(record: Path) -> None:
    """Refuse and write down every connection and look-up that leaves this machine."""

    def outside(host: Any) -> bool:
        name = host.decode() if isinstance(host, bytes) else str(host)
        return not (name in {"", "localhost", "None", "::1", "0.0.0.0"} or name.startswith("127."))

    def refuse(what: str, target: Any) -> None:
        with record.open("a", encoding="utf-8") as book:
            book.write(f"{what} {target} by {sys.argv}\n")
        message = f"the guard refuses {what} {target}"
        raise OSError(message)

    def watched(original: Any, what: str) -> Any:
        def connect(self: socket.socket, address: Any) -> Any:
            if isinstance(address, tuple) and outside(address[0]):
                refuse(what, address)
            return original(self, address)

        return connect

    real_look_up = socket.getaddrinfo

    def look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        if outside(host):
            refuse("look-up", host)
        return real_look_up(host, *args, **kwargs)

    setattr(socket, "getaddrinfo", look_up)  # noqa: B010 - mypy refuses a plain assignment
    for what in ("connect", "connect_ex"):
        setattr(socket.socket, what, watched(getattr(socket.socket, what), what))


def living(home: Path) -> list[int]:
    """The processes (Linux) that were started for this home and still live, without this one."""
    mark = f"DUBAN_HOME={home.resolve()}".encode()
    found = []
    for place in Path("/proc").iterdir():
        if not place.name.isdigit() or int(place.name) == os.getpid():
            continue
        try:
            told = (place / "environ").read_bytes().split(b"\0")
        except OSError:  # gone meanwhile, or not ours
            continue
        if mark in told:
            found.append(int(place.name))
    return found
