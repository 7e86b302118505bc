"""Bad sheets do not load: each planted fault is named with file, line and the way out."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from duban.assessment.rules import load_sheet
from duban.errors import Issues

ROOT = Path(__file__).resolve().parent.parent
RULES = ROOT / "tests" / "rules"
MORE = (ROOT / "tests" / "data" / "assessment" / "more.yaml").read_text(encoding="utf-8")

BAD = sorted((RULES / "bad").glob("*.yaml"))

Cli = Callable[..., tuple[int, str, str]]


def refused(tmp_path: Path, text: str, code: str, line: int, words: str = "") -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text, encoding="utf-8")
    issues = Issues()
    assert load_sheet(path, "bad.yaml", issues) is None
    told = [issue for issue in issues.errors if issue.code == code]
    assert told, [str(issue) for issue in issues]
    assert (told[0].place.file, told[0].place.line) == ("bad.yaml", line), str(told[0])
    assert words in told[0].message
    assert told[0].way_out


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


@pytest.mark.parametrize(
    ("file", "fault", "code", "words"),
    [
        # weights that do not add up
        ("responsibility", ("weight: 60%", "weight: 70%"), "weights-sum", "合计110%"),
        ("review", ("weight: 50%", "weight: 40%"), "weights-sum", "合计90%"),
        ("efficacy", ("span: 40%", "span: 50%"), "weights-sum", "合计110%"),
        # overlapping stretches, gaps, no end
        ("responsibility", ("{from: 10, to: 无, each: 1, points: -0.5}", "{from: 8, to: 无, each: 1, points: -0.5}"), "band-overlap", "重叠"),
        ("responsibility", ("{from: 10, to: 无, each: 1, points: -0.5}", "{from: 12, to: 无, each: 1, points: -0.5}"), "band-gap", "10到12之间"),
        ("responsibility", ("{from: 10, to: 无, each: 1, points: -0.5}", "{from: 10, to: 20, each: 1, points: -0.5}"), "stretch-end", "再远没有写"),
        ("responsibility", ("{from: 0, to: 2, each: 1, points: -3}", "{from: 0, to: 0, each: 1, points: -3}"), "band-empty", ""),
        # grades that nobody or everybody reaches; shares over 100 %
        ("review", ("{name: 优秀, from: 90}", "{name: 优秀, from: 101}"), "grade-unreachable", "达不到"),
        ("review", ("{name: 优秀, from: 90}", "{name: 优秀, from: 100, exclusive: 是}"), "grade-unreachable", "达不到"),
        ("review", ("{name: 合格, from: 60}", "{name: 合格, from: 0}"), "grade-unreachable", "人人都到"),
        ("places", ("ratio: 30%", "ratio: 130%"), "ratio", "0 到 100%"),
        ("places", ("{name: 达标, from: 70}", "{name: 达标, ratio: 80%, round: down, edge: out}"), "ratio-sum", "合计110%"),
        # duplicates and versions
        ("places", ("id: P-2", "id: P-1"), "rule-overlap", "P-1"),
        ("places", ("投诉量（少的在前）\n    basis: 第四条\n", "投诉量（少的在前）\n"), "missing", "basis"),
        ("places", ("fact: indicator\n    only: {title: [投诉量]}", "fact: complaints\n    only: {title: [投诉量]}"), "not-a-choice", "complaints"),
        # cap below floor
        ("honours", ("floor: 0\n    cap: 3\n", "floor: 4\n    cap: 3\n"), "limits-crossed", ""),
        ("honours", ("{id: fault, name: 扣分, cap: 0, floor: -30}", "{id: fault, name: 扣分, cap: -40, floor: -30}"), "limits-crossed", ""),
        # references
        ("honours", ("points_of('J-3') < -5分", "points_of('J-8') < -5分"), "rule-ref", "J-8"),
        ("honours", ("amount: \"min(3, 0.5 * count)\"", "amount: \"points_of('J-4')\""), "rule-circle", "J-2 → J-4 → J-2"),
        ("honours", ("amount: \"min(3, 0.5 * count)\"", "amount: \"points_of('J-2')\""), "rule-circle", "J-2 → J-2"),
        ("honours", ("完成率 < 60%", "points_of('J-3') < 0"), "expression", "不能用别的条款"),
        # units, names, division, rounding
        ("honours", ("完成率 < 60%", "完成率 < 60"), "expression", "不能和“纯数”比较"),
        ("honours", ("完成率 < 60%", "完成率"), "expression", "结果是“百分数”"),
        ("honours", ("min(3, 0.5 * count)", "min(3, count)"), "expression", "这里要“分”"),
        ("honours", ("min(3, 0.5 * count)", "0.5 + 60%"), "expression", "相加减"),
        ("honours", ("min(3, 0.5 * count)", "min(3, 0.5 * times)"), "expression", "没有“times”"),
        ("honours", ("min(3, 0.5 * count)", "min(3, 5 / (2 - 2))"), "expression", "除数是 0"),
        ("honours", ("min(3, 0.5 * count)", "5 / count"), "expression", "除数可能是 0"),
        ("honours", ("min(3, 0.5 * count)", "0.0005 * count"), "rounding-missing", "取整"),
        ("honours", ("min(3, 0.5 * count)", "count / 3 * 1分"), "rounding-missing", "取整"),
        ("honours", ("min(3, 0.5 * count)", "1e-3 * count"), "expression", "读不懂"),
        ("honours", ("min(3, 0.5 * count)", "__import__('os')"), "expression", "没有“__import__”"),
        ("honours", ("fact: none\n    scope: unit", "fact: none\n    scope: fact"), "formula-scope", ""),
        # other kinds
        ("efficacy", ("high: 3\n    low: 1", "high: 1\n    low: 3"), "efficacy-ends", ""),
        ("supervision", ("factors: [1, 2]", "factors: [一, 二]"), "repeat-factors", ""),
        ("supervision", ("values: {lead: 1, support: 0.5}", "values: {lead: 一}"), "not-a-number", ""),
        ("supervision", ("tie_break: [quality, report]", "tie_break: [speed]"), "tie-break", "speed"),
        ("supervision", ("{basis: 第九条, by: 县政府主要领导}", "{basis: 第九条}"), "missing", "by"),
        ("supervision", ("{basis: 第九条, by: 县政府主要领导}", "{basis: 第九条, bye: 某人, by: 县长}"), "unknown-key", "bye"),
    ],
)  # fmt: skip
def test_one_fault_is_named_at_its_line(
    tmp_path: Path, file: str, fault: tuple[str, str], code: str, words: str
) -> None:
    text = (RULES / f"{file}.yaml").read_text(encoding="utf-8")
    assert fault[0] in text
    path = tmp_path / "bad.yaml"
    path.write_text(text.replace(*fault, 1), encoding="utf-8")
    issues = Issues()
    assert load_sheet(path, "bad.yaml", issues) is None
    told = [issue for issue in issues.errors if issue.code == code and words in issue.message]
    assert told, [str(issue) for issue in issues]
    assert told[0].place.file == "bad.yaml"
    assert told[0].place.line in around(text, fault)
    assert told[0].way_out


def around(text: str, fault: tuple[str, str]) -> set[int]:
    """The lines of a fault, and of the row and the list that it stands in."""
    lines = text.replace(*fault, 1).splitlines()
    first = line_of(text, fault[0])
    found = set(range(first, first + max(fault[1].count("\n"), 0) + 1))
    depth = len(lines[first - 1]) - len(lines[first - 1].lstrip())
    for number in range(first - 1, 0, -1):
        indent = len(lines[number - 1]) - len(lines[number - 1].lstrip())
        if indent < depth and lines[number - 1].strip():
            found.add(number)
            depth = indent
    return found


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("amount: \"-min(5分, 0.3 * count + 0.1 * facts)\"", "amount: \"0.1 * logins\"", 22),
        ("name: 未报", "name: 网站点击量", 22),
        ("name: 未报", "name: 点 击 量", 22),
        ("name: 未报", "name: 登·录·次·数", 22),
        ("name: 未报", "name: 登錄次數", 22),
        ("name: 未报", "name: dengluCishu", 22),
        ("name: 未报", "name: yue_du_liang", 22),
        ("name: 未报", "name: daka", 22),
        ("name: 未报", "name: ｌｏｇｉｎ次数", 22),
        ("name: 未报", "name: 人均在线时长", 22),
        ("name: 未报", "name: 平台活跃度", 22),
        ("name: 未报", "name: 上传材料数量", 22),
        ("title == '甲'", "title == '阅读量'", 24),
        ("levels: {国家级: 3", "levels: {打卡: 3", 20),
        ("only: {title: [乙]}", "only: {title: [upload count]}", 19),
        ("name: 自评", "name: online_time", 21),
        ("name: 不加权", "name: 登录情况", 15),
    ],
)  # fmt: skip
def test_traces_of_use_are_refused_wherever_they_stand(
    tmp_path: Path, old: str, new: str, line: int
) -> None:
    assert old in MORE
    bad = MORE.replace(old, new, 1)
    line = line_of(bad, new)
    refused(tmp_path, bad, "trace-rule", line, "国办函〔2026〕12号")


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_check_names_every_fault_of_a_bad_sheet(path: Path, shipped: Path, cli: Cli) -> None:
    """Each file of tests/rules/bad tells in its first line what must be found, and nothing else."""
    first = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# expect:")
    expected = [(code, int(line)) for code, line in re.findall(r"([\w-]+):(\d+)", first)]
    shutil.copy(path, shipped / "config" / "assessment" / "2024.yaml")
    code, out, _ = cli("check", "--home", shipped, "--format", "json")
    errors = [issue for issue in json.loads(out)["issues"] if issue["level"] == "error"]
    assert code == 1
    assert [(each["code"], each["line"]) for each in errors] == expected
    assert all(each["file"] == "config/assessment/2024.yaml" for each in errors)
    assert all(each["message"] and each["way_out"] for each in errors)


def test_bands_with_an_end_must_meet(tmp_path: Path) -> None:
    text = (ROOT / "config/assessment/examples/liuan.yaml").read_text(encoding="utf-8")
    band = "- {from: 90%, give: 60%}"
    for end, code in (("95%", "band-gap"), ("105%", "band-overlap")):
        bad = text.replace(band, f"- {{from: 90%, to: {end}, give: 60%}}", 1)
        refused(tmp_path, bad, code, line_of(bad, f"to: {end}"), "两档")
    good = text.replace(band, "- {from: 90%, to: 100%, give: 60%}", 1)
    (tmp_path / "good.yaml").write_text(good, encoding="utf-8")
    assert load_sheet(tmp_path / "good.yaml", "good.yaml", Issues()) is not None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("id: xinzheng-2024", "id: xinzheng-2024"), "细则编号“xinzheng-2024”与"),
        (("from: 2024-01-01\n  to:  ", "from: 2024-07-01\n  to: 2025-12-31 #"), ""),
        (("id: xinzheng-2024", "id: other"), "那时“xinzheng-2024”"),
    ],
)
def test_sheets_must_not_hold_at_the_same_time(
    shipped: Path, cli: Cli, change: tuple[str, str], words: str
) -> None:
    folder = shipped / "config" / "assessment"
    text = (folder / "2024.yaml").read_text(encoding="utf-8")
    assert change[0] in text
    changed = text.replace(*change, 1)
    (folder / "2025.yaml").write_text(changed, encoding="utf-8")
    code, out, _ = cli("check", "--home", shipped)
    assert code == 1
    assert "config/assessment/2025.yaml:" in out
    assert words in out


def test_a_sheet_without_an_end_is_superseded_by_the_next(shipped: Path, cli: Cli) -> None:
    folder = shipped / "config" / "assessment"
    text = (folder / "2024.yaml").read_text(encoding="utf-8")
    new = text.replace("id: xinzheng-2024", "id: xinzheng-2025").replace(
        "from: 2024-01-01", "from: 2025-01-01"
    )
    (folder / "2025.yaml").write_text(new, encoding="utf-8")
    assert cli("check", "--home", shipped)[0] == 0


def test_a_fact_without_a_source_is_listed_and_does_not_count(tmp_path: Path, cli: Cli) -> None:
    path = tmp_path / "facts.yaml"
    path.write_text(
        "units:\n  - {id: jia, name: 甲镇, group: 乡镇}\nfacts:\n"
        "  - {id: f1, unit: jia, kind: late, title: 月报, event: '17:9f2c'}\n"
        "  - {id: f2, unit: jia, kind: missing, title: 季报}\n",
        encoding="utf-8",
    )
    rules = RULES / "supervision.yaml"
    code, out, noted = cli("assess", "score", "--rules", rules, "--facts", path)
    assert code == 0
    assert "考核得分 99.50 分" in out
    assert "不计：事实“f2”（jia 季报）没有来源。" in noted
    code, out, _ = cli("assess", "score", "--rules", rules, "--facts", path, "--format", "json")
    assert '"unsourced": [\n    "f2"\n  ]' in out
