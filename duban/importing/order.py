"""What is asked of an import, and what an office's own home says about names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from duban.errors import Issues, Level
from duban.importing.findings import Findings
from duban.importing.report import Report
from duban.importing.roster import Proposal, Roster
from duban.importing.stretch import Task
from duban.importing.wording import Reader
from duban.importing.write import Frame, added_units_text, settings_text, units_text
from duban.matrix.load import load_directory
from duban.matrix.model import Directory
from duban.matrix.names import unit_names
from duban.matrix.phrases_units import KnownNames
from duban.settings import Home


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked: the file, the target folder, the ``config`` to copy, and what is told beforehand.

    ``home``: the office whose ``units.yaml`` decides about names; None proposes units from the sheet.
    ``near``: the home where the command runs; it decides only about a workbook that it exported itself.
    ``this_year``: the year to fall back on when neither the caller nor the file names one.
    """

    file: Path
    out: Path
    config: Path
    this_year: int
    year: int | None = None
    sheet: str = ""
    home: Home | None = None
    near: Home | None = None


def directory_of(home: Home | None) -> Directory | None:
    """The units of a home. Raises InputError when they cannot be read."""
    if home is None:
        return None
    issues = Issues()
    directory = load_directory(home, issues)
    issues.stop_on_errors()
    return directory


def known_of(directory: Directory) -> KnownNames:
    """Names that are never split."""
    names = [name for unit in directory.units.values() for name in unit_names(unit)]
    groups = [name for group in directory.groups for name in (group.name, *group.aliases)]
    return KnownNames([*names, *groups])


def roster_of(tasks: Sequence[Task], reader: Reader, title: str, findings: Findings) -> Roster:
    """Proposals for the names that no directory lists."""
    roster = Roster()
    if reader.names is not None:
        names = reader.names
        unknown = Roster(lambda name: names.find(name) is None)
        unknown.take(tasks)
        unknown.settle(title)
        return unknown
    roster.take(tasks)
    roster.settle(title)
    for unit in roster.units:
        if unit.first_lead is not None and not unit.kind.supervised:
            draft, named = unit.first_lead
            findings.add(
                Level.ERROR,
                "lead-kind",
                draft.grid,
                named.at,
                message=f"牵头单位“{unit.name}”看名称是企业或事业单位，不能作为督办对象（共牵头{unit.leads}项）。",
                way_out=f"若它是政府部门或本单位内设机构，在 config/units.yaml 里把 {unit.id} 的 kind 改成 bureau；否则由其主管部门牵头。",
                task=draft.id,
            )
    if any(unit.inner for unit in roster.units):
        findings.add(
            Level.WARNING,
            "inner-units",
            tasks[0].grid,
            None,
            message="责任单位多是处、室、学院，按一个单位的内设机构处理（kind: bureau）。",
            way_out="核对 config/units.yaml；其中的外单位改成 institution 或 enterprise。",
        )
    return roster


def settle_office(order: Order, frame: Frame, roster: Roster) -> None:
    """Where the office sits: as the home says, else with the unit that leads most."""
    if order.home is not None:
        text = (order.home.config / "duban.yaml").read_text(encoding="utf-8-sig")
        said = re.search(r"^office_unit:\s*([^\s#]+)", text, re.MULTILINE)
        frame.office = said[1].strip("\"'") if said else ""
        return
    if not roster.units:
        roster.units.append(Proposal("u001", "办公室（待填）", "（表里没有单位）"))
    busiest = roster.busiest()
    frame.office = busiest.name if busiest else ""


def home_files(
    order: Order,
    frame: Frame,
    roster: Roster,
    report: Report,
    *,
    plan: str,
    tasks: Iterable[tuple[str, str]],
) -> Iterator[tuple[str, str]]:
    """Every file of the new home, by its path below it. ``plan``: the text of ``plan.yaml``."""
    folder = f"tasks_def/{frame.id}"
    yield f"{folder}/plan.yaml", plan
    guide = order.config.parent / "tasks_def" / "README.md"
    if guide.is_file():
        yield "tasks_def/README.md", guide.read_text(encoding="utf-8")
    for name, text in tasks:
        yield f"{folder}/{name}", text
    own = order.home is not None
    settings = (order.config / "duban.yaml").read_text(encoding="utf-8-sig")
    yield "config/duban.yaml", settings_text(settings, frame, own=own)
    if own:
        units = (order.config / "units.yaml").read_text(encoding="utf-8-sig")
        yield "config/units.yaml", added_units_text(units, roster)
    else:
        yield "config/units.yaml", units_text(roster, order.file.name)
    yield "import-report.md", report.markdown()
    yield "import-report.json", report.json_text()
