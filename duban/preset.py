"""Ladders and lamps of real offices, shipped as pairs of YAML files that an office names or copies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from duban.errors import Issues
from duban.yamltext import Row

T = TypeVar("T")

FOLDER = Path(__file__).with_name("presets")
FILES = ("escalation.yaml", "lamps.yaml")
DEFAULT = "default"
"""The ladder and lamps that ``duban init`` writes."""


def names() -> list[str]:
    """The names of all presets, the default first."""
    return [DEFAULT, *sorted(each.name for each in FOLDER.iterdir() if each.is_dir())]


def path_of(name: str, file: str) -> Path:
    """Where a file of a preset lies."""
    if name != DEFAULT:
        return FOLDER / name / file
    package = Path(__file__).resolve().parent
    starter = package / "starter" / "config" / file
    return starter if starter.is_file() else package.parent / "config" / file


def follow(
    row: Row, file: str, issues: Issues, read: Callable[[Path, str, Issues], T | None]
) -> tuple[bool, T | None]:
    """Whether a file only names a preset, and what that preset says."""
    name = row.text("preset")
    if not name:
        return False, None
    row.close()
    if name not in names():
        issues.error(
            "preset-unknown",
            row.place_of("preset"),
            f"没有叫“{name}”的成套办法。",
            f"可用：{'、'.join(names())}；用 duban presets list 查看。",
        )
        return True, None
    return True, read(path_of(name, file), f"duban/presets/{name}/{file}", issues)
