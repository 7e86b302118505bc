"""The assessment engine: published tables come out right, and the total is always its lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duban.assessment.amounts import shown_total
from duban.assessment.explain import as_json, explain
from duban.assessment.facts import load_facts
from duban.assessment.model import Fact, Line, RuleSheet, UnitEntry, UnitScore
from duban.assessment.rules import load_sheet, pick_sheet
from duban.assessment.score import score, unread_facts, without_tasks
from duban.assessment.traces import trace_in
from duban.errors import InputError, Issues
from duban.matrix.schema import TABLES

HERE = Path(__file__).parent
SHEETS = HERE / "data" / "assessment"
SHIPPED = HERE.parent / "config" / "assessment" / "2024.yaml"
EXAMPLES = SHIPPED.parent / "examples"


def sheet_of(path: Path) -> RuleSheet:
    issues = Issues()
    sheet = load_sheet(path, path.name, issues)
    assert [str(issue) for issue in issues] == []
    assert sheet is not None
    return sheet


def unit(name: str, group: str = "乡镇") -> UnitEntry:
    return UnitEntry(name, name, group)


def indicator(title: str, target: str, done: str | None, of: str = "甲镇") -> Fact:
    return Fact(
        id=f"{of}-{title}",
        unit=of,
        kind="indicator",
        title=title,
        counted_in="件",
        target=Decimal(target),
        done=None if done is None else Decimal(done),
    )


def one(sheet: RuleSheet, facts: Iterable[Fact]) -> UnitScore:
    (found,) = score(sheet, [unit("甲镇")], facts)
    return found


KINDS = sheet_of(SHEETS / "kinds.yaml")
GOOD = (EXAMPLES / "nanjiang.yaml").read_text(encoding="utf-8")


# ── published examples ──

NANJIANG = [  # the unit, its group, target, done, the score in the published table
    ("经信局", "部门", 10, 10, "100"),
    ("教科体局", "部门", 40, 40, "100"),
    ("水利局", "部门", 10, 10, "100"),
    ("农业农村局", "部门", 5, 0, "99.5"),
    ("卫健局", "部门", 10, 10, "100"),
    ("市场监管局", "部门", 50, 50, "100"),
    ("林业局", "部门", 10, 10, "100"),
    ("供销社", "部门", 10, 10, "100"),
    ("粮食和物资储备中心", "部门", 10, 10, "100"),
    ("东榆工业园区管委会", "园区", 10, 10, "100"),
    ("集州街道", "乡镇", 2, 2, "100"),
    ("光雾山镇", "乡镇", 2, 2, "100"),
    ("公山镇", "乡镇", 2, 0, "99.8"),
    ("沙河镇", "乡镇", 2, 2, "100"),
    ("赤溪镇", "乡镇", 2, 0, "99.8"),
    ("八庙镇", "乡镇", 2, 2, "100"),
    ("高塔镇", "乡镇", 2, 1, "99.9"),
    ("团结乡", "乡镇", 2, 2, "100"),
    ("长赤镇", "乡镇", 2, 0, "99.8"),
    ("红光镇", "乡镇", 2, 0, "99.8"),
]


def test_nanjiang_table_comes_out_row_for_row() -> None:
    units = [UnitEntry(name, name, group) for name, group, *_ in NANJIANG]
    facts = [indicator("专利申报", str(t), str(d), name) for name, _, t, d, _ in NANJIANG]
    found = score(sheet_of(EXAMPLES / "nanjiang.yaml"), units, facts)
    assert [(one.name, one.total) for one in found] == [
        (name, Decimal(points)) for name, *_, points in NANJIANG
    ]
    by_name = {one.name: one for one in found}
    assert by_name["公山镇"].lines[-1].sentence == "未完成专利申报任务2件，扣0.2分"
    assert by_name["公山镇"].lines[-1].arithmetic == "2−0＝2件，2×（-0.1）＝-0.2"
    townships = [one.rank for one in found if one.group == "乡镇"]
    assert townships == [1, 1, 7, 1, 7, 1, 6, 1, 7, 7]
    assert by_name["农业农村局"].rank == 9


@pytest.mark.parametrize(
    ("title", "target", "done", "points"),
    [
        ("申请", "100", "103", "15.3"),
        ("申请", "100", "100", "15"),
        ("申请", "100", "99", "9"),
        ("申请", "100", "95", "9"),
        ("申请", "100", "90", "9"),  # 以上 includes
        ("申请", "100", "89", "0"),
        ("申请", "100", "0", "0"),
        ("授权", "40", "46", "16.2"),
    ],
)
def test_liuan_steps(title: str, target: str, done: str, points: str) -> None:
    found = one(sheet_of(EXAMPLES / "liuan.yaml"), [indicator(title, target, done)])
    assert found.total == Decimal(points)


def chengdu_facts() -> list[Fact]:
    return [
        indicator("重点目标", "100", "130.6"),
        Fact("n", "甲镇", "judged", title="网络", done=Decimal(1), evidence=("评议表",)),
        Fact("s", "甲镇", "bonus", level="专项", count=3),
        Fact("h1", "甲镇", "bonus", level="市级", matter="质押融资"),
        Fact("h2", "甲镇", "bonus", level="省级", matter="质押融资"),
        Fact("d", "甲镇", "deduction", title="通报", count=3),
    ]


def test_chengdu_base_plus_bonus_minus_deductions() -> None:
    found = one(sheet_of(EXAMPLES / "chengdu.yaml"), chengdu_facts())
    assert found.total == Decimal("106.66")
    points = sorted(line.millipoints for line in found.lines)
    assert points == [-1500, 800, 1000, 3060, 3300, 100_000]
    (honour,) = [line for line in found.lines if line.rule == "C-4"]
    assert set(honour.fact_ids) == {"h1", "h2"}
    assert "只计最高一次" in honour.arithmetic


def test_paper_deductions_add_to_1_9() -> None:
    facts = [
        Fact("m", "甲镇", "missing", title="月报"),
        Fact("l", "甲镇", "late", title="月报", count=3),
        indicator("信息", "24", "20"),
        indicator("用稿", "6", "4"),
    ]
    found = one(sheet_of(EXAMPLES / "paper.yaml"), facts)
    assert found.total == Decimal("8.1")


# ── the shipped sheet ──


def test_shipped_sheet_scores_a_late_township() -> None:
    facts = [
        Fact("a", "甲镇", "missing", title="第一季度情况"),
        Fact("b", "甲镇", "late", title="第二季度情况", count=2),
        Fact("c", "甲镇", "returned", title="第二季度情况"),
        Fact("d", "甲镇", "completion", title="建机制", role="lead", done=Decimal(1)),
        Fact("e", "甲镇", "completion", title="配合宣传", role="support"),
        indicator("专利申报", "2", "0"),
    ]
    found = one(sheet_of(SHIPPED), facts)
    # 0.5 + 0.4 + 0.1 for reporting; of 1 + 0.5 owed 1 is done: 50 × 1/3; 0.2 for two patents
    assert found.total == Decimal("82.13")
    sentences = [line.sentence for line in found.lines]
    assert "未完成专利申报任务2件，扣0.2分" in sentences
    assert "应办事项2项，完成1项，加权完成率约66.67%，扣16.67分；未完成：配合宣传" in sentences
    assert found.grade == "合格"
    assert sheet_of(SHIPPED).example


def test_deductions_stop_at_the_floor_of_their_category() -> None:
    facts = [Fact("a", "甲镇", "missing", title="情况", count=50)]
    found = one(sheet_of(SHIPPED), facts)
    assert found.total == 80
    assert found.lines[-1].sentence == "“报送时效”最低-20分，扣完为止，多扣的5分不计"


def test_bonuses_stop_at_their_caps_and_each_cap_is_a_line() -> None:
    levels = ("国家级", "国家级", "省级")
    facts = [
        Fact(f"b{n}", "甲镇", "bonus", matter=f"m{n}", level=level)
        for n, level in enumerate(levels)
    ]
    found = one(sheet_of(SHIPPED), facts)
    assert found.total == 105
    assert (found.lines[-1].rule, found.lines[-1].millipoints) == ("JF-1.cap", -3000)
    assert found.lines[-1].fact_ids == ("b0", "b1", "b2")
    lower = replace(sheet_of(SHIPPED), cap=102_000)
    assert one(lower, facts).lines[-1].sentence == "总分最高102分，超出的3分不计"


@pytest.mark.parametrize(
    ("millipoints", "shown"),
    [(94_995, "95.00"), (94_994, "94.99"), (-5, "-0.01"), (-4, "0.00"), (100_000, "100.00")],
)
def test_a_half_is_rounded_away_from_zero(millipoints: int, shown: str) -> None:
    assert str(shown_total(millipoints, 2)) == shown


def test_a_unit_without_tasks_is_not_assessed() -> None:
    units = without_tasks([unit("甲镇"), unit("乙镇")], [Fact("a", "甲镇", "on_time")])
    _, idle = score(sheet_of(SHIPPED), units, [Fact("a", "甲镇", "on_time")])
    assert (idle.assessed, idle.rank, idle.lines, idle.grade) == (False, None, (), "")
    assert "未纳入考核" in explain(idle)
    assert as_json(idle)["total"] is None


# ── grades ──


def graded(points: dict[str, int], vetoes: dict[str, str]) -> dict[str, UnitScore]:
    """Scores on the sheet of all kinds: 40 + 20 to start with, so many missing reports each."""
    facts = [Fact(f"m{name}", name, "missing", count=n) for name, n in points.items()]
    facts += [Fact(f"v{name}", name, "veto", level=level) for name, level in vetoes.items()]
    found = score(KINDS, [unit(name) for name in points], facts)
    return {one.name: one for one in found}


def test_places_of_the_best_grade_are_limited_and_the_reason_is_told() -> None:
    found = graded({"甲": 0, "乙": 0, "丙": 0, "丁": 4}, {})
    # 50 % of four units are two places, three are tied for them: edge out leaves all three out.
    assert {name: (one.rank, one.grade) for name, one in found.items()} == {
        "甲": (1, "良好"), "乙": (1, "良好"), "丙": (1, "良好"), "丁": (4, "良好"),
    }  # fmt: skip
    assert "名额已满" in found["甲"].effects[0]


def test_nobody_passes_a_tie_that_was_left_out() -> None:
    facts = [Fact(f"b{name}", name, "bonus", level="国家级") for name in "甲乙丙"]
    found = score(KINDS, [unit(name) for name in "甲乙丙丁"], facts)
    assert [(one.total, one.grade) for one in found] == [(Decimal(63), "良好")] * 3 + [
        (Decimal(60), "良好")
    ]


def test_vetoes_change_grades_and_not_points() -> None:
    found = graded({"甲": 0, "乙": 0, "丙": 0, "丁": 4}, {"甲": "重大", "乙": "较大", "丁": "特大"})
    assert [found[name].grade for name in "甲乙丙丁"] == ["良好", "良好", "优秀", "不合格"]
    assert [found[name].rank for name in "甲乙丙丁"] == [1, 1, 1, 4]
    assert found["甲"].effects[0].startswith("取消评优：")


# ── each kind of rule, by hand ──


def measured(title: str, target: str, done: str | None, of: str = "甲镇") -> list[Fact]:
    return [indicator(title, target, done, of)]


@pytest.mark.parametrize(
    ("rule", "facts", "points"),
    [
        ("K-4", measured("甲", "3", "2"), [3333]),  # 5 × 2/3, rounded down to 0.001
        ("K-4", measured("甲", "3", "9"), [6000]),  # 300 %, at most 6
        ("K-4", measured("甲", "3", None), [0]),  # never reported counts as nothing
        ("K-6", measured("乙", "10", "8"), [7500]),  # halfway from 60 % (5) to 100 % (10)
        ("K-6", measured("乙", "10", "6"), [5000]),
        ("K-6", measured("乙", "10", "5.99"), [0]),
        ("K-6", measured("乙", "10", "11"), [10_000]),
        ("K-6", measured("乙", "10", None), [0]),
        ("K-2", [Fact("a", "甲镇", "late", role="support", happened_on=date(2024, 3, 1))], [-100]),
        ("K-1", [Fact("a", "甲镇", "missing", count=3)], [-1500]),
        ("K-8", [Fact("a", "甲镇", "judged", done=Decimal(9), evidence=("纪要",))], [2000]),
        ("K-8", [Fact("a", "甲镇", "judged", done=Decimal(1))], [0]),  # no evidence
        (
            "K-7",
            [Fact("a", "甲镇", "bonus", level="县级")],
            [0],
        ),  # not in the table: said, not lost
        (
            "K-3",  # 30 × (2×1×1 + 1×0.5×0.4) ÷ (2×1 + 1×0.5)
            [
                Fact("a", "甲镇", "completion", role="lead", weight=Decimal(2), done=Decimal(1)),
                Fact("b", "甲镇", "completion", role="support", target=Decimal(5), done=Decimal(2)),
            ],
            [26_400],
        ),
        ("K-3", [], [0]),  # when_none: zero, and a line that says so
    ],
)
def test_arithmetic_of_each_kind(rule: str, facts: list[Fact], points: list[int]) -> None:
    lines = [line for line in one(KINDS, facts).lines if line.rule == rule]
    assert [line.millipoints for line in lines] == points


def test_the_completion_rate_can_be_followed_by_hand() -> None:
    lead = [Fact("a", "甲镇", "completion", title="建机制", role="lead", weight=Decimal(3))]
    support = [
        Fact(f"b{n}", "甲镇", "completion", title=f"配合{n}", role="support", done=Decimal(1))
        for n in range(12)
    ]
    done = [replace(lead[0], done=Decimal(1))]
    line = completion_line(done + support[:1])
    assert line.arithmetic.startswith(
        "应办 3×1＋1×0.5＝3.5，完成 3×1＋1×0.5＝3.5，完成率＝3.5÷3.5＝100%"
    )
    line = completion_line(lead + support)
    assert line.arithmetic == (
        "应办 3×1＋1×0.5×12项＝9，完成 1×0.5×12项＝6，完成率＝6÷9＝约66.67%，"
        "50×（约66.67%−100%）＝-16.67（四舍五入到0.01）"
    )
    assert "牵头1项、配合12项（角色权重 1∶0.5），完成12项" in line.fact
    assert "配合5 1×0.5等12项；未完成：建机制 3×1" in line.fact
    nothing = completion_line(lead).arithmetic
    assert nothing.startswith("应办 3×1＝3，完成 0＝0，完成率＝0÷3＝0%")


def completion_line(facts: list[Fact]) -> Line:
    return next(
        line for line in one(sheet_of(SHIPPED), facts).lines if "完成率＝" in line.arithmetic
    )


def test_rank_points_go_by_group_and_ties_share_the_better_place() -> None:
    done = {"甲镇": "3", "乙镇": "3", "丁镇": "2", "丙局": "1"}
    units = [unit(name, "部门" if name == "丙局" else "乡镇") for name in done]
    facts = [indicator("甲", "3", number, name) for name, number in done.items()]
    lines = [line for one in score(KINDS, units, facts) for line in one.lines if line.rule == "K-5"]
    assert [(line.unit, line.millipoints) for line in lines] == [
        ("甲镇", 3000), ("乙镇", 3000), ("丁镇", 0), ("丙局", 3000),
    ]  # fmt: skip


def test_rank_points_may_go_upwards(tmp_path: Path) -> None:
    path = tmp_path / "asc.yaml"
    text = (SHEETS / "kinds.yaml").read_text(encoding="utf-8").replace("order: desc", "order: asc")
    path.write_text(text, encoding="utf-8")
    facts = [
        indicator("甲", "3", n, name) for name, n in (("甲镇", "1"), ("乙镇", "1"), ("丁镇", "2"))
    ]
    units = [unit(fact.unit) for fact in facts]
    found = [line for one in score(sheet_of(path), units, facts) for line in one.lines]
    assert [line.millipoints for line in found if line.rule == "K-5"] == [3000, 3000, 0]


@pytest.mark.parametrize(
    ("target", "done", "points"), [("10", "8", "100"), ("10", "12", "99.8"), ("0", "1", "99.9")]
)
def test_a_reverse_indicator_loses_for_more(
    tmp_path: Path, target: str, done: str, points: str
) -> None:
    path = tmp_path / "reverse.yaml"
    path.write_text(GOOD.replace("unreported:", "direction: reverse\n    unreported:"), "utf-8")
    found = one(sheet_of(path), measured("专利申报", target, done))
    assert found.total == Decimal(points)


# ── properties ──

FACTS = st.lists(
    st.builds(
        Fact,
        id=st.just(""),
        unit=st.sampled_from(["甲镇", "乙镇", "丙局"]),
        kind=st.sampled_from(
            ["missing", "late", "completion", "indicator", "bonus", "judged", "veto"]
        ),
        title=st.sampled_from(["甲", "乙"]),
        role=st.sampled_from(["lead", "support", ""]),
        weight=st.sampled_from([Decimal("0.3"), Decimal(1), Decimal(2)]),
        target=st.sampled_from([Decimal(0), Decimal(3), Decimal("7.5"), None]),
        done=st.sampled_from([None, Decimal(0), Decimal(1), Decimal("2.9"), Decimal(8)]),
        level=st.sampled_from(["国家级", "省级", "重大", "较大", "特大"]),
        matter=st.sampled_from(["", "质押融资", "维权站"]),
        count=st.integers(0, 30),
        happened_on=st.sampled_from([None, date(2024, 3, 1), date(2024, 9, 1)]),
        evidence=st.sampled_from([(), ("纪要",)]),
    ),
    min_size=1,
    max_size=14,
).map(lambda facts: [replace(fact, id=f"f{n}") for n, fact in enumerate(facts)])
UNITS = [unit("甲镇"), unit("乙镇"), unit("丙局", "部门")]


@settings(max_examples=150, deadline=None)
@given(FACTS)
def test_a_total_is_exactly_the_sum_of_its_lines_whatever_the_order(facts: list[Fact]) -> None:
    found = score(KINDS, UNITS, facts)
    assert found == score(KINDS, UNITS, reversed(facts))
    for one in found:
        assert one.millipoints == sum(line.millipoints for line in one.lines)
        assert 0 <= one.millipoints <= 110_000
        assert abs(one.total * 1000 - one.millipoints) <= 5
        assert all(type(line.millipoints) is int and line.sentence for line in one.lines)


@settings(max_examples=150, deadline=None)
@given(FACTS, st.data())
def test_removing_a_fact_changes_only_lines_that_depend_on_it(
    facts: list[Fact], data: st.DataObject
) -> None:
    gone = data.draw(st.sampled_from(facts))
    before = {one.unit: one for one in score(KINDS, UNITS, facts)}
    rest = [fact for fact in facts if fact is not gone]
    for after in score(KINDS, UNITS, rest):
        old = before[after.unit].lines
        kept = [line for line in old if gone.id not in line.fact_ids]
        assert [line for line in kept if line not in after.lines] == []
        touched = {line.rule for line in old if gone.id in line.fact_ids}
        new = [line for line in after.lines if line not in old]
        assert all(line.rule in touched or line.rule.endswith((".cap", ".floor")) for line in new)


# ── time and versions ──


def test_a_changed_rule_stands_beside_the_old_one() -> None:
    facts = [
        Fact("a", "甲镇", "late", title="一季度", role="lead", happened_on=date(2024, 6, 30)),
        Fact("b", "甲镇", "late", title="三季度", role="lead", happened_on=date(2024, 7, 1)),
    ]
    lines = [line for line in one(KINDS, facts).lines if line.rule == "K-2"]
    assert [(line.version, line.millipoints) for line in lines] == [("1", -200), ("2", -300)]


def test_the_later_sheet_supersedes_and_a_gap_is_told() -> None:
    old = sheet_of(SHIPPED)
    new = replace(old, id="new", valid_from=date(2025, 1, 1))
    assert pick_sheet([new, old], date(2024, 12, 31)) is old
    assert pick_sheet([old, new], date(2025, 1, 1)) is new
    with pytest.raises(InputError, match="没有施行中的考核细则"):
        pick_sheet([old, new], date(2023, 12, 31))
    with pytest.raises(InputError, match="同一天起施行"):
        pick_sheet([old, replace(old, id="twin")], date(2024, 5, 1))


# ── what is refused ──


def test_scores_refuse_what_could_not_be_defended() -> None:
    twice = [Fact("a", "甲镇", "late"), Fact("a", "甲镇", "late")]
    with pytest.raises(InputError, match="出现了两次"):
        one(KINDS, twice)
    with pytest.raises(InputError, match="不在考核单位里"):
        one(KINDS, [Fact("a", "乙镇", "late")])


def test_facts_that_no_rule_reads_are_told() -> None:
    facts = [Fact("a", "甲镇", "late"), Fact("b", "甲镇", "returned")]
    assert [fact.id for fact in unread_facts(KINDS, [unit("甲镇")], facts)] == ["b"]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("fact: indicator", "fact: logins", "trace-rule"),
        ("fact: indicator", "fact: upload_count", "trace-rule"),
        ("kind: per_piece", "kind: read_rate", "trace-rule"),
        ("name: 专利申报", "name: 登录次数", "trace-rule"),
        ("title: [专利申报]", "title: [在线时长]", "trace-rule"),
        ("未完成{title}任务", "通知已读率低，", "trace-rule"),
        ("    floor: 无\n", "", "limit-missing"),
        ("    granularity: whole\n", "", "missing"),
        ("granularity: whole", "granularity: pro_rata", "rounding-missing"),
        ("points: -0.1", "points: -0.0001", "not-a-points"),
        ("points: -0.1", "pionts: -0.1", "unknown-key"),
        ("category: patents", "category: other", "not-a-choice"),
        ("{short}", "{shortt}", "sentence-name"),
        ("{short}", "{short.real}", "sentence"),
        ("base: 100\n", "", "missing"),
        ("total: {cap: 100, floor: 0, digits: 1}", "total: {cap: 0, floor: 1, digits: 1}", "limits-crossed"),
        ("ties: 1-1-3", "ties: dense", "not-a-choice"),
        ("valid: {from: 2023-01-01,", "valid: {from: 2024-01-01,", "valid-order"),
        ("    basis: 附件2 专利申报（件）\n", "", "missing"),
    ],
)  # fmt: skip
def test_a_sheet_with_one_mistake_is_refused_at_its_line(
    tmp_path: Path, old: str, new: str, code: str
) -> None:
    assert old in GOOD
    path = tmp_path / "bad.yaml"
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    issues = Issues()
    assert load_sheet(path, "bad.yaml", issues) is None
    told = next(issue for issue in issues if issue.code == code)
    assert told.place.file == "bad.yaml"
    assert told.place.line
    assert told.way_out
    if code == "trace-rule":
        assert "国办函〔2026〕12号" in told.message


@pytest.mark.parametrize(
    "word",
    ["登录", "阅读量", "点击率", "每日打卡", "上传材料数量", "loginCount", "online time", "reads"],
)
def test_traces_are_seen(word: str) -> None:
    assert trace_in(word)


@pytest.mark.parametrize(
    "word",
    [
        "专利申报",
        "在线诉讼机制",
        "上传材料质量",
        "ready",
        "spread",
        "late",
        "breads",
        "转发上级文件",
    ],
)
def test_results_are_not_taken_for_traces(word: str) -> None:
    assert not trace_in(word)


FACTS_FILE = """
units:
  - {id: jia, name: 甲镇, group: 乡镇}
  - {id: yi, name: 乙镇, group: 乡镇}
  - {id: bing, name: 丙公司, group: 企业, assessed: 否, reason: 企业不是督查对象}
facts:
  - {id: f1, unit: 甲镇, kind: indicator, title: 专利申报, target: 2, done: 0.10, counted_in: 件, evidence: [受理通知书]}
"""


def test_a_facts_file_gives_units_and_exact_facts(tmp_path: Path) -> None:
    path = tmp_path / "facts.yaml"
    path.write_text(FACTS_FILE, encoding="utf-8")
    issues = Issues()
    found = load_facts(path, "facts.yaml", issues)
    units, facts = found.units, found.facts
    assert not list(issues)
    assert [(u.id, u.assessed, u.reason) for u in units] == [
        ("jia", True, ""), ("yi", False, "本期没有应办事项"), ("bing", False, "企业不是督查对象"),
    ]  # fmt: skip
    assert (facts[0].unit, str(facts[0].done), facts[0].evidence) == (
        "jia",
        "0.10",
        ("受理通知书",),
    )


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("unit: 甲镇", "unit: 丁镇", "unknown-unit"),
        ("kind: indicator", "kind: logins", "trace-fact"),
        ("title: 专利申报", "title: 系统登录率", "trace-fact"),
        ("target: 2, ", "", "target-missing"),
        ("kind: indicator", "kind: judged, note: x", "unknown"),
        (", reason: 企业不是督查对象", "", "reason-missing"),
        ("done: 0.10", "done: 0.1000001", "not-a-number"),
    ],
)
def test_a_facts_file_with_one_mistake_is_refused(
    tmp_path: Path, old: str, new: str, code: str
) -> None:
    text = FACTS_FILE.replace(old, new)
    if code == "unknown":  # a judgement without evidence
        text, code = text.replace(", evidence: [受理通知书]", ""), "evidence-missing"
    path = tmp_path / "facts.yaml"
    path.write_text(text, encoding="utf-8")
    issues = Issues()
    load_facts(path, "facts.yaml", issues)
    assert [(issue.code, bool(issue.place.line)) for issue in issues.errors] == [(code, True)]


def test_a_facts_file_may_be_json(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    fact = {
        "id": "f",
        "unit": "u",
        "kind": "late",
        "count": 2,
        "title": "季报",
        "evidence": ["台账"],
    }
    units = [{"id": "u", "name": "甲镇", "group": "乡镇", "assessed": True}]
    path.write_text(json.dumps({"units": units, "facts": [fact]}, indent=2), encoding="utf-8")
    issues = Issues()
    (found,) = load_facts(path, "facts.json", issues).facts
    assert not list(issues)
    assert (found.count, found.title, found.evidence) == (2, "季报", ("台账",))


# ── words ──


def test_an_explanation_names_clause_fact_evidence_and_arithmetic() -> None:
    fact = replace(indicator("专利申报", "2", "0"), evidence=("受理通知书",), event="e7")
    text = explain(one(sheet_of(EXAMPLES / "nanjiang.yaml"), [fact]))
    for part in (
        "甲镇（乡镇）考核得分 99.8 分，第1名",
        "未完成专利申报任务2件，扣0.2分。（-0.2分）",
        "条款：附件2 专利申报（件）（条款编号 N-1，版本 2023）",
        "事实：专利申报：目标2件，完成0件",
        "计算：2−0＝2件，2×（-0.1）＝-0.2",
        "依据：受理通知书；台账事件 e7",
        "合计：100 ＋ （-0.2） ＝ 99.8",
    ):
        assert part in text


def test_the_examples_of_the_manual_load(tmp_path: Path) -> None:
    manual = (HERE.parent / "docs" / "assessment.md").read_text(encoding="utf-8")
    sheet_text, facts_text = re.findall(r"```yaml\n(.*?)```", manual, re.DOTALL)[:2]
    (tmp_path / "s.yaml").write_text(sheet_text, encoding="utf-8")
    (tmp_path / "f.yaml").write_text(facts_text, encoding="utf-8")
    issues = Issues()
    given = load_facts(tmp_path / "f.yaml", "f.yaml", issues)
    found = score(sheet_of(tmp_path / "s.yaml"), given.units, given.facts)
    assert not list(issues)
    assert str(found[0].total) in manual
    assert found[0].lines[-1].sentence in manual


MANUAL = (HERE.parent / "docs" / "assessment.md").read_text(encoding="utf-8")
FRAME = """\
id: manual
title: 手册
basis: 手册
valid: {from: 2024-01-01}
base: 100
total: {cap: 无, floor: 无, digits: 2}
categories:
  - {id: all, name: 全部, cap: 无, floor: 无}
rules:
"""


@pytest.mark.parametrize(
    "snippet", re.findall(r"```yaml\n(- id: .*?)```", MANUAL, re.DOTALL), ids=lambda text: text[6:9]
)
def test_every_clause_of_the_manual_loads(tmp_path: Path, snippet: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(FRAME + snippet, encoding="utf-8")
    assert sheet_of(path).rules


def test_the_manual_tells_every_kind_and_every_key_of_a_rule() -> None:
    for key in TABLES["rule"].keys:
        assert f"`{key.name}" in MANUAL or f"{key.name}`" in MANUAL or f" {key.name} " in MANUAL
        if key.name == "kind":
            assert [kind for kind, _ in key.words if f"| `{kind}` |" not in MANUAL] == []


def test_a_self_score_stands_beside_and_never_counts() -> None:
    facts = [
        Fact("s", "甲镇", "self_score", done=Decimal(100), evidence=("自评表",)),
        Fact("t", "甲镇", "self_score", done=Decimal("-0.2"), rule="SX-2", evidence=("自评表",)),
        Fact("l", "甲镇", "late", title="季报", count=2),
    ]
    found = one(sheet_of(SHIPPED), facts)
    assert found.total == Decimal("99.60")
    assert found.beside == (
        "总分自评100分，考核得99.6分，相差-0.4分",
        "“迟报”自评-0.2分，考核得-0.4分，相差-0.2分",
    )
    assert "自评对照：总分自评100分" in explain(found)
    assert as_json(found)["beside"] == list(found.beside)
    assert "beside" not in as_json(one(sheet_of(SHIPPED), facts[2:]))
    assert unread_facts(sheet_of(SHIPPED), [unit("甲镇")], facts) == ()


def test_nobody_is_spared_by_a_sheet_that_allows_no_exemptions() -> None:
    grant = Fact("e", "甲镇", "exemption", rule="SX-2", evidence=("批示",))
    late = Fact("l", "甲镇", "late", title="季报")
    assert one(sheet_of(SHIPPED), [grant, late]).total == Decimal("99.80")
    assert unread_facts(sheet_of(SHIPPED), [unit("甲镇")], [grant, late]) == (grant,)
