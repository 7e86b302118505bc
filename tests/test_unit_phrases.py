"""Responsibility phrases: who leads, who supports, and nothing invented."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duban.matrix.phrases_units import KnownNames, read_units


def told(phrase: str, known: KnownNames | None = None) -> tuple[list[str], list[str], list[str]]:
    """Leads, supporters, and names whose part is not said."""
    read = read_units(phrase, known)
    return tuple([part.text for part in read.of(role)] for role in ("lead", "support", ""))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("phrase", "lead", "support"),
    [
        ("市科技局牵头，市财政局、市教育局按职责分工负责", ["市科技局"], ["市财政局", "市教育局"]),
        ("市科技局牵头，市财政局配合", ["市科技局"], ["市财政局"]),
        ("市科技局牵头负责，市财政局、市教育局等配合落实", ["市科技局"], ["市财政局", "市教育局"]),
        ("农业农村部、国家林草局负责", ["农业农村部", "国家林草局"], []),
        ("国家知识产权局负责", ["国家知识产权局"], []),
        ("（国家知识产权局负责）", ["国家知识产权局"], []),
        ("省经信厅、省科技厅按职责分工负责", ["省经信厅", "省科技厅"], []),
        (
            "牵头单位：市科技局；配合单位：市财政局、市教育局",
            ["市科技局"],
            ["市财政局", "市教育局"],
        ),
        ("牵头：市科技局 配合：市财政局、各区", ["市科技局"], ["市财政局", "各区"]),
        ("由市科技局会同市财政局、市教育局负责", ["市科技局"], ["市财政局", "市教育局"]),
        ("滨海新区人民政府会同有关部门负责", ["滨海新区人民政府"], ["有关部门"]),
        ("市财政局配合", [], ["市财政局"]),
        (
            "市公安局、市法院等有关单位配合，市市场监管局牵头",
            ["市市场监管局"],
            ["市公安局", "市法院"],
        ),
        ("市科技局（牵头）、市财政局（配合）", ["市科技局"], ["市财政局"]),
    ],
)
def test_verbs_and_labels_give_the_roles(phrase: str, lead: list[str], support: list[str]) -> None:
    assert told(phrase) == (lead, support, [])


@pytest.mark.parametrize(
    ("phrase", "names"),
    [
        ("责任单位：市财政局，市教育局", ["市财政局", "市教育局"]),
        ("市财政局;市教育局；市公安局/市司法局", ["市财政局", "市教育局", "市公安局", "市司法局"]),
        ("市教育局\n市公安局", ["市教育局", "市公安局"]),
        ("市教育局 市公安局", ["市教育局", "市公安局"]),
        ("市市场监\n管局", ["市市场监管局"]),
        ("省市场监管局（省知识产权局）、省财政厅", ["省市场监管局（省知识产权局）", "省财政厅"]),
        ("各乡镇（街道）、各有关单位", ["各乡镇（街道）", "各有关单位"]),
        ("各乡镇、街道", ["各乡镇、街道"]),
        ("各县（市、区）人民政府", ["各县（市、区）人民政府"]),
        ("市工业和信息化局和市财政局", ["市工业和信息化局", "市财政局"]),
        (
            "住房和城乡建设局、文化和旅游局及有关部门",
            ["住房和城乡建设局", "文化和旅游局", "有关部门"],
        ),
        ("人力资源和社会保障局", ["人力资源和社会保障局"]),
        ("自然资源与规划局", ["自然资源与规划局"]),
        ("市科技局、市财政局、税务局", ["市科技局", "市财政局", "税务局"]),
        ("市场监管局、税务局", ["市场监管局", "税务局"]),
        ("市科技局、龙湖镇", ["市科技局", "龙湖镇"]),
        ("省能源局、浙江金融监管局", ["省能源局", "浙江金融监管局"]),
    ],
)
def test_names_are_split_and_never_torn(phrase: str, names: list[str]) -> None:
    assert told(phrase) == ([], [], names)


@pytest.mark.parametrize("phrase", ["无", "—", "", " ", "/", "－", "——", "暂无"])
def test_nobody(phrase: str) -> None:
    read = read_units(phrase)
    assert read.none
    assert not read.names


@pytest.mark.parametrize(
    ("phrase", "joint", "open_ended"),
    [
        ("甲局、乙局按职责分工负责", True, False),
        ("甲局、乙局等部门按职责分工负责", True, True),
        ("甲局、乙局等部门负责", False, True),
        ("甲局等单位", False, True),
        ("甲局、乙局负责", False, False),
        ("甲局牵头，乙局等相关部门分工负责", True, True),
    ],
)
def test_joint_and_open_ended(phrase: str, joint: bool, open_ended: bool) -> None:
    read = read_units(phrase)
    assert (read.joint, read.open_ended) == (joint, open_ended)
    assert read.names[0].raw == "甲局"


def test_a_prefix_said_once_is_offered_with_a_note_and_the_text_stays() -> None:
    read = read_units("省科技厅、工业和信息化厅、财政厅")
    assert [part.text for part in read.names] == ["省科技厅", "省工业和信息化厅", "省财政厅"]
    assert [part.raw for part in read.names] == ["省科技厅", "工业和信息化厅", "财政厅"]
    assert "省去了“省”" in read.note
    assert not read.names[0].note


def test_the_first_named_leads_when_the_phrase_says_so() -> None:
    assert read_units("责任单位（列首位的为牵头单位）：甲局、乙局").first_leads
    assert not read_units("甲局、乙局").first_leads


def test_a_known_name_is_never_split_and_the_longest_wins() -> None:
    known = KnownNames(
        [
            "各乡镇、街道",
            "各乡镇",
            "市委宣传部（市版权局、市电影局）",
            "科技和商务局",
            "负责局负责",
            "财政局",
        ]
    )
    assert told("各乡镇、街道、财政局", known)[2] == ["各乡镇、街道", "财政局"]
    assert told("市委宣传部（市版权局、市电影局）、财政局", known)[2] == [
        "市委宣传部（市版权局、市电影局）",
        "财政局",
    ]
    assert told("科技和商务局和财政局牵头", known)[0] == ["科技和商务局", "财政局"]
    assert told("负责局负责", known)[2] == ["负责局负责"]
    assert "市财政局" not in known
    assert "财政局" in known


def test_a_listed_bare_name_takes_no_prefix() -> None:
    assert told("市科技局、税务局", KnownNames(["税务局"]))[2] == ["市科技局", "税务局"]
    assert told("市科技局、税务局")[2] == ["市科技局", "市税务局"]


@given(
    st.text(
        alphabet="甲乙局委省市各乡镇街道牵头配合负责等无、，；：（）()/ \n和及与会同按职责分工",
        max_size=40,
    )
)
def test_nothing_raises_and_nothing_is_invented(phrase: str) -> None:
    squeezed = "".join(phrase.split())
    read = read_units(phrase, KnownNames(["各乡镇、街道", "甲和乙局"]))
    for part in read.names:
        assert part.raw
        assert part.text
        assert "".join(part.raw.split()).replace("、", "") in squeezed.replace("、", "").replace(
            "/", ""
        ) or (part.raw in phrase)
        assert part.role in {"lead", "support", ""}
    assert read.none == (not read.names)
