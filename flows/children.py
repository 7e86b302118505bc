"""Child processes that never outlive us: started in groups of their own, stopped in time.

Three things together leave no orphan. A child is its own process group, so a Ctrl-C at the
terminal reaches only the parent, which then stops the children in order. What does not stop in
time is killed with its whole group. And on Linux the kernel kills a child whose parent is gone,
so that even ``kill -9`` of the parent leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from duban.errors import OutsideError

_PR_SET_PDEATHSIG = 1
_LOG_LIMIT_BYTES = 5_000_000
_LOOK_SECONDS = 0.1


def die_with_parent(parent: int | None = None) -> None:
    """Ask the kernel to kill this process when its parent goes (Linux; elsewhere does nothing).

    Prefect's runner forks from its main thread, which lives as long as the runner: the kernel
    looks at the thread that forked. ``parent`` guards against a parent that is gone already.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() == 1 or (parent is not None and os.getppid() != parent):
        os._exit(1)


@dataclass
class Child:
    """A process of ours with its Chinese name and its log."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def running(self) -> bool:
        """Whether it still lives."""
        return self.process.poll() is None

    def ask_to_stop(self) -> None:
        """Send SIGINT; returns at once. (Prefect's own SIGTERM handler raises and tidies nothing.)"""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGINT)

    def stop(self, patience_seconds: float) -> bool:
        """Stop it and everything it started; true when it went by itself in time."""
        self.ask_to_stop()
        try:
            self.process.wait(patience_seconds)
            return True
        except subprocess.TimeoutExpired:
            return False
        finally:
            self._kill_group()

    def trim_log(self) -> None:
        """Put a long log aside; it is open for appending, so the child goes on at its start."""
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT_BYTES:
            shutil.copyfile(self.log, self.log.with_suffix(".log.1"))
            os.truncate(self.log, 0)

    def _kill_group(self) -> None:
        # The group's number stays taken as long as one member lives, so this cannot hit a stranger.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def start(name: str, command: Sequence[str], env: Mapping[str, str], log: Path, cwd: Path) -> Child:
    """Start a child in its own process group; its output goes to ``log``."""
    parent = os.getpid()

    def prepare() -> None:
        # A shell's background job ignores SIGINT, and a child would inherit that.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        die_with_parent(parent)

    with log.open("ab") as output:
        process = subprocess.Popen(
            list(command),
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=prepare,  # noqa: PLW1509 - we fork from a single-threaded supervisor
        )
    return Child(name, process, log)


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str, timeout_seconds: float = 2.0) -> bool:
    """Whether an address of this machine answers with success; asks no proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout_seconds) as reply:
            return 200 <= int(reply.status) < 300
    except (OSError, ValueError):
        return False


def listens(host: str, port: int) -> bool:
    """Whether something accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=1.0):
            return True
    except OSError:
        return False


def wait_for(
    ready: Callable[[], bool],
    *,
    children: Sequence[Child],
    patience_seconds: float,
    stopping: Callable[[], bool] = lambda: False,
) -> bool:
    """Wait until ``ready``; false when asked to stop. Raises OutsideError when a child dies or it is too late."""
    deadline = time.monotonic() + patience_seconds
    while not ready():
        for child in children:
            if not child.running:
                raise died(child)
        if stopping():
            return False
        if time.monotonic() > deadline:
            names = "、".join(child.name for child in children)
            message = f"等了 {patience_seconds:.0f} 秒，{names}仍没有就绪。"
            raise OutsideError(message, f"请看日志 {children[-1].log}，稍后再试一次。")
        time.sleep(_LOOK_SECONDS)
    return True


def died(child: Child) -> OutsideError:
    """The failure to report when a child is gone that should be running."""
    message = f"{child.name}意外退出（代码 {child.process.poll()}）。{_last_words(child.log)}"
    return OutsideError(message, f"请看日志 {child.log}；台账没有受影响，可以重新启动。")


def _last_words(log: Path) -> str:
    try:
        lines = [line for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
    except OSError:
        return ""
    return f"最后一行：{lines[-1][:200]}" if lines else ""
