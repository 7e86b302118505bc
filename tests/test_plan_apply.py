"""From text to ledger: what an apply says, writes once, and asks before it does."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cast import REPORT_TASK, UNITS_YAML, home_of, write_matrix
from conftest import Told
from duban.desk import Desk, need_desk
from duban.errors import InputError
from duban.ledger import events, queries, transitions
from duban.ledger.apply import apply, preview
from duban.ledger.events import Draft
from duban.ledger.plan import Difference
from duban.ledger.store import Ledger, Writing, open_ledger
from duban.settings import Home

FINISH = "T-01/scjgj/finish:end"


class Bench:
    """A home whose text is edited and applied."""

    def __init__(self, root: Path, ledger: Ledger, told: Told) -> None:
        self.ledger = ledger
        self.told = told
        self.matrix: dict[str, Any] = {"tasks": [copy.deepcopy(dict(REPORT_TASK))]}
        self.home = Home(home_of(root, self.matrix))
        told.set("2026-03-02 09:00")

    @property
    def desk(self) -> Desk:
        write_matrix(self.home.root, self.matrix)
        return need_desk(self.home, date(2026, 3, 2))

    @property
    def task(self) -> dict[str, Any]:
        found: dict[str, Any] = self.matrix["tasks"][0]
        return found

    def apply(self, confirmed: str = "") -> Difference:
        desk = self.desk
        return apply(self.ledger, desk.matrix, desk.planned(), actor="经办人", confirmed=confirmed)

    def row(self, key: str) -> queries.Row:
        with self.ledger.read() as conn:
            found = queries.one_obligation(conn, key)
        assert found is not None, key
        return found

    def head(self) -> int:
        with self.ledger.read() as conn:
            return events.chain_head(conn)[0]

    def submit(self, key: str) -> None:
        with self.ledger.write("联络员") as writing:
            report = transitions.Report(progress="已办。", percent=100)
            transitions.submit(writing, key, report, actor="联络员")


@pytest.fixture
def bench(tmp_path: Path, told: Told) -> Iterator[Bench]:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite3'}"
    with closing(open_ledger(url, ask=told, durable=False)) as ledger:
        yield Bench(tmp_path / "home", ledger, told)


def test_the_first_apply_writes_what_the_preview_said(bench: Bench) -> None:
    desk = bench.desk
    said = preview(bench.ledger, desk.matrix, desk.planned(), bench.told.moment).sentences()
    assert bench.head() == 0
    assert bench.apply().sentences() == said
    assert said[0] == "首次应用工作方案《示例工作方案》，自2026-03-02起启用"
    assert bench.row(FINISH)["state"] == "waiting"
    assert bench.row("T-01/longhu/report:2026-01")["state"] == "historic"


def test_applying_again_writes_nothing(bench: Bench) -> None:
    bench.apply()
    head = bench.head()
    assert bench.apply().changes == []
    assert bench.head() == head


def test_an_edited_deadline_names_old_and_new(bench: Bench) -> None:
    bench.apply()
    bench.task["deadline"] = "2026年9月30日前"
    assert any("时限由2026-06-30改为2026-09-30" in each for each in bench.apply().sentences())
    assert (bench.row(FINISH)["due_on"], bench.row(FINISH)["round"]) == (date(2026, 9, 30), 2)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"weight": "3.5"}, "权重由2改为3.5"),
        ({"title": "健全保护机制"}, "改名（原为“建立保护机制”）"),
        ({"text": "新的要求"}, "任务内容的文字有改动"),
    ],
)
def test_what_changed_is_said(bench: Bench, change: dict[str, str], sentence: str) -> None:
    bench.apply()
    bench.task.update(change)
    assert any(sentence in each for each in bench.apply().sentences())


def test_wording_alone_keeps_round_and_due(bench: Bench) -> None:
    bench.apply()
    bench.task["title"] = "健全保护机制"
    bench.apply()
    row = bench.row(FINISH)
    assert (row["title"], row["round"], row["due_on"]) == ("健全保护机制", 1, date(2026, 6, 30))


def test_touching_what_is_settled_asks(bench: Bench) -> None:
    bench.apply()
    bench.submit(FINISH)
    head = bench.head()
    bench.task["deadline"] = "2026年5月31日前"
    refused = bench.apply()
    assert [change.subject for change in refused.asks] == [FINISH]
    assert bench.head() == head
    bench.apply(confirmed="会议纪要〔2026〕3号")
    assert bench.row(FINISH)["due_on"] == date(2026, 5, 31)
    with bench.ledger.read() as conn:
        moved = [each for each in events.read_events(conn) if each.kind == "obligation.moved"]
    assert "会议纪要〔2026〕3号" in moved[-1].why


def test_a_row_taken_out_is_withdrawn_and_can_come_back(bench: Bench) -> None:
    bench.matrix["tasks"].append({**REPORT_TASK, "id": "T-02", "indicators": []})
    bench.apply()
    second = bench.matrix["tasks"].pop()
    said = bench.apply().sentences()
    assert any("任务 T-02 建立保护机制 已从分工表中取消" in each for each in said)
    assert bench.row("T-02/scjgj/finish:end")["state"] == "cancelled"
    bench.matrix["tasks"].append(second)
    bench.apply()
    assert bench.row("T-02/scjgj/finish:end")["state"] == "waiting"


def test_what_is_added_later_was_not_owed_before(bench: Bench) -> None:
    bench.matrix["in_use_from"] = "2026-01-01"
    bench.apply()
    assert bench.row("T-01/longhu/report:2026-01")["state"] == "waiting"
    bench.matrix["tasks"].append({**REPORT_TASK, "id": "T-02", "indicators": []})
    bench.apply()
    assert bench.row("T-02/longhu/report:2026-02")["state"] == "historic"
    assert bench.row("T-02/longhu/report:2026-03")["state"] == "waiting"


def test_a_new_member_of_a_group_owes_from_its_day(bench: Bench) -> None:
    bench.apply()
    units = UNITS_YAML.replace("members: [龙湖镇, 辛店镇]", "members: [龙湖镇, 辛店镇, 新村镇]")
    (bench.home.config / "units.yaml").write_text(units, encoding="utf-8")
    bench.apply()
    with bench.ledger.read() as conn:
        rows = queries.obligations(conn, unit="xincun")
    assert min(row["due_on"] for row in rows) == date(2026, 4, 25)
    assert {row["state"] for row in rows} == {"waiting"}


def test_a_unit_struck_from_the_list_before_the_apply(bench: Bench) -> None:
    """Text is edited before it is applied; the morning in between must not fall over."""
    from duban.office import Office
    from duban.stages import collect

    bench.apply()
    units = UNITS_YAML.replace("members: [龙湖镇, 辛店镇]", "members: [龙湖镇]")
    start, end = units.index("  # 总是准时"), units.index("  # 联络员空缺")
    (bench.home.config / "units.yaml").write_text(units[:start] + units[end:], encoding="utf-8")
    desk, at = bench.desk, bench.told.set("2026-03-18 09:00")
    names = ("home", "settings", "matrix", "calendar", "reminders", "escalation", "lamps")
    office = Office(**{name: getattr(desk, name) for name in names}, ledger=bench.ledger)
    collect.run(office, at)
    with bench.ledger.read() as conn:
        told = {row["unit"]: row["text"] for row in queries.messages(conn)}
    assert set(told) == {"longhu", "scjgj"}
    assert "xindian" in told["scjgj"]


# ---- one transaction -------------------------------------------------------------------------


def test_an_apply_that_dies_writes_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Writing.record

    def dies(self: Writing, *drafts: Any, **more: Any) -> list[int]:
        whole(self, *drafts[:100], **more)
        raise KeyboardInterrupt

    monkeypatch.setattr(Writing, "record", dies)
    with pytest.raises(KeyboardInterrupt):
        bench.apply()
    monkeypatch.undo()
    assert bench.head() == 0
    bench.apply()
    assert bench.head() > 10


def test_two_applies_at_once_write_one_set(
    tmp_path: Path, told: Told, ledger: Ledger, ledger_url: str
) -> None:
    told.set("2026-03-02 09:00")
    desk = need_desk(Home(home_of(tmp_path / "home", {"tasks": [REPORT_TASK]})), date(2026, 3, 2))
    planned, problems = desk.planned(), list[BaseException]()
    ready = threading.Barrier(2)

    def work() -> None:
        try:
            with closing(open_ledger(ledger_url, ask=told, durable=False)) as own:
                ready.wait(10)
                apply(own, desk.matrix, planned, actor="经办人")
        except Exception as problem:  # noqa: BLE001 - told to the test below
            problems.append(problem)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert problems == []
    with ledger.read() as conn:
        rows = queries.obligations(conn)
        kinds = [each.kind for each in events.read_events(conn)]
        assert events.verify_chain(conn) is None
    assert len(rows) == len(planned)
    assert kinds.count("plan.applied") == 1
    assert kinds.count("obligations.expanded") == len(planned.expansions)


# ---- what an act refuses ---------------------------------------------------------------------


def refused(bench: Bench, act: Any) -> str:
    from duban.errors import InputError

    with pytest.raises(InputError) as caught, bench.ledger.write("测试") as writing:
        act(writing)
    return str(caught.value)


def test_before_use_nothing_is_taken_in(bench: Bench) -> None:
    bench.apply()
    report = transitions.Report(progress="补报。")
    key = "T-01/longhu/report:2026-01"
    said = refused(bench, lambda writing: transitions.submit(writing, key, report, actor="甲"))
    assert "duban history" in said
    assert bench.row(key)["state"] == "historic"


def test_the_office_reviews_the_newest_version_alone(bench: Bench) -> None:
    bench.apply()
    bench.submit(FINISH)
    bench.submit(FINISH)
    with bench.ledger.read() as conn:
        assert [row["id"] for row in queries.to_review(conn)] == [f"{FINISH}#2"]
    said = refused(bench, lambda writing: transitions.accept(writing, f"{FINISH}#1", actor="乙"))
    assert "更新的一版" in said
    with bench.ledger.write("办公室") as writing:
        transitions.accept(writing, f"{FINISH}#2", actor="乙")
    assert bench.row(FINISH)["state"] == "closed"


def test_what_was_withdrawn_is_not_reviewed(bench: Bench) -> None:
    bench.matrix["tasks"].append({**REPORT_TASK, "id": "T-02", "indicators": []})
    bench.apply()
    bench.submit("T-02/scjgj/finish:end")
    bench.matrix["tasks"].pop()
    bench.apply(confirmed="会议纪要〔2026〕3号")
    with bench.ledger.read() as conn:
        assert queries.to_review(conn) == []
    key = "T-02/scjgj/finish:end#1"
    said = refused(bench, lambda writing: transitions.accept(writing, key, actor="乙"))
    assert "已取消" in said
    assert bench.row("T-02/scjgj/finish:end")["state"] == "cancelled"


def test_progress_keeps_a_finish_open(bench: Bench) -> None:
    bench.apply()
    with bench.ledger.write("联络员") as writing:
        report = transitions.Report(progress="已过半。", percent=60)
        transitions.submit(writing, FINISH, report, actor="甲")
    row = bench.row(FINISH)
    assert (row["state"], row["is_open"], row["percent"]) == ("active", 1, 60)
    assert row["submitted_at"] is None
    with bench.ledger.read() as conn:
        assert queries.to_review(conn) == []


def test_a_key_is_not_used_for_another_item(bench: Bench) -> None:
    bench.apply()
    report = transitions.Report(nil=True, idem_key="k1")
    with bench.ledger.write("联络员") as writing:
        transitions.submit(writing, "T-01/longhu/report:2026-03", report, actor="甲")
    other = "T-01/xindian/report:2026-03"
    said = refused(bench, lambda writing: transitions.submit(writing, other, report, actor="甲"))
    assert "已用于另一事项" in said


def classes(difference: Difference) -> set[str]:
    return {name for change in difference.changes for name in change.classes}


def other(name: str, **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "title": f"任务{name}",
        "lead": ["市市场监管局"],
        "deadline": "2026年6月30日前",
        **more,
    }


@pytest.mark.parametrize(
    ("change", "name", "words"),
    [
        ({"lead": ["龙湖镇"]}, "lead", "牵头单位由市市场监管局改为龙湖镇"),
        ({"support": ["市法院"]}, "support", "增加配合单位市法院"),
        (
            {"deadline": "2026年9月30日前"},
            "deadline",
            "时限由“2026年6月30日前”改为“2026年9月30日前”",
        ),
        ({"weight": "5"}, "weight", "权重由1改为5"),
        ({"title": "改了名字"}, "wording", "改名（原为“任务T-09”）"),
    ],
)
def test_a_change_is_named_by_its_class(
    bench: Bench, change: dict[str, Any], name: str, words: str
) -> None:
    bench.matrix["tasks"].append(other("T-09"))
    bench.apply()
    bench.matrix["tasks"][1] |= change
    difference = bench.apply()
    assert name in classes(difference)
    assert any(words in sentence for sentence in difference.sentences())


def test_wording_alone_touches_no_deadline(bench: Bench) -> None:
    bench.apply()
    bench.task["text"] = "换一种说法"
    assert classes(bench.apply()) == {"wording", "plan"}
    assert bench.row(FINISH)["round"] == 1


@pytest.mark.parametrize(
    ("before", "after", "name", "words"),
    [
        ([other("A"), other("B")], [other("C", replaces=["A", "B"])], "merged", "并入 C"),
        (
            [other("A")],
            [other("C", replaces=["A"]), other("D", replaces=["A"])],
            "split",
            "拆分为 C、D",
        ),
        ([other("A")], [other("C", replaces=["A"])], "merged", "改编为 C"),
        ([other("A")], [], "withdrawn", "已从分工表中取消"),
    ],
)
def test_what_became_of_a_task(
    bench: Bench, before: list[Any], after: list[Any], name: str, words: str
) -> None:
    first = bench.matrix["tasks"][0]
    bench.matrix["tasks"] = [first, *before]
    bench.apply()
    bench.matrix["tasks"] = [first, *after]
    difference = bench.apply()
    assert name in classes(difference)
    assert any(words in sentence for sentence in difference.sentences())
    state = bench.row("A/scjgj/finish:end")["state"]
    assert state == ("cancelled" if name == "withdrawn" else "merged")


def test_a_target_that_moves_is_said(bench: Bench) -> None:
    bench.task.pop("indicators", None)
    bench.matrix["indicators"] = [
        {"id": "n", "name": "件数", "measure": "flow", "targets": {"2026": "30"}}
    ]
    bench.apply()
    bench.matrix["indicators"][0]["targets"] = {"2026": "40"}
    difference = bench.apply()
    assert "target" in classes(difference)
    assert any("指标“件数”2026年目标由30改为40" in sentence for sentence in difference.sentences())


def test_a_task_replaced_and_still_there_is_an_error(bench: Bench) -> None:
    bench.matrix["tasks"] += [other("A"), other("B", replaces=["A"])]
    with pytest.raises(InputError, match="A 还在分工表里"):
        _ = bench.desk


def test_a_published_years_items_are_not_moved_without_a_reason(bench: Bench) -> None:
    bench.apply()
    run = {
        "id": "2026",
        "period": "2026",
        "as_of": bench.told.moment,
        "state": "published",
        "facts": "",
        "result": "",
    }
    with bench.ledger.write("办公室") as writing:
        writing.record(Draft("run.scored", "run:2026", run))
    bench.task["deadline"] = "2026年9月30日前"
    assert bench.apply().asks
    assert bench.row(FINISH)["due_on"] == date(2026, 6, 30)
    assert bench.apply(confirmed="办发〔2026〕1号").asks
    assert bench.row(FINISH)["due_on"] == date(2026, 9, 30)
    with bench.ledger.read() as conn:
        moved = [each for each in events.read_events(conn) if each.kind == "obligation.moved"]
    assert "办发〔2026〕1号" in moved[-1].why


def test_a_new_calendar_year_moves_only_what_was_provisional(bench: Bench) -> None:
    bench.matrix["term"] = {"from": "2026-01-01", "to": "2027-12-31"}
    bench.matrix["anchors"] = [{"id": "approved", "name": "批复", "on": "2026-12-30"}]
    bench.matrix["tasks"].append(other("P", deadline="自批复之日起5个工作日内"))
    bench.apply()
    before = bench.row("P/scjgj/finish:end")
    assert before["provisional"] == 1
    calendar = bench.home.config / "calendar.yaml"
    year = """
  - year: 2027
    notice: 示例通知
    off: [2027-01-01, 2027-01-04, 2027-01-05]
"""
    calendar.write_text(calendar.read_text(encoding="utf-8").rstrip() + year, encoding="utf-8")
    changes = [each for each in bench.apply().changes if each.obligation]
    assert {each.obligation for each in changes} == {"P/scjgj/finish:end"}
    after = bench.row("P/scjgj/finish:end")
    assert after["provisional"] == 0
    assert after["due_on"] > before["due_on"]
    assert bench.apply().changes == []


def test_an_id_of_a_withdrawn_task_is_not_used_again_without_a_question(bench: Bench) -> None:
    bench.matrix["tasks"].append(other("A"))
    bench.apply()
    bench.matrix["tasks"].pop()
    bench.apply()
    bench.matrix["tasks"].append(other("A", title="另一件事"))
    difference = bench.apply()
    assert any("编号不应重复使用" in change.sentence for change in difference.asks)
    assert bench.row("A/scjgj/finish:end")["state"] == "cancelled"
    bench.matrix["tasks"][-1]["title"] = "任务A"
    assert bench.apply().asks == []
    assert bench.row("A/scjgj/finish:end")["state"] == "waiting"


def test_many_tasks_vanishing_at_once_are_asked_about(bench: Bench) -> None:
    bench.matrix["tasks"] += [other(f"A{n}") for n in range(5)]
    bench.apply()
    bench.matrix["tasks"] = bench.matrix["tasks"][:1]
    assert bench.apply().asks
    assert bench.row("A0/scjgj/finish:end")["state"] == "waiting"
    assert bench.apply(confirmed="专班会议纪要").changes
    assert bench.row("A0/scjgj/finish:end")["state"] == "cancelled"
