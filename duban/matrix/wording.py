"""The closed vocabulary around a deadline: what may stand before and after a date. Pure.

Only words that do not move the day are here. A word that is missing makes the grammar abstain, which
a person then settles; a word too many would make it wrong in silence.
"""

from __future__ import annotations

import re

_ADVERB = (
    r"(?:基本|全部|全面|按时|如期|力争|确保|务必|必须|要求|要|应|须|需|均|集中|组织|牵头|至少|不少于|"
    r"定期|及时|统一|书面|向(?:(?![年月日旬季周每前后底末起止内外])[\u4e00-\u9fff]){1,12}|再)"
)
_VERB = (
    r"(?:完成|办结|报送|上报|呈报|提交|报告|印发|出台|制定|建成|建立|实施|落实|整改|到位|见效|达标|"
    r"达成|验收|启动|开展|推进|实现|调度|通报|更新|总结|汇总|分析|研判|检查|督查|督导|会商|召开|"
    r"进行|公布|发布|报|填报|取得)"
)
_OBJECT = (
    r"(?:任务|工作|方案|机制|制度|报告|材料|情况|验收|整改|目标|自查|建设|进展|总结|数据|报表|信息|"
    r"台账|会议|检查|落实|到位|完毕|周报|月报|季报|年报|专报|(?:阶段性?|初步|明显|显著|积极|实质性?)?(?:成效|成果|进展|突破))"
)
ACTION = rf"(?:{_ADVERB}*{_VERB}{{1,2}}{_OBJECT}{{0,3}})"
_KEEP = (
    r"(?:坚持|推进|实施|开展|落实|执行|运行|管理|深化|巩固|提升|保持|更新|做好|进行|抓好|抓实|"
    r"工作|任务|常态化?|长效化?)"
)
OPEN = (
    rf"(?:(?:长期|持续|常态化?|常年|长效|始终|不断)(?:[、,]?(?:长期|持续|常态化?|长效|不断|性))*(?:并?{_KEEP})*"
    rf"(?:[、,](?:长期|持续|常态化?|长效|不断)(?:并?{_KEEP})*)?)"
)

_LEAD = re.compile(
    r"(?:(?:任务|工作)?(?:完成|办结|办理|整改|报送|计划完成)?(?:时限|期限|时间|截止时间|截止日期|截止期|节点)"
    r"(?:要求)?(?:为|是)?:?|原则上|力争|确保|务必|计划|拟|应|须|需|要|于|在|截至|截止到?|不晚于|"
    r"不迟于|最迟|最晚|完成于)*(?:[至到](?=[0-9年]))?"
)
_HOLIDAY = re.compile(
    r"(?P<rest>.+?)[,;]?\(?[如若]?[遇逢]?(?:国家)?(?:法定)?(?:节假日|休息日|非工作日|公休日)"
    r"(?:[和或、及](?:节假日|休息日|非工作日|公休日|周末|双休日))?(?:的|时)?,?[则可应]?(?:自动|相应|依次)?"
    r"(?:(?P<next>顺延|推迟|后延)(?:[至到](?:下|后|其后|之后)?(?:[一1]个|第[一1]个)?工作日)?"
    r"|(?P<previous>提前)(?:[至到](?:上|前|之前)?(?:[一1]个|最后[一1]个)?工作日)?)\)?"
)
_TAIL = re.compile(rf"(?P<core>.+?)(?P<action>{ACTION})")

VAGUE = re.compile(
    r"(?:尽快|尽早|近期|立即|马上|抓紧|及时|按时|限期|限时|即时|随时|即日起?|立行立改|即知即改|待定|未定|"
    r"近日|日前|短期内?|中长期|中期|远期|按要求|按进度|按计划|按规定|按期|按时限要求)"
    rf"(?:{ACTION})?"
)
_UNIT_NAME = re.compile(
    r"[\u4e00-\u9fff、,()]*(?:局|委|办|厅|部|院|镇|乡|街道|大队|支队|中队|公司|政府|中心|部门|单位|"
    r"办公室|委员会|管委会|银行|协会|学校|专班|等|所|站)"
)


# Words that would make the name of an “event” a date, a frequency, a limit or a negation.
_NO_EVENT = re.compile(
    r"[每各前内外不除底末旬日月年季周超逾约近至仅半左右含并待]|最[迟晚]|以[上下]|[上下]午|持续|长期|常态|期间|"
    r"开始|^(?:[后起时初首以期]|中(?!期[评考验检督调]|央|国|小))|[后中起时初期]$"
)
_NOT_EVENTS = frozenset("之此其以然今目提近超在随事先")
_SHORT_EVENTS = frozenset("会")


def is_event(name: str) -> bool:
    """Whether free text can be the name of an event that a deadline counts from."""
    if name in _NOT_EVENTS or _NO_EVENT.search(name):
        return False
    return len(name) > 1 or name in _SHORT_EVENTS


def without_lead(text: str) -> str:
    """The phrase without 完成时限：, 力争, 不晚于 and the like."""
    match = _LEAD.match(text)
    rest = text[match.end() :] if match else text
    return rest or text


def split_action(text: str) -> tuple[str, str]:
    """The phrase and the action that ends it (完成, 报送材料), or an empty action."""
    match = _TAIL.fullmatch(text)
    return (match["core"], match["action"]) if match else (text, "")


def split_holiday(text: str) -> tuple[str, str]:
    """The phrase and where a rest day moves its day: none, next (顺延) or previous (提前)."""
    match = _HOLIDAY.fullmatch(text)
    if not match:
        return text, "none"
    return match["rest"], "next" if match["next"] else "previous"


def looks_like_unit(text: str) -> bool:
    """Whether a phrase looks like the name of an organisation: a column may have slipped."""
    return bool(_UNIT_NAME.fullmatch(text))
