"""Each file of matrix_bad holds one mistake: check names its file and line, and writes nothing.

The first line of a file tells the codes and lines that must be found (and no others); a second comment
``# file:`` tells where the file belongs when it is no task file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from cast import home_of

BAD = sorted((Path(__file__).parent / "matrix_bad").glob("*.yaml"))
TASKS = "tasks_def/story/1-tasks.yaml"
GOOD_TASK = {"id": "T-01", "title": "建立机制", "lead": ["龙湖镇"], "deadline": "2026年6月30日前"}

Cli = Callable[..., tuple[int, str, str]]


def test_there_are_enough_mistakes() -> None:
    assert len(BAD) >= 25


def test_the_home_without_the_mistake_is_good(cli: Cli, tmp_path: Path) -> None:
    code, out, _ = cli("check", "--home", home_of(tmp_path, {"tasks": [GOOD_TASK]}))
    assert code == 0, out


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_mistake(path: Path, cli: Cli, tmp_path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    expected = re.findall(r"([^\s:]+)(?::(\d+))?", text.splitlines()[0].removeprefix("# expect:"))
    named = re.search(r"^# file: (\S+)$", text, re.MULTILINE)
    target = named[1] if named else TASKS
    home = home_of(tmp_path, {"tasks": [GOOD_TASK]})
    (home / target).write_bytes(path.read_bytes())
    refused(cli, home, [(code, target, int(line) if line else None) for code, line in expected])


def refused(cli: Cli, home: Path, expected: list[tuple[str, str, int | None]]) -> str:
    """Check finds exactly these errors, says each with its place and the way out, and writes nothing."""
    code, out, _ = cli("check", "--home", home, "--format", "json")
    errors = [issue for issue in json.loads(out)["issues"] if issue["level"] == "error"]
    assert code == 1
    assert [(each["code"], each["file"], each["line"]) for each in errors] == expected
    assert all(each["message"] and each["way_out"] for each in errors)
    code, out, _ = cli("check", "--home", home)
    assert code == 1
    for _, file, line in expected:
        place = f"{file}:{line}" if line else file
        assert re.search(rf"^{re.escape(place)}: 错误：.+ 办法：.+", out, re.MULTILINE), out
    for command in ("plan", "apply"):
        code, _, noted = cli(command, "--home", home)
        assert code == 1
        assert "办法：" in noted
    assert not (home / "var" / "duban.sqlite3").exists()
    return out


def test_unknown_unit_is_not_guessed_but_suggested(cli: Cli, tmp_path: Path) -> None:
    home = home_of(tmp_path, {"tasks": [GOOD_TASK | {"support": ["市市监管局"]}]})
    line = (home / TASKS).read_text(encoding="utf-8").splitlines().index("  - 市市监管局") + 1
    out = refused(cli, home, [("unknown-unit", TASKS, line)])
    assert "是不是“市市场监管局" in out


def test_a_file_of_50_mb(cli: Cli, tmp_path: Path) -> None:
    home = home_of(tmp_path, {"tasks": [GOOD_TASK]})
    with (home / TASKS).open("ab") as file:
        file.truncate(50 * 1024 * 1024)  # sparse: takes no room
    refused(cli, home, [("file-too-big", TASKS, None)])


def test_gbk_instead_of_utf8(cli: Cli, tmp_path: Path) -> None:
    home = home_of(tmp_path, {"tasks": [GOOD_TASK]})
    (home / TASKS).write_bytes("tasks:\n  - id: T-01\n    title: 建立机制\n".encode("gbk"))
    refused(cli, home, [("encoding", TASKS, 3)])


def test_a_nul_byte(cli: Cli, tmp_path: Path) -> None:
    home = home_of(tmp_path, {"tasks": [GOOD_TASK]})
    (home / TASKS).write_bytes(b"tasks:\n  - id: T-01\n    title: a\0b\n")
    refused(cli, home, [("yaml-syntax", TASKS, 3)])


def test_a_byte_order_mark_is_no_mistake(cli: Cli, tmp_path: Path) -> None:
    home = home_of(tmp_path, {"tasks": [GOOD_TASK]})
    (home / TASKS).write_bytes(b"\xef\xbb\xbf" + (home / TASKS).read_bytes())
    assert cli("check", "--home", home)[0] == 0


def test_a_missing_file(cli: Cli, tmp_path: Path) -> None:
    home = home_of(tmp_path, {"tasks": [GOOD_TASK]})
    (home / "config" / "units.yaml").unlink()
    code, out, _ = cli("check", "--home", home)
    assert code == 1
    assert "config/units.yaml: 错误：找不到这个文件。" in out


def test_all_mistakes_are_told_at_once(cli: Cli, tmp_path: Path) -> None:
    bad = [
        GOOD_TASK | {"deadline": "各高速大队"},
        GOOD_TASK | {"id": "T-02", "weight": "0"},
        GOOD_TASK | {"id": "T-03", "area": "nowhere"},
    ]
    _, out, _ = cli("check", "--home", home_of(tmp_path, {"tasks": bad}), "--format", "json")
    found = {issue["code"] for issue in json.loads(out)["issues"]}
    assert found >= {"deadline-unread", "weight", "unknown-area"}
