"""The service of a home folder: Prefect's server, the schedules and the portal as one process tree.

``up`` holds the tree and leaves nothing behind; ``run_flows`` runs flows here and now, on the
server of a living ``up`` or on a private one that lives as long as the call. This module imports
no Prefect; only ``run_flows`` does, when it is called.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import FrameType
from typing import Any

from duban.errors import Exit, OutsideError, UsageError
from flows import children, environment
from flows.children import Child

Progress = Callable[[str], None]

DAILY = ("publish", "collect", "escalate", "remind", "digest", "assess", "deliver", "upkeep")
"""What ``run all`` runs, in this order: deliver sends what the others queued, upkeep looks at it all."""

NAMES = (*DAILY, "recover")

SERVER_PATIENCE_SECONDS = 180.0  # the first start builds Prefect's tables: 8 s quiet, 50 s loaded
PORTAL_PATIENCE_SECONDS = 60.0
STOP_PATIENCE_SECONDS = 8.0
_LOOK_SECONDS = 0.2


def say(text: str) -> None:
    """Tell the clerk at the terminal, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@dataclass
class StopRequest:
    """Whether someone asked to stop; a signal handler may only set a flag."""

    asked: bool = False

    def __call__(self) -> bool:
        """Asked by now."""
        return self.asked


@contextlib.contextmanager
def listening_for_stop() -> Iterator[StopRequest]:
    """Turn SIGINT, SIGTERM and SIGHUP into a request, and put the old handlers back."""
    request = StopRequest()

    def note(_signal: int, _frame: FrameType | None) -> None:
        request.asked = True

    signals = [signal.SIGINT, signal.SIGTERM]
    if (
        signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
    ):  # ``nohup`` asks to outlive a terminal
        signals.append(signal.SIGHUP)
    before = {number: signal.signal(number, note) for number in signals}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def up(home: Path, host: str, port: int, progress: Progress = say) -> int:
    """Run the service until Ctrl-C or SIGTERM; returns the exit code.

    0 after a wish to stop; 3 when a part died or did not start, which was told to ``progress``.
    Raises UsageError when the portal's port is taken or the home is served already.
    """
    tree: list[Child] = []
    with _alone(home), listening_for_stop() as stop:
        if children.listens(host, port):
            message = f"地址 {host}:{port} 已被占用。"
            raise UsageError(message, "请先停掉占用它的程序，或者用 --port 换一个端口。")
        try:
            if _start_tree(tree, home, host, port, stop=stop, progress=progress):
                _watch(tree, stop)
            return int(Exit.DONE)
        except OutsideError as failure:
            progress(f"出错：{failure}")
            return int(failure.exit_code)
        finally:
            _up_file(home).unlink(missing_ok=True)
            _stop_tree(tree, progress)


def running_api(home: Path) -> str | None:
    """The address of Prefect's API of a living ``up`` of this home, if there is one."""
    try:
        told = json.loads(_up_file(home).read_text("utf-8"))
        os.kill(int(told["pid"]), 0)
        api = str(told["prefect_api"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return api if children.answers(f"{api}/health") else None


def run_flows(
    names: Sequence[str], home: Path, on: date | None = None, progress: Progress = say
) -> list[dict[str, Any]]:
    """Run flows of these names one after the other in this process, as real Prefect runs.

    ``on`` is the logical date (today when not given). Each dict tells ``flow``, ``run_id``,
    ``state`` (Prefect's: Completed, Failed, …), ``ok``, ``report`` (what the stage did, or None)
    and ``error`` (a sentence, or None). A flow that failed for an outside reason does not keep the
    next from running. Raises UsageError for an unknown name, and whatever InputError a stage
    raised, because then the next would only raise it again; OutsideError when no server starts.
    """
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        message = f"没有叫做{'、'.join(unknown)}的流程。"
        raise UsageError(message, f"可以运行的有：{'、'.join(NAMES)}，或者 all。")
    with _some_api(home, progress) as api:
        from flows import inprocess

        with inprocess.prefect_client(home, api):
            return [inprocess.run(name, home, on, progress) for name in names]


@contextlib.contextmanager
def _some_api(home: Path, progress: Progress) -> Iterator[str]:
    """The API of a living service, else of a private server for as long as the block lasts."""
    live = running_api(home)
    if live:
        progress("使用正在运行的服务。")
        yield live
        return
    port = children.free_port()
    api = environment.api_url(port)
    _tell_first_time(home, progress)
    with _starting(home):
        server = _start_server(home, port, private=True)
        try:
            # Prefect takes a second to import, the server three to start: both at once.
            from flows import inprocess

            inprocess.load(home, api)
            _wait_for_server(server, api, lambda: False)
        except BaseException:
            server.stop(0)
            raise
    try:
        yield api
    finally:
        server.stop(STOP_PATIENCE_SECONDS)


def _start_tree(
    tree: list[Child], home: Path, host: str, port: int, *, stop: StopRequest, progress: Progress
) -> bool:
    """Start server, portal and schedules in order; false when asked to stop meanwhile."""
    server_port = children.free_port()
    api = environment.api_url(server_port)
    _tell_first_time(home, progress)
    with _starting(home):
        progress("正在启动日程服务……")
        server = _start_server(home, server_port, private=False)
        tree.append(server)
        portal = _start_portal(home, host, port, api)
        tree.append(portal)
        if not _wait_for_server(server, api, stop):
            return False
    tree.append(_start_schedules(home, api))
    progress(f"日程服务已就绪：{api.removesuffix('/api')}（仅供本机管理员查看）")
    ready = children.wait_for(
        lambda: children.listens(host, port),
        children=[portal],
        patience_seconds=PORTAL_PATIENCE_SECONDS,
        stopping=stop,
    )
    if ready:
        address = f"http://{host}:{port}"
        _write_up_file(home, api, address)
        progress(f"网页已就绪：{address}　按 Ctrl-C 停止。")
    return ready


def _start_server(home: Path, port: int, *, private: bool) -> Child:
    """Prefect's server on loopback; a private one has no page, no scheduler, and starts sooner.

    Started by its factory and not by ``prefect server start``: one process, one signal.
    """
    api = environment.api_url(port)
    env = environment.environment(home, api) | {"PREFECT__SERVER_FINAL": "1"}
    if private:
        env |= {"PREFECT__SERVER_EPHEMERAL": "1", "PREFECT_SERVER_UI_ENABLED": "false"}
    command = _uvicorn("prefect.server.api.server:create_app", "127.0.0.1", port)
    return _child("日程服务", command, env, home, "prefect-server")


def _start_portal(home: Path, host: str, port: int, api: str) -> Child:
    env = environment.environment(home, api)
    return _child("网页", _uvicorn("duban.portal.app:create_app", host, port), env, home, "portal")


def _start_schedules(home: Path, api: str) -> Child:
    command = [sys.executable, "-m", "flows.deploy"]
    return _child("定时任务", command, environment.environment(home, api), home, "schedules")


def _uvicorn(factory: str, host: str, port: int) -> list[str]:
    where = ["--host", host, "--port", str(port), "--timeout-graceful-shutdown", "3"]
    quiet = ["--log-level", "warning", "--lifespan", "on"]
    return [sys.executable, "-m", "uvicorn", "--factory", factory, *where, *quiet]


def _child(name: str, command: list[str], env: dict[str, str], home: Path, log: str) -> Child:
    return children.start(name, command, env, environment.log_file(home, log), home.resolve())


def _wait_for_server(server: Child, api: str, stop: Callable[[], bool]) -> bool:
    return children.wait_for(
        lambda: children.answers(f"{api}/health"),
        children=[server],
        patience_seconds=SERVER_PATIENCE_SECONDS,
        stopping=stop,
    )


def _watch(tree: Sequence[Child], stop: StopRequest) -> None:
    """Return when asked to stop; raise OutsideError when a child dies."""
    while not stop():
        for child in tree:
            if not child.running:
                raise children.died(child)
            child.trim_log()
        time.sleep(_LOOK_SECONDS)


def _stop_tree(tree: Sequence[Child], progress: Progress) -> None:
    """Stop the schedules first, so that no run starts against a server that is going."""
    if not tree:
        return
    progress("正在停止……")
    for child in reversed(tree):
        if not child.stop(STOP_PATIENCE_SECONDS):
            progress(f"{child.name}没有按时停下，已强行结束；下次启动时会自动补做。")
    progress("已停止，没有留下任何进程。")


def _tell_first_time(home: Path, progress: Progress) -> None:
    if not (environment.prefect_home(home) / "prefect.db").exists():
        progress("第一次运行，要先建立日程库，大约需要十几秒……")


@contextlib.contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Hold the home's service lock, which the kernel frees however we end."""
    with _locked(environment.var(home) / "up.lock", wait=False) as got:
        if not got:
            message = f"{home.resolve()} 的服务已经在运行。"
            raise UsageError(message, "一个文件夹只需要一个服务；要重新启动，请先停掉它。")
        yield


@contextlib.contextmanager
def _starting(home: Path) -> Iterator[None]:
    """One server at a time may build or move Prefect's tables."""
    with _locked(environment.prefect_home(home) / "start.lock", wait=True):
        yield


@contextlib.contextmanager
def _locked(path: Path, *, wait: bool) -> Iterator[bool]:
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True


def _up_file(home: Path) -> Path:
    return environment.var(home) / "up.json"


def _write_up_file(home: Path, api: str, portal: str) -> None:
    told = {"pid": os.getpid(), "prefect_api": api, "portal": portal}
    draft = _up_file(home).with_suffix(".new")
    draft.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", "utf-8")
    draft.replace(_up_file(home))
