"""Finds the header of a 任务分工表 by its words and tells what each column holds. Pure.

A header may stand below a title, take two rows (责任分工 over 牵头单位 and 配合单位), be repeated on
later pages, or change half-way down a sheet. A row is a header only when nearly all of it is header
words, so that a task called 工作任务… is never taken for one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from duban.importing.grid import Grid

SERIAL, AREA, TITLE, TEXT = "serial", "area", "title", "text"
LEAD, SUPPORT, OWNER = "lead", "support", "responsibility"
DEADLINE, DELIVERABLE, CLAUSE, WEIGHT, EXTRA, STAGE = (
    "deadline",
    "deliverable",
    "clause",
    "weight",
    "extra",
    "stage",
)
UNIT_ROLES = (LEAD, SUPPORT, OWNER)
WORK_ROLES = (TITLE, TEXT, DELIVERABLE)
ROLE_NAMES: Mapping[str, str] = {
    SERIAL: "序号",
    AREA: "类别",
    TITLE: "任务",
    TEXT: "工作内容",
    LEAD: "牵头单位",
    SUPPORT: "配合单位",
    OWNER: "责任单位",
    DEADLINE: "完成时限",
    DELIVERABLE: "考核要点",
    CLAUSE: "出处",
    WEIGHT: "权重",
    STAGE: "分阶段安排",
    EXTRA: "其他（作批注保留）",
}

_ORG = r"(?:单位|部门|处室|科室|机构|主体|方|学院|系部|局办|股室)"
_WORK = r"(?:任务|工作|事项|项目|举措|措施|要点|内容|目标|改革|课题|问题|指标)"
# The first pattern that fits decides; each takes the whole label.
_WORDS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (role, re.compile(pattern))
    for role, pattern in (
        (SERIAL, r"序号?|编号|项次|序列|项目?编号|任务编号|任务序号|NO\.?|ID|#|条目"),
        (
            EXTRA,
            r"(?!.*单位).{0,6}(?:领导|责任人|负责人|联系人|联络员|电话|联系方式|经办人|责任科室负责人|牵头人|签字|承办人|院长|校长)|备注|附注|注|"
            r"(?:目前|当前|工作|任务)?(?:完成|进展|落实|推进|办理|执行)(?:情况|状态|进度|程度|率)|是否完成|得分|自评.*|进度|状态|"
            r"存在问题|下一步.*|资金.*|经费.*|投资.*|原因|说明|其他|其它|整改情况|责任领导.*|维度|级别|来文.*|签收.*",
        ),
        (
            CLAUSE,
            r"出处|来源|任务来源|依据|文件依据|政策依据|文号|条款|文件|文件名称|对应条款|任务出处|来文单位",
        ),
        (WEIGHT, r"权重|分值|权数"),
        (
            SUPPORT,
            rf"(?:[省市县区州镇校院局旗]级?)?(?:主要)?(?:配合|协办|协同|协助|参与|参加|协作|支持|联动|会办|辅助|协调)(?:责任|实施|落实|承办|及落实)*{_ORG}?",
        ),
        (
            LEAD,
            rf"(?:[省市县区州镇校院局旗]级?)?(?:总)?(?:牵头|主办|主责|主体责任|第一责任|首要责任|抓总|牵头负责|牵头责任|牵头及责任|主要责任|主要负责|归口|归口管理)(?:责任|负责|承办|实施)*{_ORG}?",
        ),
        (
            OWNER,
            rf"(?:[省市县区州镇校院局旗]级?)?(?:责任|负责|承办|落实|实施|执行|主管|完成|具体|相关|任务|具体责任|具体实施|承担|组织实施|涉及){{1,2}}{_ORG}|"
            r"责任分工|任务分工|职责分工|分工|责任|负责|分工安排|单位|部门|责任(?:和|及|、)?配合单位|责任部门(?:和|及)配合部门|牵头(?:和|及|、)?(?:配合|责任|参与)(?:单位|部门)|"
            r"责任落实|工作分工|责任单位(?:及|和|、)责任人|单位及责任人|"
            # One cell for both: 由甲牵头，乙配合，2026年6月底前完成.
            r"(?:责任|任务|职责|工作)?(?:分工|单位|部门|落实)[及和与、/](?:完成|办结|进度)?(?:时限|时间|期限|进度)(?:要求|安排)?|"
            r"(?:完成|办结)?(?:时限|时间|期限)[及和与、/](?:责任|牵头|承办)?(?:分工|单位|部门)",
        ),
        (
            DEADLINE,
            r"(?:计划|预计|要求|拟|应)?(?:完成|办结|整改|办理|实施|落实|工作|任务|报送|推进|截止|序时|目标|进度|时间)?"
            r"(?:时限|期限|时间|时间节点|节点|时间表|日期|时间要求|进度安排|进度要求|时间安排|开始时间|起始时间|启动时间|时间进度|时限要求|期限要求|完成日期|完成时间|起止时间|阶段)|"
            r"进度安排|进度计划|时序进度|序时进度|工期|时间(?:及|和)进度.*|.{0,4}时间节点.{0,4}|年度|月份|起止年月|实施进度|实施阶段",
        ),
        (
            DELIVERABLE,
            r"(?:.{0,4})(?:成果|成效|考核要点|考核标准|考核内容|完成标准|验收标准|评价标准|标准|完成形式|成果形式|输出|交付物|绩效目标|"
            r"预期目标|工作目标|年度目标|目标要求|目标值|量化指标|考核指标|任务目标|阶段目标|预期成果|完成标志|办结标准|目标|指标|指标值|标志性.{0,4})",
        ),
        (
            AREA,
            r"类别|分类|类型|领域|板块|专项|模块|方面|大类|重点领域|工作类别|任务类别|项目类别|所属领域|专题|一级(?:指标|任务|目录)|任务分类|工作领域|"
            r"任务组|篇章|章节|部分|条线|重点方向|建设方向|方向|维度分类|行动|工程|目标任务类别|工作方面|任务大类|区域|所属板块",
        ),
        (
            TEXT,
            r"(?:具体|主要|重点|推进|工作|任务|实施|落实|细化|保障|创建|阶段|阶段性|年度|分阶段|各阶段){0,2}(?:内容|措施|举措|要求|做法|步骤|安排|要点|路径|描述|细则|细化任务|计划|方案|进程|阶段任务|阶段工作|任务分解|工作任务分解|计划安排|行动)|"
            r"阶段|阶段任务|工作阶段|任务阶段|具体任务|具体工作|具体事项|二级(?:指标|任务|目录)|三级(?:指标|任务)|工作任务及要求|任务要求|子任务|任务分解|工作分解|目标分解|阶段性(?:任务|工作|安排)|分项任务|任务明细|内容及要求|第[一二三四五]阶段",
        ),
        (
            TITLE,
            rf"(?:[0-9]{{4}}年(?:度)?)?(?:重点|主要|工作|目标|核心|年度|改革|建设|整改|试点|创建|专项|党建|关键|攻坚|省定|市定|重大|分解|办理|督办|督查|推进|任务|实施|基本){{0,3}}{_WORK}{{1,2}}"
            r"(?:名称|事项|清单|分工|分解|内容|任务|要点|要求|安排)?(?:[及和与](?:责任|职责|任务)?分工|[及和与]责任(?:单位|部门))?|名称|具体名称|议定事项|决策部署|分项|评价内容|创建标准|工作要点及任务|测评内容|议题|反馈问题|问题清单",
        ),
    )
)
_STAGE = re.compile(
    r"(?:[0-9]{4}年)?(?:第?[一二三四1-4]季度|上半年|下半年|(?:[1-9]|1[0-2])(?:[-—–~至](?:[1-9]|1[0-2]))?月份?(?:底前?)?|[一二三四五六七八九十]+月份?)"
    r"|[0-9]{4}年(?:底前?)?(?:工作)?(?:目标|任务|计划)?"
)
_LOOSE: tuple[tuple[str, re.Pattern[str]], ...] = (
    # Longer labels that no list foresees; only words that no task's own text is likely to be.
    (SUPPORT, re.compile(r"(?:配合|协办|参与|参加)(?:单位|部门)")),
    (LEAD, re.compile(r"(?:牵头|主办)(?:单位|部门)")),
    (OWNER, re.compile(r"(?:责任|承办|负责)(?:单位|部门|处室)")),
    (DEADLINE, re.compile(r"时限|期限|完成时间|时间节点|时间要求")),
)
MAX_LOOSE = 14
MAX_LABEL = 24
HEADER_DEPTH = 3


def label_of(text: str) -> str:
    """A header label as it is compared: half-width, without blanks and without what is in brackets."""
    flat = re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).strip("：:*★．.、")
    return re.sub(r"[(（\[][^()（）\[\]]*[)）\]]", "", flat) or flat


def role_of(label: str) -> str:
    """What a column with this label holds; empty when the label is no header word."""
    if not label or len(label) > MAX_LABEL:
        return ""
    if _STAGE.fullmatch(label):
        return STAGE
    for role, pattern in _WORDS:
        if pattern.fullmatch(label):
            return role
    if len(label) <= MAX_LOOSE:
        return next((role for role, pattern in _LOOSE if pattern.search(label)), "")
    return ""


@lru_cache(maxsize=4096)
def word_role(text: str) -> str:
    """The role of a cell that might be a header's, from its text."""
    return role_of(label_of(text)) if len(text) <= 60 else ""


@dataclass(frozen=True, slots=True)
class Columns:
    """A header: its rows, and for each role the columns that hold it, from left to right."""

    first_row: int
    last_row: int
    roles: Mapping[str, tuple[int, ...]]
    labels: Mapping[int, str]
    raw: tuple[str, ...]  # the labels of its first row, to know it again on the next page
    first_leads: bool = False  # the header says that the first named leads

    def one(self, role: str) -> int:
        """The first column of a role, or -1."""
        found = self.roles.get(role, ())
        return found[0] if found else -1


def find_header(grid: Grid, start: int, stop: int | None = None) -> Columns | None:
    """The first header at or below a row, and not below ``stop``."""
    last = len(grid.rows) if stop is None else min(stop, len(grid.rows))
    for row in range(start, last):
        columns = header_at(grid, row)
        if columns is not None:
            return columns
    return None


def header_at(grid: Grid, row: int) -> Columns | None:
    """The header that begins in this row, or None."""
    cells = grid.rows[row]
    filled = [cell for cell in cells if cell]
    if (
        not filled
        or not word_role(filled[0])
        or len(filled) < 2
        or any(len(cell) > 60 for cell in filled)
    ):
        return None
    words = [word_role(cell) for cell in filled]
    if sum(map(bool, words)) * 5 < len(words) * 3 or not (set(words) & _NEEDED):
        return None
    last, labels = _deepen(grid, row)
    return _columns(grid, row, last, labels)


_NEEDED = frozenset({SERIAL, TITLE, TEXT, LEAD, OWNER, DEADLINE})


def _deepen(grid: Grid, row: int) -> tuple[int, dict[int, list[str]]]:
    """The last row of the header, and for each column its labels from top to bottom."""
    labels = {column: [text] for column, text in _spread(grid, row).items()}
    last = row
    for below in range(row + 1, min(row + HEADER_DEPTH, len(grid.rows))):
        texts = [cell for cell in grid.rows[below] if cell]
        if not texts or not all(word_role(text) for text in texts):
            break
        if not _sub_header(grid, row, below):
            break
        for column, text in _spread(grid, below).items():
            labels.setdefault(column, []).append(text)
        last = below
    bottom = max((end for top, _, end, _ in grid.merges if top == row), default=row)
    return max(last, min(bottom, row + HEADER_DEPTH - 1) if last > row else last), labels


def _sub_header(grid: Grid, row: int, below: int) -> bool:
    """Whether the row below belongs to the same header: it stands under merged or blank cells."""
    filled = [column for column, text in enumerate(grid.rows[below]) if text]
    under = [column for column in filled if grid.text(row, column)]
    wide = {
        column
        for top, left, bottom, right in grid.merges
        if top <= row <= bottom and right > left
        for column in range(left, right + 1)
    }
    return all(column in wide or column not in under for column in filled) or (
        len(under) < len(filled)
    )


def _spread(grid: Grid, row: int) -> dict[int, str]:
    """The labels of a row, a horizontally merged one in each of its columns."""
    found = {column: text for column, text in enumerate(grid.rows[row]) if text}
    for top, left, bottom, right in grid.merges:
        if top <= row <= bottom and right > left and grid.text(top, left):
            for column in range(left, right + 1):
                found.setdefault(column, grid.text(top, left))
    return found


def _columns(grid: Grid, row: int, last: int, labels: dict[int, list[str]]) -> Columns | None:
    roles: dict[str, list[int]] = {}
    shown: dict[int, str] = {}
    for column in sorted(labels):
        texts = list(dict.fromkeys(labels[column]))
        role = next(
            (found for text in reversed(texts) if (found := role_of(label_of(text)))), EXTRA
        )
        above = role_of(label_of(texts[0]))
        if role in {OWNER, EXTRA, TITLE, TEXT} and above in {LEAD, SUPPORT} and len(texts) > 1:
            role = above
        roles.setdefault(role, []).append(column)
        shown[column] = "".join(re.sub(r"\s+", "", text) for text in texts[-1:])
    _settle(roles, shown)
    works = any(roles.get(role) for role in WORK_ROLES)
    others = [role for role in (SERIAL, LEAD, OWNER, DEADLINE, STAGE) if roles.get(role)]
    if not works or (not [role for role in others if role != SERIAL] and not _plain_list(roles)):
        return None
    first = any("牵头" in text and re.search(r"首位|第一", text) for text in shown.values())
    frozen = {role: tuple(columns) for role, columns in roles.items()}
    return Columns(row, last, frozen, shown, tuple(grid.rows[row]), first)


def _plain_list(roles: dict[str, list[int]]) -> bool:
    """序号 and 任务 alone: the unit stands in brackets behind each sentence."""
    return bool(roles.get(SERIAL)) and bool(roles.get(TITLE) or roles.get(TEXT))


def _settle(roles: dict[str, list[int]], shown: dict[int, str]) -> None:
    """Make one reading of columns whose words alone leave it open."""
    if roles.get(LEAD) and roles.get(OWNER):
        # Beside 牵头单位, 责任单位 are those who take part.
        roles[SUPPORT] = sorted([*roles.pop(OWNER), *roles.get(SUPPORT, [])])
    elif roles.get(OWNER) and roles.get(SUPPORT):
        roles[LEAD] = roles.pop(OWNER)
    elif len(roles.get(OWNER, ())) > 1:
        # Several owners side by side: the first column leads.
        first, *rest = roles.pop(OWNER)
        roles[LEAD], roles[SUPPORT] = [first], sorted([*rest, *roles.get(SUPPORT, [])])
    if not roles.get(TITLE):
        _promote(roles)
    elif len(roles[TITLE]) > 1:
        _several_titles(roles, shown)
    if len(roles.get(DEADLINE, ())) > 1:
        _one_deadline(roles, shown)
    if roles.get(DEADLINE) and roles.get(STAGE) and len(roles[STAGE]) == 1:
        (column,) = roles.pop(STAGE)
        role = DELIVERABLE if shown[column].endswith(("目标", "任务", "计划")) else EXTRA
        roles[role] = sorted([*roles.get(role, []), column])


def _promote(roles: dict[str, list[int]]) -> None:
    """Without a task column the next best holds the task."""
    for role in (TEXT, DELIVERABLE, AREA):
        if roles.get(role):
            first, *rest = roles[role]
            roles[TITLE] = [first]
            roles[role] = rest
            if not rest:
                del roles[role]
            return


def _several_titles(roles: dict[str, list[int]], shown: dict[int, str]) -> None:
    """重点工作 | 目标任务: the leftmost is the task, what follows is its content."""
    titles = roles[TITLE]
    goals = [column for column in titles if shown[column].endswith(("目标", "指标"))]
    works = [column for column in titles if column not in goals] or goals[:1]
    roles[TITLE] = works[:1]
    roles[TEXT] = sorted([*roles.get(TEXT, []), *works[1:]])
    rest = [column for column in goals if column not in works]
    if rest:
        roles[DELIVERABLE] = sorted([*roles.get(DELIVERABLE, []), *rest])


def _one_deadline(roles: dict[str, list[int]], shown: dict[int, str]) -> None:
    """开始时间 | 完成时间: the end is the deadline; a column of 阶段 is content."""
    columns = roles[DEADLINE]
    for wish in (r"完成|办结|截止|结束|时限|期限", r"时间|日期|节点|月"):
        ends = [
            each for each in columns if re.search(wish, shown[each]) and "开始" not in shown[each]
        ]
        if ends:
            break
    last = (ends or columns)[-1]
    roles[DEADLINE] = [last]
    for column in columns:
        if column != last:
            role = TEXT if "阶段" in shown[column] else EXTRA
            roles[role] = sorted([*roles.get(role, []), column])


def same_header(columns: Columns, cells: list[str]) -> bool:
    """Whether a row says the header again, as on the next printed page."""
    mine = [label_of(text) for text in columns.raw if text]
    theirs = [label_of(text) for text in cells if text]
    return bool(theirs) and len(theirs) * 2 >= len(mine) and set(theirs) <= set(mine)
