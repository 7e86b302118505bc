"""How values are written on pages: days, moments, sizes, lamps, names. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup, escape

from duban import clock
from duban.assessment.amounts import points_text
from duban.lamps import Lamp
from duban.ledger import requests, undelivered
from duban.rehearsal.values import OUTCOMES
from duban.status import STATE_NAMES, WEEKDAYS
from notifier.message import KIND_NAMES

SUBMISSION_STATES = {"pending": "待审核", "accepted": "已通过", "returned": "已退回"}
MESSAGE_STATES = undelivered.STATE_NAMES
MESSAGE_KINDS = KIND_NAMES | {
    "day": "每日通知",
    "urgent": "加急通知",
    "digest": "周报",
    "copy": "群抄送",
}
PROPOSAL_STATES = {
    "taken": "已执行",
    "waiting": "待确认",
    "confirmed": "已确认",
    "softened": "降级发出",
    "dropped": "不予采纳",
    "withdrawn": "自动撤回",
}
ROLES = {"lead": "牵头", "joint": "共同牵头", "part": "配合", "support": "配合"}
KINDS = {"finish": "办结", "milestone": "节点", "report": "定期报送", "summary": "汇总报送"}
DOORS = {
    "link": "网页",
    "workbook": "报送表",
    "drop": "收件夹",
    "mail": "邮箱",
    "api": "接口",
    "cli": "命令行",
    "simulation": "演练",
}
DRAFT_STATES = {"draft": "草稿", "approved": "已审定", "published": "已发布"}
CLASSES = {"planned": "计划", "internal": "内部要求", "hard": "硬性时限"}
EVENT_NAMES = {
    "obligation.planned": "列入台账",
    "obligations.expanded": "列入台账",
    "obligation.replanned": "调整文字或分工",
    "obligation.moved": "调整时限",
    "obligation.cancelled": "取消",
    "obligation.restored": "恢复",
    "obligation.requested": "发出报送通知",
    "obligation.acknowledged": "签收",
    "obligation.missed": "到期未报",
    "obligation.reported": "收到报送",
    "obligation.returned": "退回",
    "obligation.closed": "销号",
    "obligation.accepted_part": "部分通过",
    "obligation.reopened": "回头看",
    "obligation.extended": "延期",
    "obligation.suspended": "暂缓",
    "obligation.resumed": "恢复办理",
    "obligation.adopted": "导入历史",
    "obligation.adjusted": "按批准调整",
    "obligation.merged": "并入别的事项",
    "obligation.split": "拆分",
    "request.asked": "提出申请",
    "request.decided": "答复申请",
    "request.withdrawn": "撤回申请",
    "submission.received": "报送内容入账",
    "submission.reviewed": "审核",
    "evidence.stored": "附件入库",
    "mail.taken": "收到邮件",
    "notice.claimed": "生成通知",
    "notice.settled": "通知处理",
    "proposal.raised": "达到督办条件",
    "proposal.decided": "督办建议处理",
    "proposal.handed": "督办建议移交",
    "ladder.started": "按梯级督办",
    "ladder.climbed": "督办升级",
    "ladder.adopted": "改用现行梯级",
    "ladder.cleared": "督办终止",
    "digest.approved": "审定周报",
    "account.added": "建立账号",
    "account.changed": "账号调整",
    "account.invited": "发出设口令链接",
    "account.password_set": "设口令",
    "account.totp_on": "启用动态口令",
    "account.totp_off": "停用动态口令",
    "account.recovery_used": "用备用码",
    "sign_in.done": "登录",
    "sign_in.ended": "退出",
    "sign_in.refused": "登录被拒",
    "token.issued": "开出接口凭证",
    "token.revoked": "停用接口凭证",
}
SIGN_IN_ACTS = {"in": "登录", "out": "退出", "refused": "被拒"}
SIGN_IN_WAYS = {
    "password": "口令",
    "code": "口令和动态口令",
    "oidc": "统一身份认证",
    "key": "办公室钥匙",
}


def day(value: date | None) -> str:
    """2026年11月22日, or 未起算."""
    return "未起算" if value is None else f"{value.year}年{value.month}月{value.day}日"


def short_day(value: date | None, today: date) -> str:
    """11月25日（周三） of this year, with the year and without the weekday else."""
    if value is None:
        return "未起算"
    if value.year == today.year:
        return f"{value.month}月{value.day}日（周{WEEKDAYS[value.weekday()]}）"
    return day(value)


def moment(value: datetime | None) -> str:
    """2026年11月22日 08:30 on the clock in Asia/Shanghai."""
    if value is None:
        return "—"
    there = clock.local(value)
    return f"{day(there.date())} {there:%H:%M}"


def moment_exact(value: datetime) -> str:
    """The same with seconds, for receipts and the record."""
    return f"{moment(value)}:{clock.local(value):%S}"


def due(row: Mapping[str, Any], today: date) -> str:
    """The due of an obligation, with its time of day where one was given."""
    text = short_day(row["due_on"], today)
    ends = None if row["due_at"] is None else clock.local(row["due_at"])
    return text if ends is None or (ends.hour, ends.minute) == (23, 59) else f"{text}{ends:%H:%M}"


def size(count: int) -> str:
    """860 KB, 1.2 MB."""
    if count < 1024 * 1024:
        return f"{max(1, count // 1024)} KB"
    return f"{Decimal(count) / (1024 * 1024):.1f} MB"


def number(value: Decimal | str | None) -> str:
    """A number as it is written: no exponent, no trailing zeros."""
    if value is None:
        return "—"
    text = format(Decimal(value), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def points(millipoints: int | None) -> str:
    """Points from thousandths, exact."""
    return "—" if millipoints is None else points_text(int(millipoints))


def lamp_chip(lamp: Lamp, words: str = "") -> Markup:
    """A lamp as colour, shape and words."""
    text = words or lamp.words or lamp.name
    return Markup('<span class="lamp {}"><i aria-hidden="true">{}</i>{}</span>').format(
        lamp.colour, lamp.shape, escape(text)
    )


def query(path: str, /, **values: object) -> str:
    """An address with its query, empty values left out."""
    given = {name: str(value) for name, value in values.items() if value not in {None, ""}}
    return f"{path}?{urlencode(given)}" if given else path


def opened(text: str) -> Any:
    """JSON text as values."""
    return json.loads(text)


FILTERS = {
    "day": day,
    "short_day": short_day,
    "moment": moment,
    "moment_exact": moment_exact,
    "size": size,
    "number": number,
    "points": points,
    "opened": opened,
}
WORDS = {
    "state_names": STATE_NAMES,
    "submission_states": SUBMISSION_STATES,
    "message_states": MESSAGE_STATES,
    "message_kinds": MESSAGE_KINDS,
    "proposal_states": PROPOSAL_STATES,
    "notice_outcomes": OUTCOMES,
    "roles": ROLES,
    "kinds": KINDS,
    "doors": DOORS,
    "draft_states": DRAFT_STATES,
    "classes": CLASSES,
    "event_names": EVENT_NAMES,
    "sign_in_acts": SIGN_IN_ACTS,
    "sign_in_ways": SIGN_IN_WAYS,
    "lamp_chip": lamp_chip,
    "due": due,
    "url": query,
    "request_words": requests.words,
    "answer_words": requests.answer_words,
    "request_states": requests.STATE_NAMES,
    "request_kinds": requests.KIND_NAMES,
}
