"""The presets: files an office can name or copy; each climbs as its city's rule says, without code."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cast import home_of
from conftest import Told
from duban import preset
from duban.ledger.store import open_ledger
from town import LATE, Town

Cli = Callable[..., tuple[int, str, str]]
KEY = "T-01/scjgj/finish:end"


@pytest.fixture
def town(tmp_path: Path, told: Told, request: pytest.FixtureRequest) -> Any:
    """A town that works by the preset named in the test."""
    task = {**LATE, **getattr(request, "param", {})}
    with closing(
        open_ledger(f"sqlite:///{tmp_path / 'l.sqlite3'}", ask=told, durable=False)
    ) as one:
        found = Town(tmp_path / "home", one, told, task)
        found.apply()
        yield found


def use(town: Town, name: str) -> None:
    for file in preset.FILES:
        town.write(file, {"preset": name})


def test_there_are_five_and_no_python_among_them() -> None:
    assert preset.names() == ["default", "one-slip", "points", "schedule", "three-slips"]
    assert {path.suffix for path in preset.FOLDER.rglob("*") if path.is_file()} == {".yaml"}


@pytest.mark.parametrize("name", preset.names())
def test_copying_or_naming_a_preset_passes_the_check(name: str, cli: Cli, tmp_path: Path) -> None:
    home = home_of(tmp_path / "home", {"tasks": [dict(LATE)]})
    code, said, _ = cli("presets", "copy", name, "--home", home)
    assert code == 0
    assert "duban check" in said
    assert (home / "config" / "lamps.yaml.old").exists()
    assert cli("check", "--home", home)[0] == 0
    for file in preset.FILES:
        (home / "config" / file).write_text(f"preset: {name}\n", encoding="utf-8")
    assert cli("check", "--home", home)[0] == 0


def test_an_unknown_preset_is_a_wrong_call(cli: Cli, tmp_path: Path) -> None:
    home = home_of(tmp_path / "home", {"tasks": [dict(LATE)]})
    code, _, noted = cli("presets", "copy", "nanjing", "--home", home)
    assert code == 2
    assert "可用：default、one-slip" in noted
    code, said, _ = cli("presets", "list", "--format", "json")
    assert code == 0
    assert [each["name"] for each in json.loads(said)] == preset.names()


def test_blue_yellow_red_by_nearness_and_overdue(town: Town) -> None:
    use(town, "three-slips")
    town.mornings("2026-03-16", "2026-03-18")
    assert town.steps() == [("blue", "taken")]  # five working days before the due
    town.mornings("2026-03-19", "2026-03-26")
    assert town.steps() == [("blue", "taken"), ("red", "taken")]
    assert town.proposal("blue")["reason"] == "距时限还有5个工作日，达到“蓝色督办单”的条件"


def test_one_matter_one_slip_a_colour_up_without_good_reason(town: Town) -> None:
    """三明: after the blue slip, without good reason and not done in the time set, orange; then red."""
    use(town, "one-slip")
    town.mornings("2026-03-26", "2026-04-02")
    assert town.steps() == [("blue", "taken"), ("orange", "taken")]
    assert "单位没有说明理由" in town.proposal("orange")["reason"]
    town.submit(KEY, "2026-04-03 10:00", percent=50, problem="汛期停工")
    town.mornings("2026-04-03", "2026-04-10")
    assert town.steps()[2:] == [("red", "waiting")]  # a reason was stated: a person judges it
    assert town.proposal("red")["stated"] == "汛期停工"


@pytest.mark.parametrize("town", [{"kind": "hard"}, {"urgent": "是"}], indirect=True)
def test_a_slip_may_start_at_orange(town: Town) -> None:
    use(town, "one-slip")
    town.morning("2026-03-26")
    assert ("orange", "taken") in town.steps()


@pytest.mark.parametrize("town", [{"deadline": "2026年12月31日前"}], indirect=True, ids=["a year"])
def test_two_levels_of_talks_by_the_schedule(town: Town) -> None:
    """三亚: a yellow month, the section's head; two in a row, the unit's head by the county leader."""
    use(town, "schedule")
    town.submit(KEY, "2026-03-20 10:00", percent=20)  # of 24.7 that the schedule wants
    town.morning("2026-04-01")
    assert town.steps() == [("talk-section", "waiting")]
    town.morning("2026-05-06")  # 20 of 32.9: yellow again
    assert town.steps()[1:] == [("talk-head", "waiting")]
    assert "连续2个月亮黄灯" in town.proposal("talk-head")["reason"]


def test_decisions_by_command(town: Town, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    town.mornings("2026-03-26", "2026-04-01")
    monkeypatch.setenv("DUBAN_DATABASE_URL", str(town.ledger.engine.url))
    home = ("--home", str(town.home.root))
    run = _with_database(cli, monkeypatch, str(town.ledger.engine.url))
    code, said, _ = run("proposals", "list", "--format", "json", *home)
    assert code == 0
    [proposal] = json.loads(said)
    name, key = ("--by", "经办人甲"), proposal["id"]
    assert run("proposals", "soften", key, "--to", "talk", *name, "--reason", "轻", *home)[0] == 1
    assert (
        run("proposals", "handover", key, "--to", "经办人乙", *name, "--reason", "归口", *home)[0]
        == 0
    )
    assert run("proposals", "drop", key, *name, "--reason", "有理由", *home)[0] == 1
    assert run("proposals", "drop", key, "--by", "经办人乙", "--reason", "有理由", *home)[0] == 0
    assert town.steps()[-1] == ("circular", "dropped")
    code, said, _ = run("escalation", "list", "--format", "json", *home)
    assert [each["obligation"] for each in json.loads(said)["climbs"]] == [KEY]
    assert run("escalation", "adopt", *name, "--reason", "改", *home)[0] == 2
    assert run("escalation", "adopt", "--all", *name, "--reason", "改", *home)[0] == 0
    assert (
        run("escalation", "raise", KEY, "--step", "talk", *name, "--reason", "屡催不办", *home)[0]
        == 0
    )
    assert town.steps()[-1] == ("talk", "confirmed")


def _with_database(cli: Cli, monkeypatch: pytest.MonkeyPatch, url: str) -> Cli:
    monkeypatch.setenv("DUBAN_DATABASE_URL", url)
    return cli
