"""The command line as a clerk uses it: what it says, what it writes, and its exit codes."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from cast import home_of, write_matrix
from conftest import ROOT, Told, copy_home
from duban import clock
from duban.desk import need_desk
from duban.ledger import events, ladder, queries, transitions
from duban.ledger.apply import apply
from duban.ledger.store import open_ledger
from duban.office import Office
from duban.rehearsal import rehearse
from duban.settings import Home
from duban.simulate import simulate
from duban.stages import SLOTS, stage_function

Cli = Callable[..., tuple[int, str, str]]
TODAY = clock.day_of(clock.now())
FINISH = "T-01/longhu/finish:end"


def phrase(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日前"


def matrix(**first: Any) -> dict[str, Any]:
    """Two tasks about today: the command line asks the real clock."""
    return {
        "term": {"from": f"{TODAY.year - 1}-01-01", "to": f"{TODAY.year + 2}-12-31"},
        "year": str(TODAY.year),
        "in_use_from": f"{TODAY.year - 1}-06-01",
        "tasks": [
            {
                "id": "T-01",
                "title": "建立机制",
                "lead": ["龙湖镇"],
                "deadline": phrase(TODAY + timedelta(days=60)),
                "indicators": ["patents"],
                **first,
            },
            {
                "id": "T-02",
                "title": "开展宣传",
                "lead": ["辛店镇"],
                "deadline": phrase(TODAY + timedelta(days=90)),
            },
            {
                "id": "T-03",
                "title": "早年的任务",
                "lead": ["辛店镇", "龙湖镇"],
                "joint": "是",
                "deadline": f"{TODAY.year - 1}年3月31日前",
            },
        ],
    }


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return home_of(tmp_path / "home", matrix())


@pytest.fixture
def applied(home: Path, cli: Cli) -> Path:
    assert cli("apply", "--home", home)[0] == 0
    return home


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped plan, played for three weeks as the living example; only ever read."""
    home = copy_home(tmp_path_factory.mktemp("played") / "home")
    last = clock.at(date(2026, 3, 27), time(18, 0))
    simulate(Home(home, example=True), date(2026, 3, 9), last, seed=3)
    return home


def answer(cli: Cli, *args: object) -> Any:
    code, out, noted = cli(*args, "--format", "json")
    assert code == 0, noted
    return json.loads(out)


def ledger_events(home: Path) -> list[events.Event]:
    ledger = open_ledger(Home(home).database_url)
    try:
        with ledger.read() as conn:
            return list(events.read_events(conn))
    finally:
        ledger.close()


# ---- init, check, plan, apply ----------------------------------------------------------------


def test_init_gives_a_home_that_checks(cli: Cli, tmp_path: Path) -> None:
    code, out, _ = cli("init", tmp_path / "new")
    assert code == 0
    assert "duban check" in out
    assert cli("check", "--home", tmp_path / "new")[0] == 0
    code, _, noted = cli("init", tmp_path / "new")
    assert code == 2
    assert "已经存在" in noted


def test_plan_writes_nothing_and_apply_writes_it_once(cli: Cli, home: Path) -> None:
    code, said, _ = cli("plan", "--home", home)
    assert code == 0
    assert "首次应用工作方案" in said
    code, out, _ = cli("apply", "--home", home, "--actor", "经办人（测试）")
    assert code == 0
    assert out.startswith(said)
    assert "已写入台账" in out
    assert {each.actor for each in ledger_events(home)} == {"经办人（测试）"}
    count = len(ledger_events(home))
    assert "没有变化" in cli("plan", "--home", home)[1]
    assert "没有写入" in cli("apply", "--home", home)[1]
    assert len(ledger_events(home)) == count


def test_an_edited_deadline_is_told_with_old_and_new(cli: Cli, applied: Path) -> None:
    old, new = TODAY + timedelta(days=60), TODAY + timedelta(days=75)
    write_matrix(applied, matrix(deadline=phrase(new)))
    assert f"时限由{old}改为{new}" in cli("plan", "--home", applied)[1]
    assert f"时限由{old}改为{new}" in cli("apply", "--home", applied)[1]


def test_what_is_settled_is_only_changed_with_a_reason(cli: Cli, applied: Path) -> None:
    cli("submit", FINISH, "--progress", "已办结。", "--percent", "100", "--home", applied)
    gone = matrix()
    gone["tasks"].pop(0)
    write_matrix(applied, gone)
    count = len(ledger_events(applied))
    code, _, noted = cli("apply", "--home", applied)
    assert code == 1
    assert "没有写入" in noted
    assert "--confirm" in noted
    assert len(ledger_events(applied)) == count
    assert cli("apply", "--home", applied, "--confirm", "会议纪要3号")[0] == 0
    assert any("会议纪要3号" in each.why for each in ledger_events(applied)[count:])


# ---- submit ----------------------------------------------------------------------------------


def test_submit_once_for_one_key(cli: Cli, applied: Path) -> None:
    args: tuple[str, ...] = ("submit", FINISH, "--percent", "60", "--progress", "已过半。")
    args = (*args, "--idem-key", "k1")
    args = (*args, "--figure", "patents=1,200", "--stated-on", str(TODAY))
    first = answer(cli, *args, "--home", applied)
    again = answer(cli, *args, "--home", applied)
    assert (first["repeated"], again["repeated"]) == (False, True)
    assert first["submission"] == again["submission"] == f"{FINISH}#1"
    assert "早先已收到" in cli(*args, "--home", applied)[1]
    code, _, noted = cli(*args, "--problem", "另一份内容", "--home", applied)
    assert (code, "别的内容" in noted) == (1, True)


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("T-09/longhu/finish:end", "--nil"), 1, "没有应办事项"),
        ((FINISH, "--percent", "100"), 1, "还没有填写"),
        ((FINISH, "--progress", "已办"), 1, "累计进度"),
        ((FINISH, "--progress", "已办", "--percent", "101"), 1, "0 到 100"),
        ((FINISH, "--progress", "长" * 2001, "--percent", "1"), 1, "超过2000字"),
        ((FINISH, "--nil", "--signed-by", "名" * 81), 1, "超过40字"),
        ((FINISH, "--nil", "--figure", "patents=3"), 1, "零报告"),
        ((FINISH, "--nil", "--stated-on", "2999-01-01"), 1, "还没有到"),
        ((FINISH, "--nil", "--figure", "patents"), 2, "指标=数"),
        ((FINISH, "--nil", "--figure", "patents=很多"), 2, "指标=数"),
        ((FINISH, "--nil", "--figure", "gdp=3"), 1, "不报指标"),
        ((FINISH, "--nil", "--file", "/nowhere/a.pdf"), 1, "/nowhere/a.pdf"),
    ],
)
def test_submit_refuses(
    cli: Cli, applied: Path, args: tuple[str, ...], code: int, said: str
) -> None:
    count = len(ledger_events(applied))
    got, _, noted = cli("submit", *args, "--home", applied)
    assert (got, said in noted, "办法：" in noted) == (code, True, True), noted
    assert len(ledger_events(applied)) == count


def test_submit_with_a_file(cli: Cli, applied: Path, tmp_path: Path) -> None:
    paper = tmp_path / "印发文件.pdf"
    paper.write_bytes(b"%PDF-1.4\n%%EOF\n")
    args = ("--progress", "已印发。", "--percent", "100", "--file", paper, "--home", applied)
    assert cli("submit", FINISH, *args)[0] == 0
    stored = [each for each in ledger_events(applied) if each.kind == "evidence.stored"]
    assert stored[0].data["row"]["name"] == "印发文件.pdf"


# ---- history ---------------------------------------------------------------------------------

OLD = "T-03/xindian/finish:end"


def imported(cli: Cli, home: Path, tmp_path: Path, *rows: str) -> tuple[int, str, str]:
    path = tmp_path / "history.csv"
    path.write_text("\ufeff编号,完成日期,说明\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return cli("history", path, "--home", home)


def test_history_is_imported(cli: Cli, applied: Path, tmp_path: Path) -> None:
    code, out, _ = imported(cli, applied, tmp_path, f"{OLD},{TODAY.year - 1}-03-20,按期办结")
    assert (code, out) == (0, "已导入1件启用前事项的办理情况。\n")
    rows = {row["key"]: row for row in answer(cli, "export", "ledger", "--home", applied)}
    assert rows[OLD]["state"] == "closed"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (f"{FINISH},2025-03-20,不是启用前的", "不是启用前的事项"),
        ("T-77/longhu/finish:end,2025-03-20,没有", "没有应办事项"),
        (f"{OLD},2025-02-30,没有这一天", "不是日历上的一天"),
        (f"{OLD},{TODAY.year + 1}-12-01,还没到", "还没有到"),
    ],
)
def test_one_bad_row_of_history_and_nothing_is_written(
    cli: Cli, applied: Path, tmp_path: Path, row: str, said: str
) -> None:
    count = len(ledger_events(applied))
    good = f"T-03/longhu/finish:end,{TODAY.year - 1}-03-20,按期办结"
    code, _, noted = imported(cli, applied, tmp_path, good, row)
    assert code == 1
    assert "history.csv:3" in noted
    assert said in noted
    assert len(ledger_events(applied)) == count


# ---- why, preview, run, status ---------------------------------------------------------------


def test_why_answers_for_every_item(cli: Cli, played: Path) -> None:
    found = answer(cli, "why", "--unit", "市市场监管局", "--home", played)
    assert found["notices"]
    assert all(each["outcome"] and each["reason"] for each in found["notices"])
    assert all(each["reason"] for each in found["silent"])
    code, out, noted = cli("why", "--unit", "scjgj", "--date", "2026-03-20", "--home", played)
    assert code == 0
    assert "原因" in out
    assert "示例" in noted


def test_an_unknown_unit_is_suggested(cli: Cli, applied: Path) -> None:
    code, _, noted = cli("why", "--unit", "市市监管局", "--home", applied)
    assert code == 2
    assert "是不是：市市场监管局" in noted


def test_status_counts_what_is_there(cli: Cli, applied: Path) -> None:
    found = answer(cli, "status", "--home", applied)
    assert found["obligations"] == {"historic": 2, "waiting": 2}
    assert found["events"] == len(ledger_events(applied))
    assert not found["example"]
    assert "待签收" in cli("status", "--home", applied)[1]


def test_run_direct_twice_is_once(cli: Cli, applied: Path) -> None:
    day = TODAY - timedelta(days=1)
    first = answer(cli, "run", "collect", "--direct", "--date", str(day), "--home", applied)
    assert first[0]["stage"] == "collect"
    count = len(ledger_events(applied))
    cli("run", "collect", "--direct", "--date", str(day), "--home", applied)
    assert len(ledger_events(applied)) == count


def test_a_day_that_has_not_come_is_refused_in_a_real_ledger(cli: Cli, applied: Path) -> None:
    count = len(ledger_events(applied))
    later = str(TODAY + timedelta(days=90))
    code, _, noted = cli("run", "remind", "--direct", "--date", later, "--home", applied)
    assert code == 2
    assert "还没有到" in noted
    assert len(ledger_events(applied)) == count


def test_looking_leaves_no_ledger_behind(cli: Cli, home: Path) -> None:
    for command in (
        ("plan",),
        ("status",),
        ("why", "--unit", "龙湖镇"),
        ("preview", "--days", "3"),
    ):
        cli(*command, "--home", home)
    assert not (home / "var" / "duban.sqlite3").exists()


def test_a_new_link_works_after_the_old_one_was_revoked(cli: Cli, applied: Path) -> None:
    first = cli("user", "link", "龙湖镇", "--home", applied)[1]
    assert cli("user", "link", "龙湖镇", "--home", applied)[1] == first
    cli("user", "revoke", "龙湖镇", "--home", applied)
    second = cli("user", "link", "龙湖镇", "--home", applied)[1]
    assert second != first
    assert "没有在用的链接" not in cli("user", "revoke", "龙湖镇", "--home", applied)[1]


def test_run_before_the_first_apply_says_what_to_do(cli: Cli, home: Path) -> None:
    code, _, noted = cli("run", "remind", "--direct", "--home", home)
    assert code == 1
    assert "先运行 duban check 和 duban apply" in noted


class Rehearsed:
    """An office with a told clock whose units act by dice before the preview."""

    def __init__(self, root: Path, told: Told, seed: int) -> None:
        import random

        dice = random.Random(seed)
        units = ["龙湖镇", "辛店镇", "郭店镇", "空缺镇", "示例食品公司"]
        tasks = [
            {
                "id": f"T-{number:02}",
                "title": f"任务{number}",
                "lead": ["市市场监管局"],
                "support": units,
                "deadline": phrase(date(2026, 3, dice.randint(2, 31))),
                "report": {
                    "every": "month",
                    "due": f"每月{dice.randint(5, 28)}日前",
                    "by": dice.sample(units, 3),
                },
                "urgent": dice.choice(["是", "否"]),
            }
            for number in range(1, 5)
        ]
        self.told = told
        desk = need_desk(Home(home_of(root, {"tasks": tasks})), date(2026, 3, 2))
        told.set("2026-03-02 09:00")
        url = f"sqlite:///{root / 'ledger.sqlite3'}"
        self.ledger = open_ledger(url, ask=told, durable=False)
        names = ("home", "settings", "matrix", "calendar", "reminders", "escalation", "lamps")
        self.office = Office(**{name: getattr(desk, name) for name in names}, ledger=self.ledger)
        apply(self.ledger, desk.matrix, desk.planned(), actor="测试")
        self.work(date(2026, 3, 3), date(2026, 3, 17))
        told.set("2026-03-17 15:00")
        with self.ledger.write("测试") as writing:
            rows = queries.obligations(
                writing.conn, states=("waiting",), due_until=date(2026, 4, 9)
            )
            for row in dice.sample(list(rows), len(rows) // 3):
                report = transitions.Report(progress="已办。", percent=100)
                transitions.submit(writing, row["key"], report, actor="测试")
            for row in queries.to_review(writing.conn)[:2]:
                transitions.send_back(
                    writing,
                    row["id"],
                    actor="测试",
                    reason="缺材料",
                    calendar=desk.calendar,
                    days=3,
                )
            for row in ladder.proposals(writing.conn, states=("waiting",))[:2]:
                transitions.decide_proposal(
                    writing, row["id"], confirm=True, actor="王处长（测试）", reason="无正当理由"
                )

    def work(self, first: date, last: date) -> None:
        """The morning's stages of every day, rest days too, as the schedule runs them."""
        for number in range((last - first).days + 1):
            for name in ("publish", "collect", "escalate", "remind"):
                moment = clock.at(first + timedelta(days=number), SLOTS[name])
                if moment > self.told.moment:
                    self.told.moment = moment
                    stage_function(name)(self.office, moment)
                    with self.ledger.write("送信") as writing:  # what was queued arrives at once
                        ladder.assume_sent(writing)

    def dropped(self) -> Path:
        """A workbook that somebody has just put into the drop folder."""
        path = self.office.home.var / "inbox" / "龙湖镇.xlsx"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"not taken in yet")
        return path

    def messages(self) -> dict[str, tuple[datetime, str]]:
        with self.ledger.read() as conn:
            rows = queries.messages(conn, limit=10_000)
        return {row["id"]: (row["created_at"], row["text"]) for row in rows}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_the_preview_shows_is_what_happens(tmp_path: Path, told: Told, seed: int) -> None:
    office = Rehearsed(tmp_path / "office", told, seed)
    try:
        before, now = office.messages(), told.moment
        with office.ledger.read() as conn:
            head = events.chain_head(conn)
        waiting = office.dropped()
        shown = rehearse(office.office, now, 24)
        assert waiting.read_bytes() == b"not taken in yet", "预演动了收件夹里的文件"
        waiting.unlink()
        with office.ledger.read() as conn:
            assert events.chain_head(conn) == head
        office.work(date(2026, 3, 18), date(2026, 4, 10))
        came = {key: told_ for key, told_ in office.messages().items() if key not in before}
        assert len(shown) > 10
        assert {each["id"]: each["text"] for each in shown} == {
            key: text for key, (_, text) in came.items()
        }
        assert {each["id"]: each["day"] for each in shown} == {
            key: clock.day_of(at).isoformat() for key, (at, _) in came.items()
        }
    finally:
        office.ledger.close()


def test_preview_of_the_command(cli: Cli, applied: Path) -> None:
    count = len(ledger_events(applied))
    found = answer(cli, "preview", "--days", "120", "--home", applied)
    assert {each["unit"] for each in found} >= {"longhu", "xindian"}
    assert len(ledger_events(applied)) == count
    code, out, _ = cli("preview", "--days", "5", "--home", applied)
    assert code == 0
    assert "预计发出" in out
    code, _, noted = cli("preview", "--days", "0", "--home", applied)
    assert (code, "--days" in noted) == (2, True)


# ---- export, assess, audit, doctor -----------------------------------------------------------


def test_export_ledger_and_matrix(cli: Cli, applied: Path, tmp_path: Path) -> None:
    out = cli("export", "ledger", "--home", applied)[1]
    rows = list(csv.DictReader(io.StringIO(out)))
    assert {row["key"] for row in rows} == {
        FINISH,
        "T-02/xindian/finish:end",
        "T-03/longhu/finish:end",
        OLD,
    }
    path = tmp_path / "matrix.csv"
    assert cli("export", "matrix", "--out", path, "--home", applied)[0] == 0
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert [row["编号"] for row in answer(cli, "export", "matrix", "--home", applied)] == [
        "T-01",
        "T-02",
        "T-03",
    ]


def test_export_does_not_make_formulas(cli: Cli, tmp_path: Path) -> None:
    home = home_of(tmp_path / "home", matrix(title="=1+1"))
    rows = list(csv.DictReader(io.StringIO(cli("export", "matrix", "--home", home)[1])))
    assert rows[0]["任务"] == "'=1+1"


def test_export_forms(cli: Cli, played: Path, tmp_path: Path) -> None:
    args = ("export", "forms", "--unit", "市市场监管局", "--out", tmp_path, "--home", played)
    (written,) = answer(cli, *args)
    assert Path(written).read_bytes().startswith(b"PK")


def test_assess_run_show_explain(cli: Cli, tmp_path: Path, played: Path) -> None:
    import shutil

    home = shutil.copytree(played, tmp_path / "home")
    report = answer(cli, "assess", "run", "--year", "2026", "--date", "2026-03-27", "--home", home)
    assert Path(home / report["files"][0]).exists()
    shown = answer(cli, "assess", "show", "--home", home)
    unit = next(each for each in shown["units"] if each["assessed"] and each["lines"])
    told = answer(cli, "assess", "explain", "--unit", unit["name"], "--home", home)
    assert told == unit
    code, out, _ = cli("assess", "explain", "--unit", unit["name"], "--home", home)
    assert code == 0
    assert all(line["sentence"] in out for line in unit["lines"])
    again = answer(cli, "assess", "run", "--year", "2026", "--date", "2026-03-27", "--home", home)
    assert again["counts"] == report["counts"]
    assert answer(cli, "assess", "show", "--home", home)["result_hash"] == shown["result_hash"]
    assert cli("assess", "show", "--home", home)[0] == 0


def test_assess_show_without_a_run(cli: Cli, applied: Path) -> None:
    code, _, noted = cli("assess", "show", "--home", applied)
    assert (code, "duban assess run" in noted) == (2, True)


def test_audit_verify(cli: Cli, applied: Path) -> None:
    import sqlite3

    found = answer(cli, "audit", "verify", "--home", applied)
    assert (found["broken"], found["differs"]) == (None, [])
    with sqlite3.connect(applied / "var" / "duban.sqlite3") as conn:
        conn.execute("UPDATE obligation SET state = 'closed', is_open = 0")
    conn.close()
    code, out, _ = cli("audit", "verify", "--home", applied)
    assert (code, "obligation" in out) == (1, True)
    with sqlite3.connect(applied / "var" / "duban.sqlite3") as conn:
        conn.execute("DROP TRIGGER event_no_update")
        conn.execute("UPDATE event SET actor = '改过' WHERE seq = 4")
    conn.close()
    code, out, _ = cli("audit", "verify", "--home", applied)
    assert (code, "第4条记录" in out) == (1, True)


def test_doctor(cli: Cli, applied: Path) -> None:
    code, out, _ = cli("doctor", "--home", applied, "--format", "json")
    found = json.loads(out)
    assert found["facts"]["台账"] == "正式台账"
    assert not any("还没有写入台账" in each for each in found["problems"])
    write_matrix(applied, matrix(title="换个名字"))
    code, out, _ = cli("doctor", "--home", applied)
    assert (code, "有改动还没有写入台账" in out) == (1, True)


def test_a_personal_link_works_until_revoked(cli: Cli, applied: Path) -> None:
    code, out, noted = cli("user", "link", "龙湖镇", "--home", applied)
    assert (code, "/u/" in out, "个人链接" in noted) == (0, True, True)
    token = out.strip().rsplit("/", 1)[1]
    assert token not in (applied / "var" / "duban.sqlite3").read_bytes().decode("latin-1")
    assert "已作废1个链接" in cli("user", "revoke", "龙湖镇", "--home", applied)[1]
    assert "没有在用的链接" in cli("user", "revoke", "龙湖镇", "--home", applied)[1]


# ---- deadline, workdays ----------------------------------------------------------------------


def test_deadline(cli: Cli) -> None:
    found = answer(cli, "deadline", "自批复之日起2个月内", "--anchor", "approved=2024-01-03")
    assert found["due"] == "2024-03-04"  # 3 March 2024 is a Sunday
    assert (
        answer(cli, "deadline", "每季度最后一个月25日前", "--year", "2026")["kind"] == "recurring"
    )
    weekly = answer(cli, "deadline", "每周三下午15:00前")
    assert (weekly["every"], weekly["time"], weekly["day"]["weekday"]) == ("week", "15:00:00", 3)
    assert "次月5日" in cli("deadline", "次月5日前")[1]
    offset = answer(cli, "deadline", "会后5个工作日内", "--given", "会议=2026-09-29")
    assert offset["offset"] == {"amount": 5, "unit": "workdays"}
    assert offset["due"] == "2026-10-12"
    code, out, _ = cli("deadline", "各高速大队")
    assert (code, "各高速大队" in out) == (1, True)
    assert cli("deadline", "会后3日内", "--given", "会议")[0] == 2


def test_workdays(cli: Cli) -> None:
    assert cli("workdays", "add", "2026-09-29", "5")[1] == "2026-10-12\n"
    assert cli("workdays", "between", "2026-09-29", "2026-10-12")[1] == "5\n"
    assert "暂定" in cli("workdays", "add", "2031-01-02", "5")[1]
    found = answer(cli, "workdays", "add", "2026-02-13", "1")
    assert found == {
        "from": "2026-02-13",
        "working_days": 1,
        "date": "2026-02-14",
        "provisional": False,
    }


@pytest.mark.parametrize(
    "args",
    [
        ("workdays", "add", "2026-02-30", "1"),
        ("workdays", "add", "2200-01-01", "1"),
        ("workdays", "add", "2119-12-01", "9999"),
        ("workdays", "between", "1900-01-01", "2026-01-01"),
        ("workdays", "add", "2026-02-03", "三"),
        ("nonsense",),
        ("status", "--nonsense"),
        ("preview", "--days"),
        ("status", "--format", "xml"),
        (),
        ("run", "nonsense"),
        ("why",),
        ("why", "--unit", "x", "--date", "昨天"),
        ("check", "--home", "/nowhere"),
        ("user", "link", "龙湖镇", "--post", "联络员"),
        ("simulate", "--from", "2026-03-01", "--to", "2026-02-01"),
    ],
)
def test_wrong_calls_say_how(
    cli: Cli, args: tuple[str, ...], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUBAN_HOME", str(home))
    code, out, noted = cli(*args)
    assert (code, out) == (2, "")
    assert "办法：" in noted
    assert "Traceback" not in noted
    assert not re.search(r"usage:|invalid|required|unrecognized|expected", noted)


def test_help_is_in_chinese(cli: Cli) -> None:
    for args in (("--help",), ("run", "--help"), ("assess", "run", "--help")):
        code, out, _ = cli(*args)
        assert code == 0
        assert out.startswith("用法：duban")
        assert not re.search(r"usage:|options:|positional|show this help", out)


def test_every_listing_command_answers_in_json(cli: Cli, played: Path) -> None:
    for args in (
        ("check",),
        ("plan",),
        ("status",),
        ("preview", "--days", "3"),
        ("why", "--unit", "scjgj"),
        ("export", "ledger", "--unit", "scjgj"),
        ("export", "matrix"),
        ("audit", "verify"),
        ("workdays", "add", "2026-02-13", "1"),
        ("deadline", "每月25日前"),
    ):
        answer(cli, *args, "--home", played)


# ---- outside failures and start-up -----------------------------------------------------------


def test_a_ledger_that_cannot_be_made(cli: Cli, home: Path) -> None:
    (home / "var").write_text("a file where a folder belongs", encoding="utf-8")
    code, _, noted = cli("apply", "--home", home)
    assert code == 3
    assert "台账文件夹建不起来" in noted
    assert "办法：" in noted


def loaded_by(*args: object, home: Path) -> set[str]:
    """Modules that a command loads, asked of a fresh interpreter."""
    code = (
        "import sys\n"
        "from duban.cli import main\n"
        f"try: main({[str(arg) for arg in args]!r})\n"
        "except SystemExit: pass\n"
        "sys.stderr.write('\\n@' + ' '.join({name.split('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "DUBAN_HOME": str(home), "PYTHONUTF8": "1"},
    )
    return set(done.stderr.rsplit("@", 1)[1].split())


def test_help_loads_nothing_heavy(home: Path) -> None:
    heavy = {"prefect", "sqlalchemy", "apprise", "fastapi", "yaml", "alembic", "docx"}
    assert loaded_by("--help", home=home) & heavy == set()


@pytest.mark.parametrize(
    "args",
    [("check",), ("why", "--unit", "龙湖镇"), ("preview", "--days", "2")],
    ids=lambda a: a[0],
)
def test_daily_commands_do_without_prefect(args: tuple[str, ...], applied: Path) -> None:
    assert loaded_by(*args, home=applied) & {"prefect", "apprise", "fastapi"} == set()
