"""Has a file looked at by the office's own virus scanner, when there is one.

The scanner is a program of the office's choosing: it is started without a shell, gets the file's path as
its last argument, has so many seconds, and says by its exit code: 0 clean, 1 found something. Any other
answer means that nobody looked, and then the file is not taken in.
"""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from duban.errors import OutsideError
from duban.settings import Scan

_FOUND = 1
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "SYSTEMROOT")
"""Of our environment; its secrets are not the scanner's business."""


def is_clean(scan: Scan, path: Path) -> bool:
    """Whether the scanner finds nothing. Raises OutsideError when it gives no answer."""
    code = _exit_code(scan, path)
    if code not in {0, _FOUND}:
        raise _no_answer(f"退出码 {code}")
    return code == 0


def _exit_code(scan: Scan, path: Path) -> int:
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    try:
        running = subprocess.Popen(
            [*scan.command, str(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,  # so that what it started ends with it
        )
    except OSError as problem:
        raise _no_answer(problem.strerror or "启动不了") from problem
    try:
        return running.wait(scan.seconds)
    except subprocess.TimeoutExpired:
        raise _no_answer(f"{scan.seconds}秒内没有答复") from None
    finally:
        _end(running)


def _end(running: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(running.pid, signal.SIGKILL)
    running.wait()


def _no_answer(why: str) -> OutsideError:
    return OutsideError(
        f"查毒程序没有给出结果（{why}），附件没有接收，这次报送没有记录。",
        "稍后再试；如仍不行，请办公室检查 config/duban.yaml 里的 evidence_scan。",
    )
