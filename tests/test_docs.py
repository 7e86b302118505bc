"""The documents tell the truth: every command is documented, and what is documented exists."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from duban.cli import parser

ROOT = Path(__file__).resolve().parent.parent
TEXTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def commands(top: argparse.ArgumentParser, before: str = "duban") -> Iterator[str]:
    """Every command of the parser, those of a group by both words."""
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, sub in action.choices.items():
                inner = list(commands(sub, f"{before} {name}"))
                yield from inner or [f"{before} {name}"]


@pytest.mark.parametrize("command", sorted(commands(parser())))
def test_every_command_is_documented(command: str) -> None:
    assert f"`{command}" in (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "line",
    re.findall(r"^duban .*$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE),
)
def test_the_readmes_commands_can_be_called(line: str) -> None:
    words = re.findall(r'"[^"]*"|\S+', line.partition("#")[0])
    parser().parse_args([word.strip('"') for word in words[1:]])


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_paths_named_in_documents_exist(path: Path) -> None:
    named = re.findall(
        r"`((?:duban|notifier|flows|config|docs|tests|tasks_def|bench)/[\w./-]+\.(?:py|md|yaml))`",
        path.read_text(encoding="utf-8"),
    )
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_make_targets_named_in_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"make ([a-z-]+)", (ROOT / "README.md").read_text(encoding="utf-8")):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
