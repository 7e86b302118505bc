"""Names of many units (各有关单位) and names of one: neither is taken for the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from duban.errors import Issues
from duban.matrix.load import load_directory, load_matrix
from duban.matrix.names import is_collective
from duban.settings import Home

ROOT = Home(Path(__file__).resolve().parent.parent)

MANY = [
    "全区经济运行各专班",
    "新六区大队",
    "其他职能部门",
    "直属各大队",
    "各地级以上市人民政府",
    "省各有关单位",
    "市级各有关部门",
    "全区各部门",
    "全区各镇街",
    "全市各乡镇、街道",
    "各有关单位",
    "区直各部门",
    "市直各单位",
    "县直各有关单位",
    "各乡镇（街道）",
    "省级各部门",
    "省直机关各部门",
    "其它有关单位",
    "有关部门",
    "相关单位",
    "新郑市各乡镇",
    "县各有关部门",
    "全校各二级学院",
    "全局各处室",
    "老三区大队",
    "各县（市、区）人民政府",
    "市局各处室",
    "市财政局等部门",
    "领导小组成员单位",
    "省有关部门",
]
REAL = [
    "市市场监管局",
    "市财政局",
    "新建路街道",
    "龙湖镇",
    "六区街道",
    "三县岭镇",
    "五区派出所",
    "大队",
    "交警一大队",
    "新区大队",
    "市交警支队直属大队",
    "市直属机关工委",
    "市委直属机关工委",
    "省直机关事务管理局",
    "市级机关事务管理局",
    "全市场监管所",
    "全南县教育局",
    "全州县人民政府",
    "其林镇",
    "市公安局新六分局",
    "市人民政府",
    "省人民检察院",
    "市科协",
    "市残联",
    "市总工会",
    "经济运行专班",
    "招商专班",
    "新郑市人民法院",
    "县委办",
    "市政府办公室",
    "高新区管委会",
    "六合区教育局",
    "九江市人民政府",
    "三河市公安局",
    "五华县人民政府",
    "市县乡三级网格中心",
]


@pytest.mark.parametrize("name", MANY)
def test_many(name: str) -> None:
    assert is_collective(name)


@pytest.mark.parametrize("name", REAL)
def test_one(name: str) -> None:
    assert not is_collective(name)


def test_no_shipped_unit_is_many_and_no_shipped_task_lost_one() -> None:
    directory = load_directory(ROOT, Issues())
    for unit in directory.units.values():
        for name in (unit.name, unit.short, unit.second_name, *unit.aliases):
            # 市银保监部门 may be an alias: what is listed is asked first.
            assert not is_collective(name) or name.endswith("部门"), name
    matrix = load_matrix(ROOT, "xinzheng-ip-pilot", Issues())
    assert matrix is not None
    kept = {text for task in matrix.plan.tasks for text in task.support_text}
    assert kept <= {"各有关单位"}
