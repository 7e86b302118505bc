"""The cast of the stories: who leads, who supports, who is always late, who cannot be reached.

``home_of`` writes a small office around a few tasks: this cast, and the ladders that ship.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ("calendar.yaml", "reminders.yaml", "escalation.yaml", "lamps.yaml", "channels.yaml")

DUBAN_YAML = """\
plan: story
office_unit: 市市场监管局
office_name: 督办办公室
issuer: 督办办公室
contact: 督办办公室 00000000
mail_domain: cast.example
mail_from: duban@cast.example
"""

UNITS_YAML = """\
units:
  # 牵头，办公室也设在这里
  - id: scjgj
    name: 示例市市场监督管理局
    short: 市市场监管局
    second_name: 示例市知识产权局
    aliases: [市知识产权局]
    kind: bureau
    group: 市直部门
    posts:
      liaison: [{name: 联络员（待填）, address: scjgj.lianluo@cast.example}]
      section: [{name: 科室负责人（待填）, address: scjgj.keshi@cast.example}]
      deputy: [{name: 分管负责人（待填）, address: scjgj.fenguan@cast.example}]
      head: [{name: 主要负责人（待填）, address: scjgj.zhuyao@cast.example}]
  # 配合
  - id: fayuan
    name: 示例市人民法院
    short: 市法院
    kind: court
    group: 市直部门
    posts:
      liaison: [{name: 联络员（待填）, address: fayuan.lianluo@cast.example}]
  # 总是迟
  - id: longhu
    name: 龙湖镇人民政府
    short: 龙湖镇
    kind: township
    group: 乡镇街道
    posts:
      liaison: [{name: 联络员（待填）, address: longhu.lianluo@cast.example}]
      section: [{name: 科室负责人（待填）, address: longhu.keshi@cast.example}]
      deputy: [{name: 分管负责人（待填）, address: longhu.fenguan@cast.example}]
      head: [{name: 主要负责人（待填）, address: longhu.zhuyao@cast.example}]
  # 总是准时
  - id: xindian
    name: 辛店镇人民政府
    short: 辛店镇
    kind: township
    group: 乡镇街道
    posts:
      liaison: [{name: 联络员（待填）, address: xindian.lianluo@cast.example}]
      deputy: [{name: 分管负责人（待填）, address: xindian.fenguan@cast.example}]
  # 联络员空缺
  - id: guodian
    name: 郭店镇人民政府
    short: 郭店镇
    kind: township
    group: 乡镇街道
    posts:
      section: [{name: 科室负责人（待填）, address: guodian.keshi@cast.example}]
  # 一个人也找不到
  - id: kongque
    name: 空缺镇人民政府
    short: 空缺镇
    kind: township
    group: 乡镇街道
  # 四月一日才设立
  - id: xincun
    name: 新村镇人民政府
    short: 新村镇
    kind: township
    group: 乡镇街道
    joined: 2026-04-01
    posts:
      liaison: [{name: 联络员（待填）, address: xincun.lianluo@cast.example}]
      deputy: [{name: 分管负责人（待填）, address: xincun.fenguan@cast.example}]
  # 企业只请提供情况
  - id: qiye
    name: 示例食品有限公司
    short: 示例食品公司
    kind: enterprise
    group: 企业
    posts:
      liaison: [{name: 联络员（待填）, address: qiye.lianluo@cast.example}]
      head: [{name: 主要负责人（待填）, address: qiye.zhuyao@cast.example}]
  # 分管县领导在这里收件
  - id: zfb
    name: 示例市人民政府办公室
    short: 市政府办公室
    kind: bureau
    group: 市直部门
    posts:
      liaison: [{name: 联络员（待填）, address: zfb.lianluo@cast.example}]
      county: [{name: 分管市领导（待填）, address: zfb.lingdao@cast.example}]
groups:
  - {name: 各乡镇, members: [龙湖镇, 辛店镇]}
  - {name: 新老乡镇, members: [龙湖镇, 新村镇]}
"""


class _Plain(yaml.SafeDumper):
    """Writes no aliases: the reader refuses them."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


PLAN: Mapping[str, Any] = {
    "id": "story",
    "title": "示例工作方案",
    "issuer": "示例市人民政府",
    "office": "市市场监管局",
    "term": {"from": "2026-01-01", "to": "2026-12-31"},
    "year": "2026",
    "anchors": [{"id": "approved", "name": "批复", "on": "2026-01-08"}],
    "goals": [{"id": "g1", "name": "目标一"}],
    "areas": [{"id": "work", "name": "重点工作一"}],
    "safeguards": [{"id": "org", "name": "组织保障"}],
    "indicators": [
        {
            "id": "patents",
            "name": "有效发明专利",
            "unit": "件",
            "measure": "stock",
            "targets": {"2026": "100"},
        }
    ],
}

TASK: Mapping[str, Any] = {"source": "example", "area": "work", "kind": "planned"}


def home_of(root: Path, matrix: Mapping[str, Any], *, units: str = UNITS_YAML) -> Path:
    """A home with this cast. ``matrix``: tasks and whatever of the plan differs from ``PLAN``."""
    config = root / "config"
    config.mkdir(parents=True, exist_ok=True)
    for name in SHIPPED:
        shutil.copy(ROOT / "config" / name, config / name)
    (config / "duban.yaml").write_text(DUBAN_YAML, encoding="utf-8")
    (config / "units.yaml").write_text(units, encoding="utf-8")
    shutil.copytree(ROOT / "config" / "assessment", config / "assessment", dirs_exist_ok=True)
    write_matrix(root, matrix)
    return root


def write_matrix(root: Path, matrix: Mapping[str, Any]) -> None:
    """Write the tasks and the plan around them; again after an edit."""
    folder = root / "tasks_def" / "story"
    folder.mkdir(parents=True, exist_ok=True)
    plan = {**PLAN, **{key: value for key, value in matrix.items() if key != "tasks"}}
    tasks = [{**TASK, **task} for task in matrix["tasks"]]
    for name, content in (("plan.yaml", plan), ("1-tasks.yaml", {"tasks": tasks})):
        text = yaml.dump(content, Dumper=_Plain, allow_unicode=True, sort_keys=False, width=200)
        (folder / name).write_text(text, encoding="utf-8")


REPORT_TASK: Mapping[str, Any] = {
    "id": "T-01",
    "title": "建立保护机制",
    "lead": ["市市场监管局"],
    "support": ["市法院", "各乡镇"],
    "deadline": "2026年6月30日前",
    "report": {"every": "month", "due": "每月25日前", "by": ["各乡镇"], "summary": "每月28日前"},
    "indicators": ["patents"],
    "weight": "2",
}
"""A task that is finished by its lead, and reported each month by two townships."""
