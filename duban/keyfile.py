"""Keys of the house: a secret from the environment, else a file that only we can read.

A key that is empty or short would let anybody in, so none is ever accepted, wherever it comes from.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from duban.errors import OutsideError, UsageError
from duban.settings import Home, secret

SHORTEST = 16
"""Characters that a key has at least; the ones we make have 64."""


def key_of(home: Home, variable: str, file: str) -> str:
    """The key that ``variable`` gives, else the one in ``file`` below ``var/``, made when missing.

    Raises UsageError for a key that is empty, unreadable or shorter than 16 characters, OutsideError
    when a new one cannot be written.
    """
    given = secret(variable)
    if given or os.environ.get(f"{variable}_FILE"):
        return _long_enough(
            given,
            variable,
            f"换成一串随机字符，或不设它，由程序生成 {home.shown(home.var / file)}。",
        )
    path = home.var / file
    shown = home.shown(path)
    if not path.exists():
        _make(path, shown)
    return _long_enough(
        _read(path, shown),
        shown,
        "从备份恢复这个文件；没有备份就删掉它再启动，会生成新的，用旧钥匙发出的链接和登录随之失效。",
    )


def is_good(key: str) -> bool:
    """Whether a key is long enough to be used at all."""
    return len(key) >= SHORTEST


def _long_enough(key: str, name: str, way_out: str) -> str:
    if not is_good(key):
        said = f"{name} 太短（不足{SHORTEST}个字符）" if key else f"{name} 是空的"
        raise UsageError(f"{said}，不能当钥匙用，没有启用。", way_out)
    return key


def _read(path: Path, shown: str) -> str:
    try:
        return path.read_text("utf-8").strip()
    except UnicodeDecodeError:
        raise UsageError(f"{shown} 不是文本，不能当钥匙用。", "从备份恢复这个文件。") from None
    except OSError as problem:
        raise UsageError(
            f"{shown} 读不出来（{problem.strerror}）。", "检查文件权限，要用同一个系统用户启动。"
        ) from None


def _make(path: Path, shown: str) -> None:
    """Write a new key whole or not at all: a full disk leaves no half of it. The first writer wins."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _write(draft)
            os.link(draft, path)
        except FileExistsError:
            return  # another process was first; its key counts
        finally:
            draft.unlink(missing_ok=True)
    except OSError as problem:
        raise OutsideError(
            f"{shown} 写不进去（{problem.strerror}），没有生成钥匙。",
            "检查磁盘空间和目录权限后再启动。",
        ) from None


def _write(path: Path) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(secrets.token_hex(32))
        file.flush()
        os.fsync(file.fileno())
