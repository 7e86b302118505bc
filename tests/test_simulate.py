"""The living example: the same seed plays the same, it never mixes with a real ledger, and goes on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date, datetime, time
from pathlib import Path

import pytest

from conftest import copy_home
from duban import clock
from duban.errors import InputError
from duban.ledger import audit, events, queries
from duban.ledger.store import open_ledger
from duban.settings import Home
from duban.simulate import Played, simulate
from smallhome import write_home

FIRST = date(2026, 3, 9)


def evening(day: int) -> datetime:
    return clock.at(date(2026, 3, day), time(18, 0))


def play(root: Path, last: datetime, seed: int = 7) -> tuple[Home, Played]:
    home = Home(root if root.exists() else copy_home(root), example=True)
    return home, simulate(home, FIRST, last, seed=seed)


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Played]:
    """A week up to Tuesday evening."""
    return play(tmp_path_factory.mktemp("week") / "home", evening(17))


def test_the_same_seed_plays_the_same(week: tuple[Home, Played], tmp_path: Path) -> None:
    _, again = play(tmp_path / "home", evening(17))
    assert again == week[1]
    assert again.counts["报送"] > 0


def test_another_seed_plays_otherwise(week: tuple[Home, Played], tmp_path: Path) -> None:
    _, other = play(tmp_path / "home", evening(17), seed=8)
    assert other.state_hash != week[1].state_hash


def test_going_on_the_next_day_equals_playing_in_one_go(
    week: tuple[Home, Played], tmp_path: Path
) -> None:
    home = Home(shutil.copytree(week[0].root, tmp_path / "on"), example=True)
    on = simulate(home, FIRST, evening(19), seed=7)
    _, whole = play(tmp_path / "whole", evening(19))
    assert on.first == date(2026, 3, 18)
    assert on.state_hash == whole.state_hash


def test_playing_to_where_it_stands_changes_nothing(
    week: tuple[Home, Played], tmp_path: Path
) -> None:
    home = Home(shutil.copytree(week[0].root, tmp_path / "same"), example=True)
    assert simulate(home, FIRST, evening(17), seed=7).state_hash == week[1].state_hash


def test_what_was_played_stands_like_a_real_record(week: tuple[Home, Played]) -> None:
    ledger = open_ledger(week[0].database_url)
    try:
        with ledger.read() as conn:
            assert queries.is_example(conn)
            assert events.verify_chain(conn) is None
            messages = queries.messages(conn, limit=10_000)
        assert audit.rebuilt_differs(ledger) == []
    finally:
        ledger.close()
    assert all("示例数据" in row["text"] for row in messages if row["kind"] != "digest")
    days = [
        (row["unit"], row["post"], row["created_at"].date())
        for row in messages
        if row["kind"] == "day"
    ]
    assert len(days) == len(set(days)), "一人一天最多一条"


def test_a_real_ledger_is_refused(tmp_path: Path) -> None:
    home = Home(copy_home(tmp_path / "home"), example=True)
    ledger = open_ledger(home.database_url)
    with ledger.write("办公室") as writing:
        writing.record(events.Draft("ledger.marked", "ledger", {"name": "real", "value": "1"}))
    ledger.close()
    with pytest.raises(InputError, match="这是正式台账"):
        simulate(home, FIRST, evening(17))
    ledger = open_ledger(home.database_url)
    with ledger.read() as conn:
        assert events.chain_head(conn)[0] == 1
    ledger.close()


def test_years_by_command_leave_the_example_alone(
    cli: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    home = write_home(tmp_path / "home")
    asked = ("--from", "2026-10-26", "--to", "2026-11-06", "--seed", "3", "--faults")
    code, said, noted = cli("simulate", *asked, "--format", "json", "--home", home.root)
    assert code == 0, noted
    played = json.loads(said)
    assert set(played) == {"from", "to", "seed", "counts", "state_hash", "violations"}
    assert played["violations"] == []
    code, said, _ = cli("simulate", *asked, "--home", home.root)
    assert code == 0
    assert played["state_hash"] in said, "同一种子，同一状态"
    assert "每天的规矩全部守住" in said
    assert not (home.root / "var" / "example").exists()
