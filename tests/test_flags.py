"""Quality flags of a report: each is raised where it should be, and beside it where it must not be."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from duban.intake.flags import NAMES, Case, Figure, Told, alike, claims_done, flags

WORK = "11月10日联合金融办召开银企对接会，达成意向6笔；新增质押登记2笔、0.29亿元，下步走访重点企业20家。"
OTHER = "本月组织专利业务培训一期，参训企业三十二家，发放维权手册四百册，受理举报线索两条并已办复。"
PATENTS = {"p": Figure("有效发明专利", "cumulative"), "q": Figure("质押金额", "flow")}


def told(text: str = WORK, percent: int | None = None, **figures: str) -> Told:
    return Told(text, percent, {key: Decimal(value) for key, value in figures.items()}, "10月")


def case(**more: Any) -> Case:
    return replace(Case(told(), figures=PATENTS), **more)


def test_an_ordinary_report_has_no_flag() -> None:
    ordinary = case(
        told=told(WORK, 80, p="2110", q="2.15"),
        before=told(OTHER, 70, p="2090", q="1.86"),
        peers=[("龙湖镇", OTHER)],
        wants_evidence=True,
        files=1,
        stated_on=date(2026, 11, 20),
        received_on=date(2026, 11, 22),
    )
    assert flags(ordinary) == ()


SAME_BUT_A_NUMBER = WORK.replace("6笔", "7笔")
RAISED = {
    "empty": (case(told=told("  。")), "short", "是空的"),
    "short": (case(told=told("正在推进。")), "short", "只有4个字"),
    "copied": (case(before=told(WORK.replace("，", " , "))), "same-as-before", "（10月）几乎一样"),
    "copied but a number": (case(before=told(SAME_BUT_A_NUMBER)), "same-as-before", "几乎一样"),
    "returned, unchanged": (case(sent_back=told()), "same-as-returned", "退回前几乎一样"),
    "a peer's": (case(peers=[("龙湖镇", WORK), ("法院", WORK)]), "same-as-peer", "龙湖镇等2个单位"),
    "fell": (case(told=told(p="90"), before=told(OTHER, p="91")), "figure-fell", "从91变成90"),
    "jumped": (case(told=told(q="215"), before=told(OTHER, q="2.15")), "figure-jump", "小数点"),
    "shrank": (case(told=told(q="2"), before=told(OTHER, q="200")), "figure-jump", "超过5倍"),
    "back": (case(told=told(WORK, 60), before=told(OTHER, 80)), "percent-back", "从80%退到60%"),
    "no file": (case(wants_evidence=True), "no-evidence", "没有附件"),
    "old file": (case(files=1, old_files=[("照片.jpg", "9月")]), "old-evidence", "“照片.jpg”与9月"),
    "later": (
        case(stated_on=date(2026, 11, 23), received_on=date(2026, 11, 22)),
        "stated-later",
        "还晚",
    ),
    "done at 80": (case(told=told("本项任务已全部完成，申请销号。", 80)), "not-whole", "80%"),
}


@pytest.mark.parametrize("name", RAISED)
def test_each_flag_is_raised_with_its_sentence(name: str) -> None:
    given, code, words = RAISED[name]
    found = {flag.code: flag.sentence for flag in flags(given)}
    assert words in found[code]
    assert list(found) == [code]


def test_every_flag_has_a_case_here() -> None:
    assert {code for _, code, _ in RAISED.values()} == set(NAMES)


NOT_RAISED = {
    "nil has no text": case(told=told(""), nil=True, before=told("")),
    "nil needs no file": case(told=told(""), nil=True, wants_evidence=True),
    "a new text": case(before=told(OTHER)),
    "short sentences are everybody's": case(
        told=told("已召开推进会并部署。"), before=told("已召开推进会并部署。"),
        peers=[("法院", "已召开推进会并部署。")],
    ),
    "a text grown to double": case(told=told(WORK + OTHER), before=told(WORK)),
    "a flow may fall": case(told=told(q="10"), before=told(OTHER, q="12")),
    "a cumulative number may stand": case(told=told(p="91"), before=told(OTHER, p="91.0")),
    "small counts jump": case(told=told(q="6"), before=told(OTHER, q="1")),
    "from nothing": case(told=told(q="300"), before=told(OTHER, q="0")),
    "a new number": case(told=told(q="300"), before=told(OTHER)),
    "another milestone's percent": case(
        told=told(WORK, 40), before=told(OTHER, 100), same_item=False
    ),
    "the day it came": case(stated_on=date(2026, 11, 22), received_on=date(2026, 11, 22)),
    "done at 100": case(told=told("本项任务已全部完成，申请销号。", 100)),
    "a hope": case(told=told("力争12月底前全部完成，目前正走访企业。", 80)),
    "a denial": case(told=told("两家企业的整改尚未全部完成，其余推进中。", 80)),
    "a part": case(told=told("已完成前期调研，正在起草办法文本。", 40)),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_RAISED)
def test_no_false_alarm(name: str) -> None:
    assert flags(NOT_RAISED[name]) == ()


@pytest.mark.parametrize(
    ("text", "done"),
    [
        ("该事项已办结。", True),
        ("年度计划已全部完成。", True),
        ("应办事项均已完成，建议销号。", True),
        ("预计年底前可全部完成", False),
        ("未能按期办结，也没有全部完成", False),
        ("已完成3件", False),
    ],
)
def test_what_claims_to_be_done(text: str, done: bool) -> None:
    assert claims_done(text) is done


def test_likeness_is_the_same_both_ways_and_of_itself() -> None:
    assert alike(WORK, WORK, least=1)
    assert alike(WORK, SAME_BUT_A_NUMBER, least=1) == alike(SAME_BUT_A_NUMBER, WORK, least=1)
    assert not alike("", "", least=1)
