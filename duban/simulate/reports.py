"""Writes what units report: plain sentences, progress by schedule, figures around the target."""

from __future__ import annotations

import random
from decimal import ROUND_HALF_UP, Decimal

from duban.ledger import queries, transitions
from duban.ledger.transitions import Report
from duban.matrix.model import Indicator, Matrix


class Writer:
    """The pen of all units; the same seed and item give the same words."""

    def __init__(self, matrix: Matrix, seed: int) -> None:
        self._tasks = matrix.tasks_by_id
        self._indicators = {each.id: each for each in matrix.plan.indicators}
        self._plan = matrix.plan
        self._seed = seed

    def report(self, row: queries.Row, nil_percent: int, dice: random.Random) -> Report:
        """A report for an obligation. ``nil_percent``: how often there is nothing to say."""
        finishes = row["kind"] in transitions.FINISHES
        nil = not finishes and not self._figures(row, dice) and dice.randrange(100) < nil_percent
        percent = 100 if finishes else self._percent(row, dice)
        what = row["title"]
        return Report(
            progress="" if nil else dice.choice(_PROGRESS).format(what=what, label=row["label"]),
            problem="" if dice.randrange(100) < 60 else dice.choice(_PROBLEMS),
            next_step="" if nil else dice.choice(_NEXT),
            percent=percent,
            nil=nil,
            figures=self._figures(row, dice),
            signed_by="分管负责人（示例）",
            door="simulation",
        )

    def _percent(self, row: queries.Row, dice: random.Random) -> int:
        """Around the share of the plan's term that has gone."""
        plan = self._plan
        whole = max((plan.ends_on - plan.starts_on).days, 1)
        gone: int = (row["due_on"] - plan.starts_on).days * 100 // whole
        return max(5, min(95, gone + dice.randint(-12, 6)))

    def _figures(self, row: queries.Row, dice: random.Random) -> dict[str, Decimal]:
        if row["kind"] != "report":
            return {}
        found = {}
        for name in self._tasks[row["task"]].indicators:
            value = self._figure(self._indicators[name], row)
            if value is not None:
                found[name] = value
        return found

    def _figure(self, indicator: Indicator, row: queries.Row) -> Decimal | None:
        """A flow brings its period's share, a stock or cumulative number grows towards the target."""
        year = row["due_on"].year
        targets = indicator.unit_targets.get(
            row["unit"], indicator.targets if not indicator.unit_targets else {}
        )
        if year not in targets:
            return None
        dice = random.Random(f"{self._seed}:figure:{row['key']}:{indicator.id}")
        wobble = Decimal(dice.randint(82, 112)) / 100
        month = row["due_on"].month
        if indicator.measure == "flow":
            return _rounded(targets[year] / _periods(row["period"]) * wobble, targets[year])
        start = targets.get(year - 1, indicator.baseline or Decimal(0))
        wobble = Decimal(dice.randint(94, 103)) / 100
        return _rounded((start + (targets[year] - start) * month / 12) * wobble, targets[year])


def _periods(period: str) -> int:
    """How many such periods a year has."""
    if "Q" in period:
        return 4
    if "H" in period:
        return 2
    return 52 if "W" in period else 12 if "-" in period else 1


def _rounded(value: Decimal, like: Decimal) -> Decimal:
    """As exact as the target is written."""
    places = Decimal(1) if like == like.to_integral() else Decimal("0.01")
    return value.quantize(places, ROUND_HALF_UP)


_PROGRESS = (
    "围绕“{what}”，本期召开推进会1次，走访企业和站点，台账已更新，按计划推进。",
    "“{what}”本期完成阶段任务，相关材料已归档，成效正在汇总。",
    "已会同配合单位研究“{what}”具体措施，印发任务清单，正在逐项落实。",
    "{label}：组织专题培训和现场指导，发放资料，企业反映的问题已逐条回复。",
)
_PROBLEMS = (
    "基层专业人员不足，请求安排一次业务培训。",
    "部分企业积极性不高，正在逐户对接。",
    "上级系统升级，数据口径有调整，需核对。",
    "经费拨付进度偏慢，已商财政部门。",
)
_NEXT = (
    "下一步抓好重点企业对接，按月通报进度。",
    "下一步补齐佐证材料，迎接检查。",
    "继续按计划推进，下期集中攻坚。",
)
