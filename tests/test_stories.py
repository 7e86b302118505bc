"""Stories over days, told through the stages that serve the office, with a clock that is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import Told
from duban.ledger.store import open_ledger
from story import Teller, read_story

STORIES = sorted((Path(__file__).parent / "stories").glob("*.yaml"))
ON_BOTH = {"ladder", "outage", "moved", "extension_asked", "suspension", "request_kinds"}
"""These are told on PostgreSQL as well: rounds, claims and several days of catching up."""


def test_there_are_enough_stories() -> None:
    assert len(STORIES) >= 14
    assert {path.stem for path in STORIES} >= ON_BOTH


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_story(path: Path, tmp_path: Path, told: Told) -> None:
    tell(path, tmp_path, f"sqlite:///{tmp_path / 'ledger.sqlite3'}", told)


@pytest.mark.postgres
@pytest.mark.parametrize("name", sorted(ON_BOTH))
def test_story_on_postgresql(name: str, tmp_path: Path, told: Told, postgres_url: str) -> None:
    tell(Path(__file__).parent / "stories" / f"{name}.yaml", tmp_path, postgres_url, told)


def tell(path: Path, tmp_path: Path, url: str, told: Told) -> None:
    ledger = open_ledger(url, ask=told, durable=False)
    try:
        Teller(read_story(path), tmp_path / "home", ledger, told).tell()
    finally:
        ledger.close()
