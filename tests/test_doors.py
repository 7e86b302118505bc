"""Equal doors: a report is the same report whichever way it comes, and the drop folder loses nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from api_home import program
from duban import office as offices
from duban.cli import main
from duban.intake import layout
from duban.ledger import queries, transitions
from duban.office import Office, open_office
from duban.stages import collect, dropfolder
from duban.stages.mailin import take_in_mail
from formfill import fill, made_form
from portal_home import KEY, MORNING, REPORT, House, open_house
from portal_home import report as on_the_page
from smallhome import Hands, moment, small_office

SAID = {"progress": "走访12家 & <建账>", "problem": "缺人手", "next_step": "补齐台账"}
FIGURE, SIGNER, FOLDERS = "1234.5", "镇长", ("new", "cur", "tmp")


@pytest.fixture
def both(ledger_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """The small office with its pages, on each database."""
    monkeypatch.setenv("DUBAN_OFFICE_KEY", KEY)
    for name in ("DUBAN_EXAMPLE", "DUBAN_PUBLIC_URL", "DUBAN_LINK_KEY", "DUBAN_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DUBAN_DATABASE_URL", ledger_url)
    with open_house(tmp_path / "home") as opened:
        monkeypatch.setattr(offices, "open_office", partial(open_office, ask=opened.watch))
        yield opened


def filled(house: House) -> bytes:
    data, rows = made_form(house.portal.office, "longhu")
    at = rows[REPORT]
    cells = dict(zip((layout.PROGRESS, layout.PROBLEM, layout.NEXT), SAID.values(), strict=True))
    cells[layout.figure_cell(0)] = FIGURE
    edits: dict[tuple[int, int], Any] = {(at, column): text for column, text in cells.items()}
    return fill(data, edits | {layout.SIGNED_CELL: SIGNER})


def by_page(house: House) -> None:
    more = SAID | {"figure.mediated": FIGURE, "signed_by": SIGNER}
    assert on_the_page(house.unit(), **more).status_code == 303


def by_upload(house: House) -> None:
    unit = house.unit()
    page = unit.get("/unit").text
    token = page.split('name="form_token" value="')[1].split('"')[0]
    given = {"workbook": ("表.xlsx", filled(house), "application/octet-stream")}
    assert unit.post("/unit/form", data={"form_token": token}, files=given).status_code == 303


def by_drop_folder(house: House) -> None:
    inbox = house.portal.home.var / "inbox"
    inbox.mkdir(parents=True, exist_ok=True)
    (inbox / "龙湖镇.xlsx").write_bytes(filled(house))
    assert dropfolder.take_in_folder(house.portal.office, house.watch.at).taken == 1


def by_mail(house: House) -> None:
    box, office = house.root / "box", house.portal.office
    for name in FOLDERS:
        (box / name).mkdir(parents=True, exist_ok=True)
    object.__setattr__(
        office,
        "settings",
        replace(office.settings, mailbox=replace(office.settings.mailbox, url=f"maildir://{box}")),
    )
    mail = EmailMessage()
    mail["From"], mail["Subject"], mail["Message-ID"] = "c@x.example", "报送", "<1@x.example>"
    mail.set_content("见附件")
    mail.add_attachment(filled(house), "application", "octet-stream", filename="表.xlsx")
    path = box / "new" / "1.host"
    path.write_bytes(bytes(mail))
    os.utime(path, (house.watch.at.timestamp(),) * 2)
    assert take_in_mail(office, house.watch.at).taken == 1


def by_program(house: House) -> None:
    told = SAID | {"figures": {"mediated": FIGURE}, "signed_by": SIGNER}
    assert program(house).report(REPORT, "n1", **told).status_code == 201


def by_command(house: House) -> None:
    words = [
        "--progress",
        SAID["progress"],
        "--problem",
        SAID["problem"],
        "--next",
        SAID["next_step"],
    ]
    more = ["--figure", f"mediated={FIGURE}", "--signed-by", SIGNER, "--actor", "经办人甲"]
    assert main(["submit", "--home", str(house.root), REPORT, *words, *more]) == 0


DOORS: dict[str, Callable[[House], None]] = {
    "link": by_page,
    "workbook": by_upload,
    "drop": by_drop_folder,
    "mail": by_mail,
    "api": by_program,
    "cli": by_command,
}
OWN = {"id", "version", "door", "actor", "idem_key"}


def said(row: queries.Row) -> dict[str, Any]:
    """What a row says, apart from the door it came through."""
    return {name: row[name] for name in row if name not in OWN}


def test_every_door_leads_to_the_same_row(both: House) -> None:
    for door in DOORS.values():
        door(both)
        returned(both)
    rows = list(reversed(both.submissions(REPORT)))
    assert [row["door"] for row in rows] == list(DOORS)
    first = rows[0]
    assert (first["received_at"], first["late"], first["signed_by"]) == (MORNING, 0, SIGNER)
    assert json.loads(first["figures"]) == {"mediated": FIGURE}
    assert [said(row) for row in rows] == [said(first)] * len(DOORS)


def returned(house: House) -> None:
    """The office sends the last report back, so that the item is owed again."""
    last = house.row(REPORT)["submission"]
    calendar = house.portal.office.calendar
    with house.portal.ledger.write("经办人甲") as writing:
        transitions.send_back(
            writing, last, actor="经办人甲", reason="请再报", calendar=calendar, days=3
        )


@pytest.mark.parametrize("door", list(DOORS))
def test_what_comes_late_is_stamped_late_at_every_door(
    house: House, door: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offices, "open_office", partial(open_office, ask=house.watch))
    house.watch.at = MORNING + timedelta(days=3)
    DOORS[door](house)
    row = house.submissions(REPORT)[0]
    assert (row["door"], row["late"], row["received_at"]) == (door, 1, house.watch.at)


def test_the_office_hands_in_any_units_form(house: House) -> None:
    clerk = house.office()
    token = clerk.get("/office/form").text.split('name="form_token" value="')[1].split('"')[0]

    def hand_in(data: bytes) -> Any:
        given = {"workbook": ("表.xlsx", data, "application/octet-stream")}
        return clerk.post("/office/form", data={"form_token": token}, files=given)

    data = filled(house)
    assert "已收下：纠纷人民调解" in hand_in(data).text
    assert "没有重复登记" in hand_in(data).text
    refused = hand_in(fill(data, {(0, layout.NUMBER): "别的标题"}))
    assert refused.status_code == 422
    assert "进展报送!B1" in refused.text
    row = house.submissions(REPORT)[0]
    assert (row["door"], row["actor"]) == ("workbook", "经办人甲")


def test_one_file_through_three_doors_is_one_report(both: House) -> None:
    data = filled(both)
    inbox = both.portal.home.var / "inbox"
    inbox.mkdir(parents=True)
    for name in ("一.xlsx", "二.XLSX"):
        (inbox / name).write_bytes(data)
    found = dropfolder.take_in_folder(both.portal.office, both.watch.at)
    assert found.taken == 1
    assert len(both.submissions(REPORT)) == 1
    assert "此前已收到" in (inbox / "done" / "二.XLSX.txt").read_text("utf-8")


# ---- the drop folder ----

TOWN_REPORT = "T-2/longhu/report:2026-11"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[tuple[Office, Hands, Path]]:
    with small_office(tmp_path) as (office, hands):
        hands.at = moment(16)
        inbox = office.home.var / "inbox"
        inbox.mkdir(parents=True)
        yield office, hands, inbox


def town(office: Office, text: str = "走访") -> bytes:
    data, rows = made_form(office, "longhu")
    return fill(data, {(rows[TOWN_REPORT], layout.PROGRESS): text})


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_taken_files_leave_with_a_receipt(desk: tuple[Office, Hands, Path]) -> None:
    office, hands, inbox = desk
    data = town(office)
    for _ in range(2):
        (inbox / "龙湖镇.xlsx").write_bytes(data)
        collect.run(office, hands.at)
    assert names(inbox / "done") == [
        "龙湖镇.xlsx",
        "龙湖镇.xlsx.txt",
        "龙湖镇（2）.xlsx",
        "龙湖镇（2）.xlsx.txt",
    ]
    receipt = (inbox / "done" / "龙湖镇.xlsx.txt").read_text("utf-8")
    assert "已收下：摸清专利家底" in receipt
    assert f"{TOWN_REPORT}#1" in receipt
    again = (inbox / "done" / "龙湖镇（2）.xlsx.txt").read_text("utf-8")
    assert "没有重复登记" in again


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("旧.xls", b"\xd0\xcf\x11\xe0old", "只收 .xlsx"),
        ("别的.xlsx", b"<html>", "不是 .xlsx 工作簿"),
        ("大.xlsx", b"PK\x03\x04" + bytes(6 * 1024 * 1024), "超过 5 MB"),
    ],
)
def test_refused_files_leave_with_the_reason(
    desk: tuple[Office, Hands, Path], name: str, data: bytes, words: str
) -> None:
    office, hands, inbox = desk
    (inbox / name).write_bytes(data)
    dropfolder.take_in_folder(office, hands.at)
    assert words in (inbox / "refused" / f"{name}.txt").read_text("utf-8")
    assert (inbox / "refused" / name).read_bytes() == data


def test_file_that_is_still_being_written_is_left(desk: tuple[Office, Hands, Path]) -> None:
    office, hands, inbox = desk
    whole = town(office)
    path = inbox / "龙湖镇.xlsx"
    path.write_bytes(whole[:2000])
    for name in ("~$龙湖镇.xlsx", ".龙湖镇.xlsx", "龙湖镇.xlsx.part"):
        (inbox / name).write_bytes(whole)
    found = dropfolder.take_in_folder(office, hands.at)
    assert (found.taken, path.exists()) == (0, True)
    assert "还没有写完" in found.lines[0]
    path.write_bytes(whole)
    assert dropfolder.take_in_folder(office, hands.at).taken == 1
    assert {"~$龙湖镇.xlsx", ".龙湖镇.xlsx", "龙湖镇.xlsx.part"} <= set(names(inbox))


def test_file_that_stays_cut_off_is_refused_in_the_next_run(
    desk: tuple[Office, Hands, Path],
) -> None:
    office, hands, inbox = desk
    (inbox / "断.xlsx").write_bytes(town(office)[:2000])
    dropfolder.take_in_folder(office, hands.at)
    dropfolder.take_in_folder(office, hands.at)
    assert names(inbox / "refused") == ["断.xlsx", "断.xlsx.txt"]
    assert names(inbox) == ["refused"]


def test_crash_before_the_file_is_moved_reports_once(
    desk: tuple[Office, Hands, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    office, hands, inbox = desk
    (inbox / "龙湖镇.xlsx").write_bytes(town(office))
    replaced = Path.replace

    def dies(self: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "replace", replaced)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", dies)
    with pytest.raises(KeyboardInterrupt):
        dropfolder.take_in_folder(office, hands.at)
    assert dropfolder.take_in_folder(office, hands.at).taken == 0
    with office.ledger.read() as conn:
        assert len(queries.submissions(conn, TOWN_REPORT)) == 1
    assert names(inbox / "done") == ["龙湖镇.xlsx", "龙湖镇.xlsx.txt"]
