"""A small office for tests: the shipped settings, a plan of three tasks, a ledger in a temporary folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from pathlib import Path

from duban import clock
from duban.ledger import apply
from duban.office import Office, open_office
from duban.settings import Home

REPO = Path(__file__).parent.parent
PLAN = """
id: small
title: 小县试点工作方案
issuer: 新郑市人民政府
office: 市市场监管局
term: {from: 2026-01-01, to: 2026-12-31}
year: 2026
anchors:
  - {id: approved, name: 批复, on: 2026-01-05}
areas: [{id: one, name: 第一块}]
indicators:
  - {id: patents, name: 有效发明专利拥有量, unit: 件, direction: normal, measure: stock, comparator: ge, baseline: 10,
     baseline_on: 2025-12-31, source: example, targets: {2026: 60}, unit_targets: [{unit: 龙湖镇, 2026: 30}, {unit: 孟庄镇, 2026: 30}]}
"""
TASKS = """
area: one
tasks:
  - id: T-1
    title: 出台实施意见
    text: 印发实施意见
    source: example
    lead: [市市场监管局]
    responsibility: 市市场监管局牵头
    deliverable: 文件印发
    deadline: 2026年11月20日前
    weight: 2
  - id: T-2
    title: 摸清专利家底
    text: 各镇按月报送
    source: example
    lead: [龙湖镇, 孟庄镇]
    joint: 是
    responsibility: 龙湖镇、孟庄镇按职责分工负责
    deliverable: 台账
    deadline: 2026年12月31日前
    report: {every: month, due: 每月18日前, by: lead}
    indicators: [patents]
    weight: 1
  - id: T-3
    title: 企业提供情况
    text: 请企业提供情况
    source: example
    lead: [市财政局]
    support: [示范企业（待定）三]
    responsibility: 市财政局牵头，示范企业（待定）三配合
    deliverable: 情况
    deadline: 2026年11月13日前
    report: {every: month, due: 每月13日前, by: [示范企业（待定）三]}
    weight: 1
"""


def moment(day: int, hour: int = 9, month: int = 11) -> datetime:
    """A moment of autumn 2026."""
    return clock.at(date(2026, month, day), time(hour))


def write_home(root: Path, *, example: bool = False) -> Home:
    """The shipped config with the small plan."""
    shutil.copytree(REPO / "config", root / "config")
    settings = root / "config" / "duban.yaml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("plan: xinzheng-ip-pilot", "plan: small"), encoding="utf-8")
    folder = root / "tasks_def" / "small"
    folder.mkdir(parents=True)
    (folder / "plan.yaml").write_text(PLAN, encoding="utf-8")
    (folder / "1-one.yaml").write_text(TASKS, encoding="utf-8")
    return Home(root, example=example)


class Hands:
    """A clock whose hands a test moves."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


@contextmanager
def small_office(root: Path, *, example: bool = False) -> Iterator[tuple[Office, Hands]]:
    """The office with its plan applied on 2026-11-02, and its clock."""
    hands = Hands(moment(2))
    home = write_home(root, example=example)
    with open_office(home, ask=hands, durable=False) as office:
        apply.apply(office.ledger, office.matrix, office.planned(), actor="test")
        yield office, hands
